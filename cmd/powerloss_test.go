package cmd_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// acknowledgedWork is what certquay has acknowledged by a moment.
type acknowledgedWork struct {
	bought   []string            // ids
	issued   map[string]string   // the serial of the first version, by id
	deployed map[string]resource // by id
	contacts []string
}

// writers lets several people work on a store until stop; what is acknowledged
// is noted as soon as their process has ended with 0.
type writers struct {
	*person
	mu  sync.Mutex
	all acknowledgedWork
}

// so far is a copy of what was acknowledged by now.
func (w *writers) acknowledged() acknowledgedWork {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := acknowledgedWork{slices.Clone(w.all.bought), map[string]string{}, map[string]resource{}, slices.Clone(w.all.contacts)}
	for k, v := range w.all.issued {
		p.issued[k] = v
	}
	for k, v := range w.all.deployed {
		p.deployed[k] = v
	}
	return p
}

func (w *writers) record(f func(*acknowledgedWork)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.all)
}

// try is that of the person, who never waits for an answer in vain.
func (w *writers) try(args ...string) result {
	r := w.person.try(args...)
	if r.code < 0 {
		w.t.Errorf("certquay %s does not end: %s", strings.Join(args, " "), r.err)
	}
	return r
}

// work is one person's, until stop is closed, or their owner is gone or can
// write no more.
func (w *writers) work(who string, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		name := fmt.Sprintf("n%d.%s.example.com", n, who)
		r := w.try("buy", "--json")
		if r.code != 0 {
			return
		}
		id := decode[struct{ Instances []instance }](w.t, r.out).Instances[0].ID
		w.record(func(p *acknowledgedWork) { p.bought = append(p.bought, id) })
		if r = w.try("apply", id, "--domain", name, "--json"); r.code != 0 {
			return
		}
		serial := decode[instance](w.t, r.out).Versions[0].Serial
		w.record(func(p *acknowledgedWork) { p.issued[id] = serial })
		if n%2 == 0 {
			if r = w.try("deploy", id, "--product", "CDN", "--json"); r.code != 0 {
				return
			}
			place := decode[[]resource](w.t, r.out)[0]
			w.record(func(p *acknowledgedWork) { p.deployed[id] = place })
		}
		if r = w.try("contact", "add", "--name", name, "--email", "x@example.com"); r.code != 0 {
			return
		}
		w.record(func(p *acknowledgedWork) { p.contacts = append(p.contacts, name) })
	}
}

// hold says what of the promises a store does not hold. What was interrupted
// is finished first, by an owner that serves.
func (p *person) hold(t *testing.T, want acknowledgedWork) (lost []string) {
	t.Helper()
	s := p.serve()
	held := map[string]instance{}
	eventually(t, "nothing under way", func() bool {
		clear(held)
		still := true
		for _, i := range decode[[]instance](t, p.must("list", "--limit", "0", "--json")) {
			held[i.ID] = i
			still = still && i.Operation == nil && i.State != "verifying"
		}
		return still && len(decode[[]resource](t, p.must("resources", "--state", "deploying", "--json"))) == 0
	})
	for _, id := range want.bought {
		if _, ok := held[id]; !ok {
			lost = append(lost, "bought "+id)
		}
	}
	for id, serial := range want.issued {
		if i := held[id]; len(i.Versions) == 0 || i.Versions[0].Serial != serial {
			lost = append(lost, "issued "+id)
		}
	}
	for id, r := range want.deployed {
		if got, err := presented(r.Address, r.Name); err != nil || got[0] != r.Fingerprint {
			lost = append(lost, fmt.Sprintf("deployed %s: %v", id, err))
		}
	}
	contacts := p.must("contact", "list", "--json")
	for _, name := range want.contacts {
		if !strings.Contains(contacts, `"`+name+`"`) {
			lost = append(lost, "contact "+name)
		}
	}
	if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
		t.Errorf("fsck: %s", out)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	return lost
}

// The machine loses power while several people write: images of the disk are
// taken at random moments, without anything being synced before, while the
// owner works, closes or opens its store. Each is mounted, which replays the
// journal of the file system, and opened: what had been acknowledged before the
// image is in it, nothing is half done, and it is never refused.
// CERTQUAY_POWERLOSS=110 is the whole measurement.
//
// finding: R-C3
func TestALossOfPowerLosesNothing(t *testing.T) {
	t.Parallel()
	images := long(t, "CERTQUAY_POWERLOSS", 3)
	disk := newVolume(t, 500)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	begin := time.Now()
	p := newPerson(t)
	at := func(dir string) *person {
		q := *p
		q.home = filepath.Join(dir, "home")
		q.data = filepath.Join(q.home, ".local", "share", "certquay")
		q.env = append(home(q.home), "PATH="+os.Getenv("PATH"))
		return &q
	}
	w := &writers{person: at(disk.dir), all: acknowledgedWork{issued: map[string]string{}, deployed: map[string]resource{}}}
	if err := os.Mkdir(w.home, 0o700); err != nil {
		t.Fatal(err)
	}
	w.must("--sandbox", "clock")
	copied := filepath.Join(filepath.Dir(disk.file), "copy")
	moments := map[string]int{}
	for n := range images {
		s := w.serve()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for k := range 4 {
			wg.Go(func() { w.work(fmt.Sprintf("w%d.r%d", k, n), stop) })
		}
		waittest.Pause(time.Duration(200+random.IntN(900)) * time.Millisecond)
		moment := []string{"writing", "closing", "opening"}[n%3]
		moments[moment]++
		var opening *serving
		switch moment {
		case "closing":
			close(stop)
			_ = s.cmd.Process.Signal(os.Interrupt)
			waittest.Pause(time.Duration(random.IntN(80)) * time.Millisecond)
		case "opening": // after it was killed
			close(stop)
			s.kill()
			wg.Wait()
			c := w.command(t.Context(), "serve")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			opening = &serving{cmd: c, done: make(chan error, 1)}
			go func() { opening.done <- c.Wait(); close(opening.done) }()
			waittest.Pause(time.Duration(random.IntN(120)) * time.Millisecond)
		}
		want := w.acknowledged()
		disk.image(t, copied)
		if moment == "writing" {
			close(stop)
		}
		if opening != nil {
			opening.kill()
		}
		s.kill()
		wg.Wait()

		found := &volume{file: copied, dir: t.TempDir()}
		found.mount(t)
		lost := at(found.dir).hold(t, want)
		if len(lost) > 0 {
			t.Errorf("image %d, while %s: lost %v", n, moment, lost)
		}
		if t.Failed() {
			t.Fatalf("stopped at image %d, while %s", n, moment)
		}
		found.unmount(t)
	}
	all := w.acknowledged()
	t.Logf(
		"%d images %v in %v: 0 lost of %d bought, %d issued, %d deployed, %d contacts",
		images,
		moments,
		time.Since(begin).Round(time.Second),
		len(all.bought),
		len(all.issued),
		len(all.deployed),
		len(all.contacts),
	)
	if len(all.bought) < images {
		t.Error("hardly anything was acknowledged: that proves nothing")
	}
}
