package listen_test

import (
	"net"
	"testing"

	"certquay/lifecycle/listen"
)

// A port that is kept is none that the system gives to others, and another each
// time; one that was chosen is used as it is. spec: D1
func TestListenTakesALastingPort(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		l, err := listen.TCP(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		port := l.Addr().(*net.TCPAddr).Port
		if port < 20_000 || port >= 30_000 || seen[port] {
			t.Errorf("port %d", port)
		}
		seen[port] = true
	}
	for port := range seen {
		if l, err := listen.TCP(t.Context(), (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()); err == nil {
			t.Errorf("%s was taken twice", l.Addr())
		}
		break
	}
}
