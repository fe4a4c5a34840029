package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"certquay/cmd/waittest"
)

// screen is a terminal in which a person runs certquay, looks and types.
type screen struct {
	t     testing.TB
	term  *vt.SafeEmulator
	keys  io.Writer
	cmd   *exec.Cmd
	cells sync.Mutex           // held by who writes to term, and by who reads single cells
	mu    sync.Mutex           // held for what follows
	read  int                  // bytes
	first time.Time            // when bytes were first read since it was cleared
	last  time.Time            // when bytes were last read
	raw   []byte               // until every needle was seen
	seen  map[string]time.Time // when each needle first stood in what was written
	ended chan struct{}        // closed once all that the program wrote is on the screen
}

// wait waits for the end of the program, and for all that it wrote.
func (s *screen) wait() error {
	err := s.cmd.Wait()
	<-s.ended
	return err
}

// open runs certquay in a new terminal.
func (p *person) open(width, height int, args ...string) *screen {
	return p.timed(width, height, nil, args...)
}

// timed is open, and notes when each needle is first written: looking at the
// emulated screen takes longer than what is measured.
func (p *person) timed(width, height int, needles []string, args ...string) *screen {
	p.t.Helper()
	return p.show(exec.Command(p.bin, append(append([]string{}, p.flag...), args...)...), width, height, needles)
}

// show runs a command in a new terminal.
func (p *person) show(c *exec.Cmd, width, height int, needles []string) *screen {
	p.t.Helper()
	c.Env = append(append([]string{}, p.env...), "TERM=xterm-256color", "COLORTERM=truecolor")
	c.Dir = p.home
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)})
	if err != nil {
		p.t.Fatal(err)
	}
	s := &screen{t: p.t, term: vt.NewSafeEmulator(width, height), keys: f, cmd: c, seen: map[string]time.Time{}, ended: make(chan struct{})}
	go func() { // the program asks the terminal questions; the answers go back
		_, _ = io.Copy(f, s.term)
	}()
	go func() {
		defer close(s.ended)
		buf := make([]byte, 32<<10)
		for {
			n, err := f.Read(buf)
			if n > 0 {
				s.mu.Lock()
				s.read += n
				s.last = time.Now()
				if s.first.IsZero() {
					s.first = time.Now()
				}
				s.recordNeedles(buf[:n], needles)
				s.mu.Unlock()
				s.cells.Lock()
				_, _ = s.term.Write(buf[:n])
				s.cells.Unlock()
			}
			if err != nil {
				return
			}
		}
	}()
	p.t.Cleanup(func() {
		_ = c.Process.Kill()
		_, _ = c.Process.Wait()
		_ = f.Close()
	})
	return s
}

// recordNeedles records when needles appear in the output. The caller holds the lock.
func (s *screen) recordNeedles(b []byte, needles []string) {
	if len(s.seen) == len(needles) {
		return
	}
	s.raw = append(s.raw, b...)
	for _, n := range needles {
		if _, ok := s.seen[n]; !ok && bytes.Contains(s.raw, []byte(n)) {
			s.seen[n] = time.Now()
		}
	}
}

// timeOf returns how long after begun a needle was first written.
func (s *screen) timeOf(begun time.Time, needle string) time.Duration {
	s.t.Helper()
	var at time.Time
	if !waittest.Eventually(patience/4, func() (ok bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		at, ok = s.seen[needle]
		return ok
	}) {
		s.t.Fatalf("%q was not written:\n%s", needle, s.text())
	}
	return at.Sub(begun)
}

// text returns the screen as plain text.
func (s *screen) text() string { return ansi.Strip(s.term.Render()) }

// gone waits until something can no longer be read. A key that follows esc at
// once would be taken for one with alt.
func (s *screen) gone(what string) {
	s.t.Helper()
	if !waittest.Eventually(patience/4, func() bool { return !strings.Contains(s.text(), what) }) {
		s.t.Fatalf("%q is still there:\n%s", what, s.text())
	}
}

// waitFor waits until all texts are on the screen, and returns the screen.
func (s *screen) waitFor(what ...string) string {
	s.t.Helper()
	var text, missing string
	if !waittest.Eventually(patience/4, func() bool {
		text, missing = s.text(), ""
		for _, w := range what {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		return missing == ""
	}) {
		s.t.Fatalf("%q is not to be seen:\n%s", missing, text)
	}
	return text
}

// typeKeys sends keys like a terminal.
func (s *screen) typeKeys(keys ...string) {
	s.t.Helper()
	for _, k := range keys {
		if _, err := io.WriteString(s.keys, k); err != nil {
			s.t.Fatal(err)
		}
		waittest.Pause(50 * time.Millisecond) // as fast as a quick person
	}
}

const (
	enter = "\r"
	esc   = "\x1b"
	ctrlS = "\x13"
)

// quit quits and expects a clean end. A q right after an escape is read as
// alt+q by terminals, so it is typed again.
func (s *screen) quit() {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	for range 12 {
		s.typeKeys("q")
		select {
		case err := <-done:
			if err != nil {
				s.t.Errorf("it ended with %v", err)
			}
			return
		case <-time.After(5 * time.Second):
		}
	}
	_ = s.cmd.Process.Kill()
	s.t.Errorf("it does not end, but when it is killed (%v):\n%s", <-done, s.text())
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// deployToCDN deploys the certificate under the cursor to the product that has one region
// only.
func (s *screen) deployToCDN() {
	s.t.Helper()
	s.typeKeys("d")
	s.waitFor("product")
	for range 8 { // SLB comes first and needs a region; CDN has one only
		if strings.Contains(s.text(), "‹ CDN ›") {
			break
		}
		before := s.text()
		s.typeKeys("\x1b[C")
		waittest.Eventually(patience/4, func() bool { return s.text() != before })
	}
	s.waitFor("The cloud products are TLS endpoints")
	s.typeKeys(ctrlS)
}

// TestByKeysAloneToADeployedCertificate starts from an empty home, follows what
// the screen says, and finds the leaf at the address that the Deployments tab
// shows.
// finding: U26
// spec: V2, V4
func TestByKeysAloneToADeployedCertificate(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		p := newPerson(t)
		s := p.open(size[0], size[1])
		s.waitFor("b", "buy", "The cloud products are TLS endpoints")
		if size[1] >= 40 {
			s.waitFor("is a CA of your own", "Back up master.key", "Prices are entries in a ledger")
		}
		// the edge ends with the process
		s.typeKeys("b")
		s.waitFor("total")
		s.typeKeys(ctrlS)
		s.waitFor("Buy for 0.00 EUR?")
		s.typeKeys("y")
		s.waitFor("paid")
		s.typeKeys("a")
		s.waitFor("Apply for")
		s.typeKeys("shop.example.com", ctrlS)
		s.waitFor("shop.example.com", "● issued")
		s.deployToCDN()
		s.typeKeys("3")
		s.waitFor("shop.example.com", "deployed")
		if size[0] < 100 { // its details have the address
			s.typeKeys(enter)
		}
		text := s.waitFor("127.0.0.1:")
		address := loopback.FindString(text)
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "shop.example.com", InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		leaf := conn.ConnectionState().PeerCertificates[0]
		_ = conn.Close()
		sum := sha256.Sum256(leaf.Raw)
		got := hex.EncodeToString(sum[:])
		want := "✓" // the list says only that what is presented is what should be
		if size[0] < 100 {
			want = got[:4]
		}
		if leaf.DNSNames[0] != "shop.example.com" || !strings.Contains(text, want) {
			t.Errorf("at %s there is %v, %s, the screen says\n%s", address, leaf.DNSNames, got, text)
		}
		s.quit()
	}
}

// TestABareBuyAsksFirst says on a terminal what a purchase without any flag is,
// and asks, though it costs nothing.
// spec: B1, B2
func TestABareBuyAsksFirst(t *testing.T) {
	p := newPerson(t)
	bought := func() int { return len(decode[[]instance](t, p.must("list", "--json"))) }
	s := p.open(80, 24, "buy")
	s.waitFor("DV single embedded free, 1 year", "Total 0.00 EUR", "Type yes to go on")
	s.typeKeys("no\r")
	s.waitFor("nothing was changed")
	if n := bought(); n != 0 {
		t.Errorf("%d were bought", n)
	}
	s = p.open(80, 24, "buy")
	s.waitFor("Type yes to go on")
	s.typeKeys("yes\r")
	s.waitFor("next: certquay apply")
	p.open(80, 24, "buy", "--level", "dv").waitFor("next: certquay apply")
	if n := bought(); n != 2 {
		t.Errorf("%d were bought, not 2", n)
	}
}

// TestTwoTerminalsShowTheSame has two dashboards and a verb on one store: what
// one does the others show within a second.
// spec: V1
func TestTwoTerminalsShowTheSame(t *testing.T) {
	p := newPerson(t)
	first := p.open(100, 30)
	first.waitFor("buy")
	second := p.open(100, 30)
	second.waitFor("buy")
	p.must("buy", "--level", "dv", "--type", "single")
	begun := time.Now()
	first.waitFor("dv-single") // the row: the counts may come before it
	second.waitFor("dv-single")
	first.typeKeys("a")
	first.waitFor("Apply for")
	first.typeKeys("live.example.com", ctrlS)
	second.waitFor("live.example.com", "issued")
	t.Logf("shown after %s in all", time.Since(begun).Round(time.Millisecond))
	second.quit()
	first.waitFor("live.example.com") // the owner goes on when another leaves
	first.quit()
}

// TestADashboardOutlivesItsOwner has the owner killed under an attached
// dashboard: that one takes over, shows the same, and works.
func TestADashboardOutlivesItsOwner(t *testing.T) {
	p := newPerson(t)
	owner := p.open(100, 30)
	owner.waitFor("buy")
	p.must("buy", "--level", "dv", "--type", "single")
	attached := p.open(100, 30)
	attached.waitFor("dv-single")
	if err := owner.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = owner.cmd.Process.Wait()
	p.must("list") // attaches to the new owner, or waits until there is one
	attached.waitFor("dv-single")
	attached.typeKeys("a")
	attached.waitFor("Apply for")
	attached.typeKeys("after.example.com", ctrlS)
	attached.waitFor("after.example.com", "issued")
	attached.quit()
	if attached.term.IsAltScreen() {
		t.Error("the terminal was left in the alternate screen")
	}
}
