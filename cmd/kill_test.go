package cmd_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// subject is one certificate in the kill laboratory, and what certquay has
// acknowledged about it. A worker changes it while it works, the judge reads
// it between two lives of the owner; never both at once.
type subject struct {
	id, domain string
	// What was acknowledged with exit 0.
	serials  []string // of its versions, in order
	deployed string   // the fingerprint that is presented; "" when none is
	address  string
	uploaded bool
	revoked  bool
	deleted  bool
	closed   bool
	// What was asked for when the owner died: it may be done or not.
	pending string
	// Its life, and how far it has come.
	steps []func() bool
	next  int
}

// acknowledged describes the acknowledged state, to see whether a pending step was
// done.
func (s *subject) acknowledged() string {
	return fmt.Sprint(s.serials, s.deployed, s.revoked, s.deleted, s.closed)
}

// lab kills the owner of one store again and again.
type lab struct {
	*person
	t        *testing.T
	subjects []*subject
	contacts []string
	mu       sync.Mutex
	acked    map[string]int // acknowledged operations, by verb
	lost     int            // operations whose owner died
}

// stream lets one worker take certificates through their lives until stop is
// closed: first those that an earlier kill has left half way, then new ones. An
// operation counts as acknowledged when its process ended with 0. It returns
// the new ones.
func (l *lab) stream(worker, round int, left []*subject, stop <-chan struct{}) []*subject {
	var made []*subject
	for n := 0; ; n++ {
		var s *subject
		if n < len(left) {
			s = left[n]
		} else {
			s = &subject{domain: fmt.Sprintf("n%d.w%d.r%d.kill.example", n, worker, round)}
			s.steps = l.life(s, worker+n+round)
			made = append(made, s)
		}
		for ; s.next < len(s.steps); s.next++ {
			select {
			case <-stop:
				return made
			default:
			}
			if !s.steps[s.next]() {
				return made
			}
		}
	}
}

// live returns the instances whose life cycle can continue.
func (l *lab) live() []*subject {
	var left []*subject
	for _, s := range l.subjects {
		if s.next < len(s.steps) {
			left = append(left, s)
		}
	}
	return left
}

// ack runs one verb. It is false when the owner died under it: then nobody
// knows whether it is done.
func (l *lab) ack(s *subject, args ...string) (string, bool) {
	s.pending = args[0]
	r := l.try(append(args, "--json")...)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.code == 0:
		s.pending = ""
		l.acked[args[0]]++
		return r.out, true
	case r.code == 1 && strings.Contains(r.err, "the owner of the store stopped"):
		l.lost++
	default:
		l.t.Errorf("certquay %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return "", false
}

// life is what happens to one certificate, step by step. Each step says
// whether it was acknowledged.
func (l *lab) life(s *subject, n int) []func() bool {
	see := func(out string) instance {
		var i instance
		if err := json.Unmarshal([]byte(out), &i); err != nil {
			l.t.Errorf("%v: %q", err, out)
		}
		s.serials = s.serials[:0]
		for _, v := range i.Versions {
			s.serials = append(s.serials, v.Serial)
		}
		return i
	}
	buy := func() bool {
		out, ok := l.ack(s, "buy")
		if ok {
			var b struct{ Instances []instance }
			if err := json.Unmarshal([]byte(out), &b); err != nil || len(b.Instances) != 1 {
				l.t.Errorf("%v: %q", err, out)
				return false
			}
			s.id = b.Instances[0].ID
		}
		return ok
	}
	upload := func() bool {
		files, err := pki(s.domain, "")
		if err != nil {
			l.t.Error(err)
			return false
		}
		path := filepath.Join(l.home, s.domain+".pem")
		if err := os.WriteFile(path, append(append(files["leaf.pem"], files["int.pem"]...), files["key.pem"]...), 0o600); err != nil {
			l.t.Error(err)
			return false
		}
		out, ok := l.ack(s, "upload", path)
		if ok {
			s.id, s.uploaded = see(out).ID, true
		}
		return ok
	}
	apply := func() bool {
		out, ok := l.ack(s, "apply", s.id, "--domain", s.domain)
		if ok {
			if i := see(out); i.State != "issued" {
				l.t.Errorf("apply ended with 0, and it is %s", i.State)
			}
		}
		return ok
	}
	deploy := func() bool {
		out, ok := l.ack(s, "deploy", s.id, "--product", []string{"CDN", "SCDN", "DCDN"}[n%3])
		if ok {
			var r []resource
			if err := json.Unmarshal([]byte(out), &r); err != nil || len(r) != 1 || r[0].State != "deployed" {
				l.t.Errorf("%v: %q", err, out)
				return false
			}
			s.deployed, s.address = r[0].Fingerprint, r[0].Address
		}
		return ok
	}
	reissue := func() bool {
		out, ok := l.ack(s, "reissue", s.id, "--new-key")
		if ok {
			see(out)
		}
		return ok
	}
	undeploy := func() bool {
		_, ok := l.ack(s, "undeploy", s.domain, "--yes")
		if ok {
			s.deployed = ""
		}
		return ok
	}
	revoke := func() bool {
		_, ok := l.ack(s, "revoke", s.id, "--reason", "superseded", "--yes")
		s.revoked = s.revoked || ok
		return ok
	}
	remove := func() bool {
		_, ok := l.ack(s, "delete", s.id, "--yes")
		s.deleted = s.deleted || ok
		return ok
	}
	end := func() bool {
		_, ok := l.ack(s, "close", s.id, "--yes")
		s.closed = s.closed || ok
		return ok
	}
	contact := func() bool {
		_, ok := l.ack(s, "contact", "add", "--name", s.domain, "--email", "x@example.com")
		if ok {
			l.mu.Lock()
			l.contacts = append(l.contacts, s.domain)
			l.mu.Unlock()
		}
		return ok
	}
	switch n % 4 {
	case 0:
		return []func() bool{buy, apply, deploy, reissue, deploy, undeploy, revoke, remove}
	case 1:
		return []func() bool{buy, apply, deploy, reissue, revoke}
	case 2:
		return []func() bool{upload, deploy, contact, undeploy, remove}
	default:
		return []func() bool{contact, buy, end, remove}
	}
}

// checkStore checks after a start that everything acknowledged is there.
func (l *lab) checkStore(round int) {
	l.t.Helper()
	held := map[string]instance{}
	// What was interrupted is resumed by itself, without anybody's help.
	var busy string
	var places []resource
	if !waittest.Eventually(patience, func() bool {
		busy = ""
		clear(held)
		for _, i := range decode[[]instance](l.t, l.must("list", "--json")) {
			held[i.ID] = i
			if i.Operation != nil || i.State == "verifying" {
				busy = i.ID + " " + i.State
			}
		}
		places = decode[[]resource](l.t, l.must("resources", "--state", "deploying", "--json"))
		return busy == "" && len(places) == 0
	}) {
		l.t.Fatalf("round %d: still at work: %s %v", round, busy, places)
	}
	wrong := func(s *subject, format string, args ...any) {
		l.t.Errorf("round %d: %s (%s, pending %q): %s", round, s.domain, s.id, s.pending, fmt.Sprintf(format, args...))
	}
	for _, s := range l.subjects {
		if s.id == "" {
			continue
		}
		i, there := held[s.id]
		if there == s.deleted && (there || s.pending != "delete") {
			wrong(s, "in the list: %v, deleted: %v", there, s.deleted)
			continue
		}
		if !there {
			continue
		}
		var serials []string
		for _, v := range i.Versions {
			serials = append(serials, v.Serial)
		}
		more := len(serials) - len(s.serials)
		if strings.Join(serials[:min(len(serials), len(s.serials))], " ") != strings.Join(s.serials, " ") ||
			more > 0 && s.pending != "reissue" && s.pending != "apply" ||
			more > 1 {
			wrong(s, "versions %v, acknowledged %v", serials, s.serials)
		}
		if s.revoked && i.State != "revoked" || s.closed && i.State != "closed" && i.State != "refunded" ||
			s.uploaded && i.State != "uploaded" {
			wrong(s, "it is %s", i.State)
		}
		switch {
		case s.pending == "deploy" || s.pending == "undeploy" || s.address == "":
		case s.deployed == "":
			if p, err := presented(s.address, s.domain); err == nil {
				wrong(s, "taken off, and %s presents %v", s.address, p)
			}
		default:
			if p, err := presented(s.address, s.domain); err != nil || p[0] != s.deployed {
				wrong(s, "%s presents %v (%v), want %s", s.address, p, err, s.deployed)
			}
		}
	}
	have := l.must("contact", "list", "--json")
	for _, name := range l.contacts {
		if !strings.Contains(have, `"`+name+`"`) {
			l.t.Errorf("round %d: contact %s is lost", round, name)
		}
	}
	l.must("fsck")
}

// acceptPresent takes what is seen now for what was acknowledged, where the owner had
// died in between.
func (l *lab) acceptPresent() {
	held := map[string]instance{}
	for _, i := range decode[[]instance](l.t, l.must("list", "--json")) {
		held[i.ID] = i
	}
	places := map[string]resource{}
	for _, r := range decode[[]resource](l.t, l.must("resources", "--json")) {
		places[r.Name] = r
	}
	for _, s := range l.subjects {
		if s.pending == "" {
			continue
		}
		if s.id == "" { // nobody knows its id: it is nobody's now
			s.pending, s.next = "", len(s.steps)
			continue
		}
		before := s.acknowledged()
		i, there := held[s.id]
		s.deleted, s.revoked = !there, s.revoked || i.State == "revoked"
		s.closed = s.closed || i.State == "closed"
		s.serials = nil
		for _, v := range i.Versions {
			s.serials = append(s.serials, v.Serial)
		}
		r := places[s.domain]
		s.deployed = r.Fingerprint
		if r.Address != "" {
			s.address = r.Address
		}
		if s.acknowledged() != before || s.pending == "contact" {
			s.next++
		}
		s.pending = ""
	}
}

// kills is how often the owner is killed: 20 times, 5 with -short, or as
// CERTQUAY_KILLS says.
func kills(t *testing.T) int {
	if v := os.Getenv("CERTQUAY_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("CERTQUAY_KILLS=%q is no number", v)
		}
		return n
	}
	if testing.Short() {
		return 5
	}
	return 20
}

// The owner is killed at random moments while others work through it. Each next
// start needs nobody, nothing that was acknowledged is lost, the store is
// sound, and what was presented at an address still is.
// spec: D3 D6 S4
func TestKilledOwnerLosesNothing(t *testing.T) {
	t.Parallel()
	l := &lab{person: newPerson(t), t: t, acked: map[string]int{}}
	l.must("--sandbox", "clock")
	begin := time.Now()
	total := kills(t)
	stable := &subject{domain: "stable.kill.example"}
	l.subjects = append(l.subjects, stable)
	var longest time.Duration
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	early := 0
	for round := range total {
		if t.Failed() {
			t.Fatalf("stopped after %d kills", round)
		}
		// Now and then the next start is killed before it is done.
		if random.IntN(5) == 0 {
			early++
			l.killEarly(time.Duration(random.IntN(120)) * time.Millisecond)
		}
		from := time.Now()
		s := l.serve()
		longest = max(longest, time.Since(from))
		l.checkStore(round)
		l.acceptPresent()
		if round == 0 {
			for _, step := range l.life(stable, 0)[:3] {
				if !step() {
					t.Fatal("the first deployment failed")
				}
			}
		}
		stop := make(chan struct{})
		made, left := make([][]*subject, 5), make([][]*subject, 5)
		for n, s := range l.live() {
			left[n%len(left)] = append(left[n%len(left)], s)
		}
		var wg sync.WaitGroup
		for w := range made {
			wg.Go(func() { made[w] = l.stream(w, round, left[w], stop) })
		}
		waittest.Pause(time.Duration(20+random.IntN(500)) * time.Millisecond)
		s.kill()
		close(stop)
		wg.Wait()
		for _, m := range made {
			l.subjects = append(l.subjects, m...)
		}
	}
	l.serve()
	l.checkStore(total)
	sum := 0
	for _, n := range l.acked {
		sum += n
	}
	t.Logf(
		"%d kills and %d more of a start, in %v: %d operations acknowledged %v, "+
			"%d whose owner died, longest start %v, %d certificates looked at",
		total,
		early,
		time.Since(begin).Round(time.Second),
		sum,
		l.acked,
		l.lost,
		longest.Round(time.Millisecond),
		len(l.subjects),
	)
	if sum < total {
		t.Errorf("only %d operations were acknowledged: that proves nothing", sum)
	}
}

// killEarly starts an owner and kills it while it opens the store.
func (l *lab) killEarly(after time.Duration) {
	ctx := l.t.Context()
	c := l.command(ctx, "serve")
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	waittest.Pause(after)
	_ = c.Process.Kill()
	_ = c.Wait()
}
