package cmd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// filler is somebody else on the same disk, who takes all the space there is,
// and what is given back, until they are asked to leave.
type filler struct {
	file *os.File
	stop chan struct{}
	done chan error
}

// startFilling starts to fill a disk: at once, or at a rate in megabytes a second.
func startFilling(t *testing.T, dir string, rate int) *filler {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	l := &filler{file: f, stop: make(chan struct{}), done: make(chan error, 1)}
	go func() { l.done <- l.run(dir, rate) }()
	return l
}

func (l *filler) run(dir string, rate int) error {
	each := time.Millisecond
	if rate > 0 {
		each = time.Second / time.Duration(rate)
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	for chunk := make([]byte, 1<<20); rate > 0; {
		select {
		case <-l.stop:
			return nil
		case <-tick.C:
		}
		if _, err := l.file.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			return err
		}
	}
	for tick.Reset(time.Millisecond); ; {
		if err := grab(l.file, dir, 0); err != nil {
			return err
		}
		select {
		case <-l.stop:
			return nil
		case <-tick.C:
		}
	}
}

// freeSpace stops filling and frees all the space.
func (l *filler) freeSpace(t *testing.T) {
	t.Helper()
	close(l.stop)
	if err := errors.Join(<-l.done, l.file.Close(), os.Remove(l.file.Name())); err != nil {
		t.Fatal(err)
	}
}

// reads checks that everything can be read that an owner serves: verbs, an
// endpoint, and the list of what was revoked that its certificate names.
func (p *person) reads(i instance, r resource) error {
	for _, verb := range [][]string{{"list", "--json"}, {"show", i.ID, "--json"}} {
		if got := p.try(verb...); got.code != 0 || !strings.Contains(got.out, i.ID) {
			return fmt.Errorf("%s: exit %d: %s", verb[0], got.code, got.err)
		}
	}
	chain, err := presented(r.Address, r.Name)
	if err != nil || chain[0] != i.Fingerprint {
		return fmt.Errorf("the endpoint presents %v (%w), want %s", chain, err, i.Fingerprint)
	}
	crl, err := crlOf(r)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Get(crl)
	if err != nil {
		return fmt.Errorf("CRL: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if b, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || len(b) == 0 {
		return fmt.Errorf("CRL: %s, %d bytes, %w", answer.Status, len(b), err)
	}
	return nil
}

// crlOf is the address of the CRL that a deployed certificate names.
func crlOf(r resource) (string, error) {
	d := tls.Dialer{Config: &tls.Config{ServerName: r.Name, InsecureSkipVerify: true}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0].CRLDistributionPoints[0], nil
}

// faulted says whether an owner died of a page without a block. Any other end is
// an error.
func (s *serving) faulted(t *testing.T) bool {
	t.Helper()
	select {
	case err := <-s.done:
		if !strings.Contains(s.out.String(), "SIGBUS") {
			t.Fatalf("the owner ended: %v\n%s", err, s.out)
		}
		for _, line := range strings.Split(s.out.String(), "\n") {
			if strings.HasPrefix(line, "github.com/") || strings.HasPrefix(line, "certquay/") {
				t.Logf("SIGBUS in %s", line)
				break
			}
		}
		return true
	default:
		return false
	}
}

// A disk that is filled by somebody else while two people buy: slowly, or all
// of it at once, without anything left. The owner lives, refuses to write, and
// serves all that can be read; so does one that is started meanwhile. Once
// there is room it writes again, and nothing that was acknowledged is missing.
// CERTQUAY_FILLS=45 is the whole measurement.
//
// Badger makes tables through maps of sparse files, so that an owner dies of a
// disk that is filled while it compacts them: in one round in twenty at most. Then nothing is missing either.
//
// finding: R-H8
// finding: R-X1
func TestADiskThatIsFilledLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := long(t, "CERTQUAY_FILLS", 2)
	for kind, make := range map[string]func(t *testing.T) string{
		"ext4":  func(t *testing.T) string { return newVolume(t, 400).dir },
		"tmpfs": func(t *testing.T) string { return mount(t, "size=400m") },
	} {
		t.Run(kind, func(t *testing.T) { fillAndRead(t, make(t), rounds) })
	}
}

func fillAndRead(t *testing.T, disk string, rounds int) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	begin := time.Now()
	p := newPerson(t)
	p.data = filepath.Join(disk, "store")
	p.flag = []string{"--data", p.data}
	w := &writers{person: p, all: acknowledgedWork{issued: map[string]string{}, deployed: map[string]resource{}}}
	i := p.issue("kept.example.com")
	var place resource
	var slowest time.Duration
	full, faults := map[string]int{}, 0
	var s *serving
	look := func() {
		t.Helper()
		if s.faulted(t) {
			faults++
			s = p.serve()
		}
	}
	read := func() {
		t.Helper()
		err := p.reads(i, place)
		if err != nil {
			waittest.Pause(time.Second) // an owner that dies of a fault writes its stacks first
			look()
			err = p.reads(i, place)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for n := range rounds {
		s = p.serve()
		if n == 0 {
			place = p.deploy(i.ID, "CDN")
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for k := range 2 {
			wg.Go(func() { w.work(fmt.Sprintf("w%d.r%d", k, n), stop) })
		}
		waittest.Pause(time.Duration(random.IntN(1500)) * time.Millisecond)
		rate := 0
		if n%2 == 1 {
			rate = 10 + random.IntN(31)
			if rounds < 10 { // where nobody has the time
				rate *= 5
			}
		}
		full[map[bool]string{true: "at once", false: "slowly"}[rate == 0]]++
		l := startFilling(t, disk, rate)
		wg.Wait() // until they are refused
		close(stop)
		look()
		if r := p.try("buy"); r.code != 5 || !strings.Contains(r.err, "free some space") {
			t.Errorf("buying on a full disk: exit %d\n%s", r.code, r.err)
		}
		read()
		look()
		eventually(t, "a disk without any room", func() bool { n, err := free(disk); return n < 1<<20 && err == nil })
		if n%3 < 2 { // one that is started meanwhile
			from := time.Now()
			if n%3 == 0 {
				if err := s.stopServing(); err != nil {
					t.Errorf("stopped while the disk is full: %v\n%s", err, s.out)
				}
			} else {
				s.kill()
			}
			slowest = max(slowest, time.Since(from))
			p.must("list")
			s = p.serve()
			read()
			if r := p.try("buy"); r.code != 5 || !strings.Contains(r.err, "free some space") {
				t.Errorf("buying on a full disk after a restart: exit %d\n%s", r.code, r.err)
			}
			look()
		}
		l.freeSpace(t)
		var r result
		eventually(t, "a purchase once there is room", func() bool { r = p.try("buy", "--json"); return r.code == 0 })
		id := decode[struct{ Instances []instance }](t, r.out).Instances[0].ID
		w.record(func(a *acknowledgedWork) { a.bought = append(a.bought, id) })
		look()
		if err := s.stopServing(); err != nil {
			t.Errorf("stop: %v\n%s", err, s.out)
		}
		if t.Failed() {
			t.Fatalf("stopped after round %d", n)
		}
	}
	if lost := p.hold(t, w.all); len(lost) > 0 {
		t.Errorf("lost: %v", lost)
	}
	if faults > max(1, rounds/20) {
		t.Errorf("an owner died of SIGBUS in %d of %d rounds", faults, rounds)
	}
	if slowest > 10*time.Second {
		t.Errorf("an owner took %v to end on a full disk", slowest)
	}
	t.Logf(
		"filled %v in %v: 0 lost of %d bought, %d issued, %d deployed, %d contacts; "+
			"SIGBUS %d; the slowest end of an owner on a full disk %v",
		full,
		time.Since(begin).Round(time.Second),
		len(w.all.bought),
		len(w.all.issued),
		len(w.all.deployed),
		len(w.all.contacts),
		faults,
		slowest.Round(time.Millisecond),
	)
}
