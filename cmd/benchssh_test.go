package cmd_test

import (
	"context"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// countingProxy forwards connections to an address and counts the bytes that come back.
func countingProxy(b *testing.B, to string) (address string, came *atomic.Int64) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	came = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				return
			}
			go func() { _, _ = io.Copy(server, c); _ = server.Close() }()
			go func() { _, _ = io.Copy(counting{c, came}, server); _ = c.Close() }()
		}
	}()
	return l.Addr().String(), came
}

type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.Writer.Write(b)
}

// typedText opens the palette, types and deletes a letter again and again, and
// closes it with the last of some keys.
func typedText(n, of int) string {
	switch n {
	case 0:
		return ":"
	case of - 1:
		return "\x1b"
	}
	return []string{"\x7f", "n"}[n%2]
}

// BenchmarkBytesOverSSH counts what the OpenSSH client is sent for each key and
// each change that somebody else makes, with 1,000 instances: on the wire, and
// of it what is for the terminal. Of the latter it gives the median too, since the
// mean of a few keys has the share of what happens beside them, such as a minute that
// has passed.
func BenchmarkBytesOverSSH(b *testing.B) {
	p := newPerson(b)
	p.filled(1000)
	d := p.listen()
	address, came := countingProxy(b, net.JoinHostPort(d.host, d.port))
	var err error
	if d.host, d.port, err = net.SplitHostPort(address); err != nil {
		b.Fatal(err)
	}
	s := p.show(d.client(context.Background(), "mine", "-tt"), 120, 40, nil)
	s.waitFor("n000189")
	waittest.Pause(2 * time.Second)
	read := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.read
	}
	const times = 20
	for _, k := range []struct {
		name string
		do   func(n int)
	}{
		{"nothing", func(int) {}},
		{"cursor", func(int) { s.typeKeys("j") }},
		{"page", func(n int) { s.typeKeys([]string{"\x1b[6~", "\x1b[5~"}[n/10%2]) }},
		{"tab", func(int) { s.typeKeys("\t") }},
		{"text", func(n int) { s.typeKeys(typedText(n, times)) }},
		{"change", func(int) { p.must("buy", "--level", "dv", "--type", "single", "--brand", "embedded", "--yes") }},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				wired, shown := came.Load(), read()
				each := make([]int, times)
				for n := range times {
					before := read()
					k.do(n)
					waittest.Pause(350 * time.Millisecond)
					each[n] = read() - before
				}
				slices.Sort(each)
				b.ReportMetric(float64(came.Load()-wired)/times, "B-wire")
				b.ReportMetric(float64(read()-shown)/times, "B-terminal")
				b.ReportMetric(float64(each[times/2]), "B-terminal-median")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	s.quit()
}
