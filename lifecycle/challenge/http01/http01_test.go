package http01_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/listen"
	"certquay/model"
)

var proof = challenge.Proof{
	Order: "o1", Type: challenge.HTTP01, Name: "www.example.com",
	Token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", KeyAuthorization: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumb",
}

// to dials one address, whatever name is asked for.
func to(address string) challenge.DialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func codeOf(err error) string { return model.TextOf(err).Code() }

// The port is open while there is a proof, and closed after the last. spec: C4
func TestThePortIsOpenWhileAProofIsShown(t *testing.T) {
	address := freePort(t)
	s := http01.New(http01.Options{Listen: address, Dial: to(address)})
	ctx := t.Context()
	seen := func(p challenge.Proof) (bool, string) {
		ok, missing, err := s.Seen(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		return ok, missing.Code()
	}
	if ok, code := seen(proof); ok || code != "challenge.http.unreachable" {
		t.Errorf("before: %v %s", ok, code)
	}
	other := proof
	other.Token, other.KeyAuthorization, other.Order = "other", "other.thumb", "o2"
	for range 2 { // a second time is no error
		if err := errors.Join(s.Present(ctx, proof), s.Present(ctx, other)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []challenge.Proof{proof, other} {
		if ok, code := seen(p); !ok {
			t.Errorf("%s: %s", p.Token, code)
		}
	}
	wrong := proof
	wrong.KeyAuthorization = "x.thumb"
	if ok, code := seen(wrong); ok || code != "challenge.http.other" {
		t.Errorf("another content: %v %s", ok, code)
	}
	if err := s.CleanUp(ctx, proof); err != nil {
		t.Fatal(err)
	}
	if ok, code := seen(proof); ok || code != "challenge.http.status" {
		t.Errorf("after one was removed: %v %s", ok, code)
	}
	s.Close("o2")
	if ok, code := seen(other); ok || code != "challenge.http.unreachable" {
		t.Errorf("after the last was removed: %v %s", ok, code)
	}
	if err := s.CleanUp(ctx, proof); err != nil {
		t.Errorf("removed twice: %v", err)
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := http01.New(http01.Options{Listen: l.Addr().String()})
	if code := codeOf(s.Present(t.Context(), proof)); code != "challenge.port-held" && code != "challenge.port-taken" {
		t.Error(code)
	}
	s = http01.New(http01.Options{Listen: "192.0.2.1:80"})
	if code := codeOf(s.Present(t.Context(), proof)); code != "challenge.port-failed" {
		t.Error(code)
	}
}

// A file is written as a whole, readable by the web server, and removed; nothing is
// written for a token that is a path. spec: C4
func TestAFileBelowTheWebRoot(t *testing.T) {
	dir := t.TempDir()
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	s := http01.New(http01.Options{Root: dir, Dial: to(web.Listener.Addr().String())})
	ctx := t.Context()
	for range 2 {
		if err := s.Present(ctx, proof); err != nil {
			t.Fatal(err)
		}
	}
	if ok, missing, err := s.Seen(ctx, proof); !ok || err != nil {
		t.Errorf("%v %v", missing, err)
	}
	folder := filepath.Join(dir, ".well-known", "acme-challenge")
	st, err := os.Stat(filepath.Join(folder, proof.Token))
	if err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", st, err)
	}
	for range 2 {
		if err := s.CleanUp(ctx, proof); err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range []string{"", "../x", "a/b", "a.b", "ä", strings.Repeat("a", 200)} {
		p := proof
		p.Token = token
		if code := codeOf(s.Present(ctx, p)); code != "challenge.token" {
			t.Errorf("%q: %s", token, code)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
	missing := http01.New(http01.Options{Root: filepath.Join(dir, "none")})
	if code := codeOf(missing.Present(ctx, proof)); code != "challenge.root" {
		t.Error(code)
	}
	// A link out of the root is not followed.
	if err := os.RemoveAll(filepath.Join(dir, ".well-known")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, ".well-known")); err != nil {
		t.Fatal(err)
	}
	if code := codeOf(s.Present(ctx, proof)); code != "challenge.root.write" {
		t.Error(code)
	}
	var left *challenge.LeftError
	if err := s.CleanUp(ctx, proof); !errors.As(err, &left) || left.Proof != proof {
		t.Errorf("%v", err)
	}
}

// Redirects are followed where CAs follow them.
func TestRedirectsAreThoseOfACA(t *testing.T) {
	for target, want := range map[string]string{
		"http://other.example/":       "", // serves the proof
		"http://other.example:8080/":  "challenge.http.redirect",
		"ftp://other.example/":        "challenge.http.redirect",
		"http://www.example.com/loop": "challenge.http.redirects",
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "other.example" {
				_, _ = w.Write([]byte(proof.KeyAuthorization + "\r\n"))
				return
			}
			http.Redirect(w, r, target, http.StatusFound)
		}))
		s := http01.New(http01.Options{Root: t.TempDir(), Dial: to(web.Listener.Addr().String())})
		ok, missing, err := s.Seen(t.Context(), proof)
		code := missing.Message().Texts["cause"].Message()
		if err != nil || ok != (want == "") || !ok && code.Texts["cause"].Code() != want {
			t.Errorf("%s: %v %v %v", target, ok, missing, err)
		}
		web.Close()
	}
}
