package cmd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The server offers health and metrics on a socket. It replaces one that a killed process
// has left, and when another listens there already it serves everything else.
// spec: O2
func TestServeOffersHealthAndMetrics(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	config := filepath.Join(p.home, ".config", "certquay", "config.yaml")
	err := errors.Join(
		os.MkdirAll(filepath.Dir(config), 0o700), os.WriteFile(config, []byte("metrics: {listen: 'unix:metrics.sock'}\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(filepath.Dir(config), "metrics.sock")
	s := p.serve()
	get := scraper(t, socket)
	if mode := must(os.Stat(socket)).Mode().Perm(); mode != 0o660 {
		t.Errorf("the socket has mode %v", mode)
	}
	eventually(t, "ready", func() bool { status, _ := get("/readyz"); return status == 200 })
	p.must("buy", "--yes")
	eventually(t, "a certificate that is paid for", func() bool {
		_, page := get("/metrics")
		return strings.Contains(page, "\ncertquay_certificates{state=\"paid\"} 1\n")
	})
	s.kill()
	if _, err := os.Stat(socket); err != nil {
		t.Fatalf("the killed process took its socket along: %v", err)
	}
	s = p.serve()
	if status, _ := get("/healthz"); status != 200 {
		t.Errorf("after a kill the status is %d", status)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	other, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	s = p.serve()
	if out := s.out.String(); !strings.Contains(out, "health and metrics are not served") {
		t.Errorf("it says %s", out)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
}

// scraper returns a function that asks for a page of health or metrics on a socket.
func scraper(t *testing.T, socket string) func(path string) (status int, body string) {
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	return func(path string) (status int, body string) {
		t.Helper()
		r, err := c.Get("http://certquay" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
