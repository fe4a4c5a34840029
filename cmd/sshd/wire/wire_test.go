package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// design: the socket carries argv so that empty arguments survive.
func TestRequest(t *testing.T) {
	q := &Request{Args: []string{"", "a", "\x00\n", "日本"}, Dir: "/", Env: []string{"A=b"}, In: true, Width: 80, Profile: 3, Lang: "zh"}
	var b bytes.Buffer
	if err := q.Write(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("input")
	got, err := Read(&b)
	if err != nil || !reflect.DeepEqual(got, q) || b.String() != "input" {
		t.Errorf("%+v %v, left %q", got, err, b.String())
	}
	if err := (&Request{Args: []string{strings.Repeat("x", MaxRequest)}}).Write(&b); err == nil {
		t.Error("too long a request was sent")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = Read(bytes.NewReader(b)) })
}

// design: same major.minor attaches.
func TestVersions(t *testing.T) {
	for _, v := range []string{"1.2.3", "1.2.3-rc.1+x", "(devel)"} {
		if got, ok := Version("SSH-2.0-" + Ident(v)); !ok || got != v {
			t.Errorf("%s: %s %v", v, got, ok)
		}
	}
	if strings.ContainsAny(Ident("a b\n-"), " \n-") {
		t.Error("the greeting breaks RFC 4253")
	}
	if _, ok := Version("SSH-2.0-OpenSSH_9.2"); ok {
		t.Error("a stranger passes")
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.2.3", "1.2.9", true}, {"v1.2", "1.2.0-rc1", true}, {"1.2.3", "1.3.3", false}, {"2.2", "1.2", false},
		{"(devel)", "(devel)", true}, {"(devel)", "1.2.3", false}, {"", "1.2", false}, {"1.x", "1.y", false},
	} {
		if Compatible(c.a, c.b) != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, !c.want)
		}
	}
}
