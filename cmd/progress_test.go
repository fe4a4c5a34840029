package cmd_test

import (
	"net"
	"sync/atomic"
	"testing"
)

// TestVerbsThatWaitShowTheirProgress lets verbs wait for a server that accepts connections
// and says nothing, on a terminal: they say what they are waiting for until it hangs up,
// and leave no line behind.
// finding: U27
func TestVerbsThatWaitShowTheirProgress(t *testing.T) {
	var refuse atomic.Bool
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	held := make(chan net.Conn, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if held <- c; refuse.Load() {
				_ = c.Close()
			}
		}
	}()
	p := newPerson(t)
	p.flag = append(p.flag, "--sandbox")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"watch", "add", l.Addr().String()}, "asking " + l.Addr().String()},
		{[]string{"watch", "check"}, "asking the watched servers"},
		{[]string{"clock", "+1d"}, "the clock is at "},
	} {
		refuse.Store(false)
		s := p.open(100, 24, c.args...)
		s.waitFor(c.says)
		refuse.Store(true)
		for len(held) > 0 {
			_ = (<-held).Close()
		}
		s.gone(c.says)
		_ = s.wait() // "watch check" ends with 1
	}
}
