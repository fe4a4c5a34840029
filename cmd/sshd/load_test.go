package sshd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/crypto/ssh"

	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/cmd/waittest"
	"certquay/ui/kittest"
)

// heap is what is in use in this process, in MB. Clients are a part of it.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse+m.StackInuse) / (1 << 20)
}

// opened is a dashboard in a session of a client.
type opened struct {
	*ssh.Session
	in  io.Writer
	out *counted
}

// counted counts what is written to a terminal, and says so.
type counted struct {
	mu    sync.Mutex
	n     int
	tail  []byte
	grown chan struct{}
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += len(p)
	c.tail = append(c.tail[max(0, len(c.tail)-64<<10):], p...)
	select {
	case c.grown <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (c *counted) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counted) said(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.tail, []byte(text))
}

// openIn opens a dashboard of 120x40 in a connection and waits until it is drawn.
func openIn(t *testing.T, c *ssh.Client, drawn string) opened {
	t.Helper()
	s := granted(t, c)
	o := opened{Session: s, out: &counted{grown: make(chan struct{}, 1)}}
	if err := s.RequestPty("xterm-256color", 40, 120, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	s.Stdout, s.Stderr = o.out, o.out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if !waittest.Eventually(patience, func() bool { return o.out.said(drawn) }) {
		t.Fatalf("%q is not drawn", drawn)
	}
	return o
}

// Floods of all kinds at once: half-open connections, connections one after the other,
// requests for variables, sizes from 0x0 to 2^32-1 a thousand times a second, and pastes. A
// person logs in within two seconds all the while, memory is bounded, and a paste confirms
// nothing. The whole measurement takes two minutes:
//
//	CERTQUAY_FLOOD=1 go test ./cmd/sshd -run TestFloodsTogether -v
//
// spec: V9
func TestFloodsTogether(t *testing.T) {
	half, connections, variables, paste, span := 200, 500, 5000, 3, 3*time.Second
	if os.Getenv("CERTQUAY_FLOOD") != "" {
		half, connections, variables, paste, span = 1000, 10_000, 100_000, 50, 20*time.Second
	}
	b := kittest.Fleet(40)
	n := dashboards(t, b)
	var from []string
	for k := range 20 {
		from = append(from, fmt.Sprintf("127.0.0.%d", k+2))
	}
	// Those who flood have a key of their own, of which only so many connections are taken.
	key, line := newKey(t)
	mine, err := os.ReadFile(n.keys)
	if err != nil {
		t.Fatal(err)
	}
	write(t, n.keys, string(mine)+line+" mallory\n")
	hostile := *n
	hostile.key = key
	victim := openIn(t, hostile.dial(t), "Overview")
	for _, keys := range []string{"b", "\x13"} { // a question stands on the screen
		if _, err := io.WriteString(victim.in, keys); err != nil {
			t.Fatal(err)
		}
	}
	if !waittest.Eventually(patience, func() bool { return victim.out.said("Buy for") }) {
		t.Fatal("nothing is asked")
	}
	b.NewEvents()
	before := heap()
	crowd(t, n.addr, half, from, "SSH-2.0-x\r\n")

	ctx, stop := context.WithCancel(t.Context())
	var floods sync.WaitGroup
	floods.Go(func() {
		for range connections {
			if c, err := net.Dial("tcp", n.addr); err == nil {
				_ = c.Close()
			}
		}
	})
	asker := granted(t, hostile.dial(t))
	floods.Go(func() {
		for k := range variables {
			_, _ = asker.SendRequest(
				"env",
				false,
				ssh.Marshal(struct{ Name, Value string }{fmt.Sprint("LC_", k), strings.Repeat("x", 100)}),
			)
		}
	})
	shaken := openIn(t, hostile.dial(t), "Overview")
	floods.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for k := 0; ctx.Err() == nil; k++ {
			size := []uint32{0, 1, 1<<32 - 1, 80, 65535, 1 << 31}
			w, h := size[k%len(size)], size[k/len(size)%len(size)]
			_, _ = shaken.SendRequest("window-change", false, ssh.Marshal(struct{ W, H, PW, PH uint32 }{w, h, w, h}))
			<-tick.C
		}
	})
	floods.Go(func() {
		part := []byte(strings.Repeat("y\r\n\x13yes\r", 1<<20/8))
		_, _ = io.WriteString(victim.in, "\x1b[200~")
		for range paste {
			if _, err := victim.in.Write(part); err != nil {
				return
			}
		}
		_, _ = io.WriteString(victim.in, "\x1b[201~")
	})

	var longest time.Duration
	var most float64
	logins := 0
	for end := time.Now().Add(span); time.Now().Before(end); logins++ {
		begun := time.Now()
		c := n.dial(t)
		s := granted(t, c)
		longest = max(longest, time.Since(begun))
		_, _ = s.Close(), c.Close()
		most = max(most, heap())
	}
	stop()
	floods.Wait()
	t.Logf("%d logins, the longest took %v; %.0f MB before, %.0f MB at most", logins, longest.Round(time.Millisecond), before, most)
	if longest > 2*time.Second {
		t.Errorf("a login took %v", longest)
	}
	if most > before+200 {
		t.Errorf("%.0f MB before, %.0f MB at most", before, most)
	}
	if done := b.NewEvents(); len(done) > 0 {
		t.Errorf("a paste has done %q", done)
	}
	// The dashboard that was shaken still answers, and so does the one that was pasted into.
	for _, o := range []opened{shaken, victim} {
		if err := o.WindowChange(40, 120); err != nil {
			t.Fatal(err)
		}
		was := o.out.size()
		if _, err := io.WriteString(o.in, "\x1b"); err != nil {
			t.Fatal(err)
		}
		if !waittest.Eventually(patience, func() bool { return o.out.size() > was }) {
			t.Error("a dashboard does not answer any more")
		}
	}
}

// bare is a program that only draws a screen of the size of the dashboard, with a cursor.
type bare struct{ w, h, at int }

func (m *bare) Init() tea.Cmd { return nil }

func (m *bare) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "j":
			m.at++
		case "k":
			m.at--
		case "q":
			return m, tea.Quit
		}
	}
	return m, nil
}

func (m *bare) View() tea.View {
	lines := make([]string, m.h)
	for n := range lines {
		lead := "  "
		if n == m.at {
			lead = "▌ "
		}
		lines[n] = lead + strings.Repeat("Overview  ", max(m.w-2, 0)/10)
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	return v
}

// load is what sessions cost.
type load struct {
	median, p95 time.Duration // from a key to the first byte that it changes
	cpu         time.Duration // of this process for a key, with the client's share
	memory      float64       // for a session with its client, in MB
}

// processorTime is how long this process has computed.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// typed opens sessions, in each of which five keys a second are typed, and measures.
func typed(t *testing.T, n *network, sessions int, span time.Duration) (l load) {
	t.Helper()
	before, routines := heap(), runtime.NumGoroutine()
	var clients []*ssh.Client
	var all []opened
	for k := range sessions {
		if k%8 == 0 {
			clients = append(clients, n.dial(t))
		}
		all = append(all, openIn(t, clients[k/8], "Overview"))
	}
	l.memory = (heap() - before) / float64(sessions)
	begun := processorTime(t)
	var mu sync.Mutex
	var times []time.Duration
	var wg sync.WaitGroup
	for k, o := range all {
		wg.Go(func() {
			waittest.Pause(time.Duration(k) * 200 * time.Millisecond / time.Duration(sessions)) // not all at once
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for end, k := time.Now().Add(span), 0; time.Now().Before(end); k++ {
				select {
				case <-o.out.grown: // what was drawn without a key
				default:
				}
				begun := time.Now()
				if _, err := io.WriteString(o.in, []string{"j", "k"}[k/40%2]); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-o.out.grown:
				case <-time.After(patience):
					t.Error("a key changes nothing")
					return
				}
				mu.Lock()
				times = append(times, time.Since(begun))
				mu.Unlock()
				<-tick.C
			}
		})
	}
	wg.Wait()
	l.cpu = (processorTime(t) - begun) / time.Duration(len(times))
	for _, c := range clients {
		_ = c.Close()
	}
	if !waittest.Eventually(patience, func() bool { return n.Count() == 0 && runtime.NumGoroutine() <= routines+3 }) {
		t.Errorf("%d goroutines before, %d after %d sessions", routines, runtime.NumGoroutine(), sessions)
	}
	slices.Sort(times)
	l.median, l.p95 = times[len(times)/2], times[len(times)*95/100]
	return l
}

// Many dashboards beside as many programs that only draw, over the same server: five keys a
// second in each. With 200 for five minutes each:
//
//	CERTQUAY_SESSIONS=200 CERTQUAY_SPAN=5m go test ./cmd/sshd -run TestManySessions -v -timeout 20m
//
// spec: V9
func TestManySessions(t *testing.T) {
	sessions, span := 20, 20*time.Second
	if v := os.Getenv("CERTQUAY_SESSIONS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		sessions = n
	}
	if v := os.Getenv("CERTQUAY_SPAN"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		span = d
	}
	limits := sshd.Limits{PerKey: 64}
	nothing := typed(t, serve(t, func(ctx context.Context, s *session.Session, _ []string) int {
		return program.Run(ctx, s, &bare{})
	}, limits), sessions, span)
	whole := typed(t, dashboardsWithin(t, kittest.Fleet(60), limits), sessions, span)
	frames, slow, memory := ratio(whole.median, nothing.median), ratio(whole.p95, nothing.p95), whole.memory/nothing.memory
	t.Logf("%d sessions: a key takes %v (95%%: %v), in a bare program %v (%v): %.2f and %.2f times; %.1f MB each, bare %.1f: %.1f times",
		sessions, whole.median.Round(time.Millisecond/10), whole.p95.Round(time.Millisecond/10), nothing.median.Round(time.Millisecond/10),
		nothing.p95.Round(time.Millisecond/10), frames, slow, whole.memory, nothing.memory, memory)
	t.Logf("a key takes %v of the processors, in a bare program %v: %.2f times",
		whole.cpu.Round(time.Microsecond), nothing.cpu.Round(time.Microsecond), ratio(whole.cpu, nothing.cpu))
	if frames > 10 { // as a machine with little to do has it, less than 3
		t.Errorf("a key takes %.1f times as long as in a bare program", frames)
	}
	if whole.memory > 8 {
		t.Errorf("a session takes %.1f MB", whole.memory)
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
