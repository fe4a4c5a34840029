package decode

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"certquay/model"
)

// What only the child of a test does, to try its limits.
func init() {
	say := func(s string) (Contents, error) {
		return Contents{}, &Error{Problem: Unsupported, What: model.Quoted("", s)}
	}
	for kind, f := range map[Kind]func(data, password []byte) (Contents, error){
		"echo": func(data, password []byte) (Contents, error) {
			return Contents{Key: model.NewSecret(password), Certs: [][]byte{data, {}, data}}, nil
		},
		"spin":  func([]byte, []byte) (Contents, error) { spin(); return say("done") },
		"hang":  func([]byte, []byte) (Contents, error) { hang(); return say("done") },
		"panic": func([]byte, []byte) (Contents, error) { panic("secret") },
		"crash": func([]byte, []byte) (Contents, error) {
			go panic("secret")
			hang()
			return say("done")
		},
		"limits": func([]byte, []byte) (Contents, error) { os.Exit(exitLimits); return say("done") },
		"large": func([]byte, []byte) (Contents, error) {
			return Contents{Certs: [][]byte{make([]byte, maxOutput)}}, nil
		},
		"48 MB": func([]byte, []byte) (Contents, error) { return say(fill(48)) },
		"72 MB": func([]byte, []byte) (Contents, error) { return say(fill(72)) },
		"4 GB":  func([]byte, []byte) (Contents, error) { b := make([]byte, 4<<30); return say(string(b[:1])) },
		"read":  func([]byte, []byte) (Contents, error) { _, err := os.ReadFile("/etc/passwd"); return say(text(err)) },
		"write": func([]byte, []byte) (Contents, error) {
			return say(text(os.WriteFile("/tmp/certquay-decode", nil, 0o600)))
		},
		"world": func([]byte, []byte) (Contents, error) {
			wd, _ := os.Getwd()
			return say(strings.Join(os.Environ(), " ") + "|" + strings.Join(os.Args, " ") + "|" + wd)
		},
	} {
		openers[kind] = f
	}
}

// hang waits for longer than any child may run.
func hang() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	<-ctx.Done()
}

func spin() {
	for n := 0; ; n++ {
		if n < 0 {
			return
		}
	}
}

// fill keeps so many megabytes, a little at a time.
func fill(megabytes int) string {
	var kept [][]byte
	for range megabytes * 16 {
		kept = append(kept, bytes.Repeat([]byte{1}, 1<<16))
	}
	return string(kept[len(kept)-1][:1])
}

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func TestMain(m *testing.M) {
	RunIfChild()
	os.Exit(m.Run())
}

func try(kind Kind) (Problem, string) {
	_, err := Open(context.Background(), kind, []byte("file"), model.NewSecret([]byte("open sesame")))
	var e *Error
	if !errors.As(err, &e) {
		return "", text(err)
	}
	return e.Problem, e.What.String()
}

// spec: I3
func TestLimitsOfTheChild(t *testing.T) {
	for kind, want := range map[Kind]Problem{
		"spin": Expensive, "hang": Expensive, "crash": Expensive, "large": Expensive, "72 MB": Expensive, "4 GB": Expensive,
		"48 MB": Unsupported, "panic": Damaged, "no such": Unsupported, "limits": Unavailable,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got, detail := try(kind)
			if got != want || strings.Contains(detail, "secret") {
				t.Errorf("%q (%s), want %q", got, detail, want)
			}
			// Two more may have run before it, as long as any may.
			if took := time.Since(start); took > 5*maxTime {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// spec: I3
func TestTheChildStopsAfterTwoSecondsOfWork(t *testing.T) {
	start := time.Now()
	got, _ := try("spin")
	if took := time.Since(start); got != Expensive || took < 1500*time.Millisecond || took >= maxTime {
		t.Errorf("%q after %s", got, took)
	}
}

// spec: I3
func TestTheChildHasNoFilesAndNoEnvironment(t *testing.T) {
	t.Setenv("CERTQUAY_TEST", "from the parent")
	for _, kind := range []Kind{"read", "write"} {
		if _, said := try(kind); !strings.Contains(said, "too many open files") {
			t.Errorf("%s: %s", kind, said)
		}
	}
	if _, said := try("world"); said != "CERTQUAY_DECODE=1 GOMAXPROCS=1 GOTRACEBACK=none|certquay-decode|/" {
		t.Errorf("the child sees %s", said)
	}
}

func TestWhatGoesInComesOut(t *testing.T) {
	data := bytes.Repeat([]byte{0, 0xff}, 1<<19) // as large as an upload
	c, err := Open(context.Background(), "echo", data[:1<<19], model.NewSecret([]byte("open sesame")))
	if err != nil || string(c.Key.Reveal()) != "open sesame" || len(c.Certs) != 3 || !bytes.Equal(c.Certs[2], data[:1<<19]) ||
		len(c.Certs[1]) != 0 {
		t.Errorf("%d certificates, %v", len(c.Certs), err)
	}
	if _, err := Open(context.Background(), "echo", make([]byte, maxInput), model.Secret{}); err == nil {
		t.Error("too large goes in")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, "echo", nil, model.Secret{}); err == nil {
		t.Error("it runs after the end")
	}
}

func TestNothingIsOpenedWithoutTheCallInMain(t *testing.T) {
	ready.Store(false)
	defer ready.Store(true)
	if got, said := try("echo"); got != Unavailable || said != "decode.not-ready" {
		t.Errorf("%q, %s", got, said)
	}
}

func TestMessages(t *testing.T) {
	for _, m := range []string{"\x00", "\x00\x00\x00\x02a", "\xff\xff\xff\xff", "\x00\x00\x00\x01ab"} {
		if _, ok := split([]byte(m)); ok {
			t.Errorf("%q is a message", m)
		}
		if f, ok := split(answer([]byte(m))); !ok || string(f[0]) != string(Damaged) {
			t.Errorf("%q is answered", m)
		}
	}
}
