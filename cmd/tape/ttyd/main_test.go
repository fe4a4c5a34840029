package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// started serves a command as VHS starts it and returns where.
func started(t *testing.T, command ...string) (address string, left chan error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "part.js"), []byte("script"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XTERM", dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	left = make(chan error, 1)
	go func() {
		left <- serve(append([]string{"--port=" + port, "--interface", "127.0.0.1", "-t", "rendererType=canvas", "--once", "--writable"},
			command...))
	}()
	return address, left
}

// get asks for a file until somebody listens.
func get(t *testing.T, url string) string {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		r, err := http.Get(url)
		if err != nil && time.Now().Before(until) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

// A program sees the size that the page has and what is typed there; the page
// sees what it writes. When the page is left all ends.
func TestAProgramIsJoinedToAPage(t *testing.T) {
	address, left := started(t, "sh", "-c", "read size; stty size; read line; echo got $line; sleep 1000")
	if page := get(t, "http://"+address+"/"); !strings.Contains(page, "/xterm/xterm/lib/xterm.js") {
		t.Errorf("the page is %q", page)
	}
	if part := get(t, "http://"+address+"/xterm/part.js"); part != "script" {
		t.Errorf("a part of xterm.js is %q", part)
	}
	c, _, err := websocket.Dial(t.Context(), "ws://"+address+"/terminal", nil) //nolint:bodyclose // Dial closes it
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		kind websocket.MessageType
		text string
	}{{websocket.MessageText, `{"cols":99,"rows":33}`}, {websocket.MessageBinary, "\r"}, {websocket.MessageBinary, "me\r"}} {
		if err := c.Write(t.Context(), m.kind, []byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	wrote := ""
	for !strings.Contains(wrote, "got me") {
		_, b, err := c.Read(t.Context())
		if err != nil {
			t.Fatalf("%v after %q", err, wrote)
		}
		wrote += string(b)
	}
	if !strings.Contains(wrote, "33 99") {
		t.Errorf("the program wrote %q", wrote)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// A page of another site does not get at the terminal.
func TestAnotherSiteIsRefused(t *testing.T) {
	address, left := started(t, "sh")
	get(t, "http://"+address+"/")
	elsewhere := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}}
	_, _, err := websocket.Dial(t.Context(), "ws://"+address+"/terminal", elsewhere) //nolint:bodyclose // Dial closes it
	if err == nil {
		t.Error("it was let in")
	}
	if err := <-left; err == nil {
		t.Error("nothing is told of it")
	}
}
