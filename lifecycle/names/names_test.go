package names_test

import (
	"fmt"
	"strings"
	"testing"

	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/text"
)

// spec: A2
func TestNamesAreParsedToAsciiAndUnicode(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	long253 := label63 + "." + label63 + "." + label63 + "." + strings.Repeat("b", 61)
	for _, c := range []struct {
		in, ascii, unicode string
		wildcard, ip       bool
	}{
		{in: "example.com", ascii: "example.com"},
		{in: "  WWW.Example.COM. ", ascii: "www.example.com"},
		{in: "*.example.com", ascii: "*.example.com", wildcard: true},
		{in: "*.Example.Co.UK.", ascii: "*.example.co.uk", wildcard: true},
		{in: "localhost", ascii: "localhost"},
		{in: "a-b.x1.example", ascii: "a-b.x1.example"},
		{in: "1.example", ascii: "1.example"},
		{in: "bücher.example", ascii: "xn--bcher-kva.example", unicode: "bücher.example"},
		{in: "BÜCHER.example", ascii: "xn--bcher-kva.example", unicode: "bücher.example"},
		{in: "bu\u0308cher.example", ascii: "xn--bcher-kva.example", unicode: "bücher.example"},
		{in: "XN--bcher-kva.example", ascii: "xn--bcher-kva.example", unicode: "bücher.example"},
		{in: "*.bücher.example", ascii: "*.xn--bcher-kva.example", unicode: "*.bücher.example", wildcard: true},
		{in: "straße.example", ascii: "xn--strae-oqa.example", unicode: "straße.example"},
		{in: "例子。测试", ascii: "xn--fsqu00a.xn--0zwm56d", unicode: "例子.测试"},
		{in: "ｅｘａｍｐｌｅ.com", ascii: "example.com"},
		{in: "מופע.example", ascii: "xn--9dbrnh.example", unicode: "מופע.example"},
		// Homographs: Cyrillic а, and Greek ο; both forms tell them apart.
		{in: "аpple.com", ascii: "xn--pple-43d.com", unicode: "аpple.com"},
		{in: "gοogle.com", ascii: "xn--gogle-rce.com", unicode: "gοogle.com"},
		{in: label63 + ".com", ascii: label63 + ".com"},
		{in: long253, ascii: long253},
		{in: long253 + ".", ascii: long253},
		{in: "*.github.io", ascii: "*.github.io", wildcard: true}, // private section of the list
		{in: "*.www.ck", ascii: "*.www.ck", wildcard: true},       // an exception in the list
		{in: "192.0.2.10", ascii: "192.0.2.10", ip: true},
		{in: "2001:DB8:0:0::1", ascii: "2001:db8::1", ip: true},
		{in: "[2001:db8::1]", ascii: "2001:db8::1", ip: true},
		{in: "::ffff:192.0.2.10", ascii: "192.0.2.10", ip: true},
	} {
		if c.unicode == "" {
			c.unicode = c.ascii
		}
		n, err := names.Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if n.ASCII != c.ascii || n.Unicode != c.unicode || n.Wildcard != c.wildcard || n.IP.IsValid() != c.ip {
			t.Errorf("%q: got %+v", c.in, n)
		}
		if again, err := names.Parse(n.ASCII); err != nil || again != n {
			t.Errorf("%q: its ASCII form parses to %+v, %v", c.in, again, err)
		}
		if again, err := names.Parse(n.Unicode); err != nil || again != n {
			t.Errorf("%q: its Unicode form parses to %+v, %v", c.in, again, err)
		}
	}
}

// spec: A2
func TestHomographsAreShownInBothForms(t *testing.T) {
	n, err := names.Parse("аpple.com")
	if err != nil || n.Both() != "xn--pple-43d.com (аpple.com)" {
		t.Errorf("got %q, %v", n.Both(), err)
	}
	if n, _ := names.Parse("apple.com"); n.Both() != "apple.com" {
		t.Errorf("got %q", n.Both())
	}
}

// spec: A2
func TestRefusedNamesSayRuleAndExample(t *testing.T) {
	for _, c := range []struct{ in, rule string }{
		{"", "empty"},
		{" \t", "empty"},
		{".", "empty"},
		{"a..example.com", "empty"},
		{".example.com", "empty"},
		{"example.com..", "empty"},
		{"*.", "empty"},
		{"-a.example.com", "hyphen"},
		{"a-.example.com", "hyphen"},
		{"ab--cd.example.com", "reserved"},
		{"my_host.example.com", "letters"},
		{"a b.example.com", "letters"},
		{"a\x00.example.com", "letters"},
		{"a\x1b[31m.example.com", "letters"},
		{"☃.example.com", "letters"},
		{"a\u202eb.example.com", "letters"},
		{"\xff\xfe.example.com", "letters"},
		{"xn--a.example.com", "punycode"},
		{"xn--example-.com", "hyphen"},
		{strings.Repeat("a", 64) + ".com", "63"},
		{strings.Repeat("a.", 126) + "com", "253"},
		{strings.Repeat("x", 5000), "253"},
		{strings.Repeat("ü", 60) + ".com", "63"},
		{"*.*.example.com", "leftmost"},
		{"a.*.example.com", "leftmost"},
		{"w*.example.com", "leftmost"},
		{"*", "leftmost"},
		{"*example.com", "leftmost"},
		{"*.com", "public suffix"},
		{"*.co.uk", "public suffix"},
		{"*.ck", "public suffix"},
		{"*.anything.ck", "public suffix"},
		{"*.公司.cn", "public suffix"},
		{"*.localhost", "public suffix"},
		{"*.192.0.2.10", "number"},
		{"256.1.1.1", "number"},
		{"1.2.3", "number"},
		{"0.0.0.0", "one host"},
		{"ff02::1", "one host"},
		{"fe80::1%eth0", "zone"},
		{"https://example.com/", "scheme"},
		{"example.com:443", "scheme"},
		{"me@example.com", "scheme"},
	} {
		n, err := names.Parse(c.in)
		e, ok := names.IsError(err)
		if !ok {
			t.Errorf("%q: got %+v, %v; want a refusal", c.in, n, err)
			continue
		}
		if said := words(e.Rule); !strings.Contains(said, c.rule) && (c.rule != "punycode" || !strings.Contains(said, "IDNA")) {
			t.Errorf("%q: rule %q does not speak of %q", c.in, words(e.Rule), c.rule)
		}
		if e.Hint == "" || e.Field == "" || !strings.Contains(words(e.AsText()), words(e.Hint)) {
			t.Errorf("%q: no way out: %v", c.in, err)
		}
		if _, err := names.Parse(words(e.Hint)); err != nil {
			t.Errorf("%q: the example %q would not do: %v", c.in, e.Hint, err)
		}
		if strings.ContainsAny(words(e.AsText()), "\x00\x1b\u202e") {
			t.Errorf("%q: the error holds unescaped text: %q", c.in, err)
		}
	}
}

// spec: A2
func TestDomainTypesBoundTheirNames(t *testing.T) {
	many := func(n int) []string {
		var s []string
		for i := range n {
			s = append(s, fmt.Sprintf("h%d.example.com", i))
		}
		return s
	}
	for _, c := range []struct {
		typ   model.DomainType
		names []string
		ip    bool
		want  string // part of the rule, "" for accepted
	}{
		{model.Single, many(1), false, ""},
		{model.Single, nil, false, "exactly one"},
		{model.Single, many(2), false, "exactly one"},
		{model.Single, []string{"*.example.com"}, false, "no wildcards"},
		{model.Single, []string{"192.0.2.1"}, true, ""},
		{model.Single, []string{"192.0.2.1"}, false, "IP addresses"},
		{model.Multi, many(1), false, "2 to 100"},
		{model.Multi, many(2), false, ""},
		{model.Multi, many(100), false, ""},
		{model.Multi, many(101), false, "2 to 100"},
		{model.Multi, []string{"a.example.com", "*.example.com"}, false, "no wildcards"},
		{model.Multi, []string{"a.example.com", "A.example.com."}, false, "only once"},
		{model.Multi, []string{"bücher.example", "xn--bcher-kva.example"}, false, "only once"},
		{model.Multi, []string{"example.com", "2001:db8::1"}, true, ""},
		{model.Multi, []string{"::1", "0:0::1"}, true, "only once"},
		{model.Wildcard, []string{"*.example.com"}, false, ""},
		{model.Wildcard, []string{"*.example.com", "example.com"}, false, "apex"},
		{model.Wildcard, []string{"example.com"}, false, "begins with *."},
		{model.Wildcard, []string{"192.0.2.1"}, true, "begins with *."},
		{model.Wildcard, []string{"*.co.uk"}, false, "public suffix"},
		{"double", many(1), false, "domain type"},
	} {
		got, err := names.Check(c.typ, c.names, c.ip)
		if c.want == "" {
			if err != nil || len(got) != len(c.names) {
				t.Errorf("%s %.3q: %v", c.typ, c.names, err)
			}
			continue
		}
		e, ok := names.IsError(err)
		if !ok || !strings.Contains(words(e.Rule), c.want) || e.Hint == "" {
			t.Errorf("%s %.3q: got %v, want a refusal about %q", c.typ, c.names, err, c.want)
		}
	}
}

// spec: D2
func TestWildcardCoversOneLabel(t *testing.T) {
	for _, c := range []struct {
		cert, host string
		want       bool
	}{
		{"example.com", "example.com", true},
		{"example.com", "EXAMPLE.com.", true},
		{"Example.COM", "example.com", true},
		{"example.com", "www.example.com", false},
		{"*.example.com", "www.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", "*.example.com", true},
		{"*.example.com", "*.b.example.com", false},
		{"*.b.example.com", "*.example.com", false},
		{"*.bücher.example", "www.xn--bcher-kva.example", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"2001:db8::1", "2001:DB8:0::1", true},
		{"*.0.2.1", "192.0.2.1", false},
		{"my_host.example.com", "MY_host.example.com", true},
		{"", "", false},
		{"*.com", "", false},
	} {
		if got := names.Covers([]string{"other.example", c.cert}, c.host); got != c.want {
			t.Errorf("%q covers %q: %v", c.cert, c.host, got)
		}
	}
}

// spec: A2
func FuzzParse(f *testing.F) {
	for _, s := range []string{"example.com", "*.example.com", "bücher.example", "xn--bcher-kva.example", "::1", "a..b", "\xff", "例子。测试",
		"*.co.uk"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := names.Parse(s)
		if err != nil {
			if _, ok := names.IsError(err); !ok {
				t.Fatalf("%q: untyped error %v", s, err)
			}
			return
		}
		if len(n.ASCII) > names.MaxBytes || n.ASCII != strings.ToLower(n.ASCII) {
			t.Fatalf("%q: ASCII form %q", s, n.ASCII)
		}
		for i := range len(n.ASCII) {
			if c := n.ASCII[i]; c < '*' || c > 'z' {
				t.Fatalf("%q: ASCII form %q", s, n.ASCII)
			}
		}
		again, err := names.Parse(n.ASCII)
		if err != nil || again != n {
			t.Fatalf("%q: %+v parses again to %+v, %v", s, n, again, err)
		}
		if !names.Covers([]string{n.ASCII}, n.ASCII) {
			t.Fatalf("%q does not cover itself", n.ASCII)
		}
	})
}

// words says a message in English.
func words(t model.Text) string { return text.New("en").Text(t) }

// A refusal says how it is now: how many names there are, and which is there
// twice; what is no punycode is not told that it has wrong letters. spec: A2
func TestRefusalsOfNamesSayHowItIs(t *testing.T) {
	many := make([]string, 101)
	for n := range many {
		many[n] = fmt.Sprintf("h%d.example.com", n)
	}
	for _, c := range []struct {
		typ   model.DomainType
		names []string
		want  string
	}{
		{model.Multi, many, "a multi certificate has 2 to 100 names, not 101; for example two instances with half of the names each"},
		{model.Multi, many[:1], "a multi certificate has 2 to 100 names, not 1; for example example.com and www.example.com"},
		{model.Multi, nil, "a multi certificate has 2 to 100 names; for example example.com and www.example.com"},
		{model.Single, many[:3], "a single certificate has exactly one name, not 3; for example www.example.com"},
		{model.Multi, []string{"b.example.com", "a.example.com", "b.example.com"},
			`"b.example.com": a name may stand there only once; for example b.example.com`},
		{model.Single, []string{"xn--zzzzzz.com"},
			`"xn--zzzzzz.com": a label that begins with xn-- must be valid punycode (RFC 5891); for example bücher.example`},
	} {
		if _, err := names.Check(c.typ, c.names, false); words(model.TextOf(err)) != c.want {
			t.Errorf("%s %.3q: %v, want %s", c.typ, c.names, err, c.want)
		}
	}
	if _, err := names.List(many, false); !strings.Contains(words(model.TextOf(err)), "at most 100 names, not 101") {
		t.Errorf("101 names: %v", err)
	}
}
