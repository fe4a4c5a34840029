package cmd_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"certquay/cmd/waittest"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// books is what the ledger and the certificates of a store say, all at one moment. It is the
// state of the specification that histories are compared with.
type books struct {
	available, reserved int    // units of a pack
	charged, refunded   int    // money, since the pack was bought
	states              string // of each certificate: one of the letters below
}

const (
	unborn   = '.'
	fromPack = 'p' // paid with a unit
	paid     = 'm' // paid with money
	closed   = 'c'
	refunded = 'r'
)

func (b books) with(n int, state byte) books {
	states := []byte(b.states)
	states[n] = state
	b.states = string(states)
	return b
}

// deed is what somebody does: pack, buy, close, state, units or money. certificate numbers
// the one that it is about, from 0; of a purchase that was refused it is -1.
type deed struct {
	what        string
	certificate int
}

// answer is what they hear: that it is done, or refused by the rules, or neither; or what
// they wanted to read.
type answer struct {
	heard string // "done", "refused", or "" if the owner died meanwhile
	state string
	books books // units or money
}

// specification is what buying, closing and reading do to the books. What was not
// acknowledged may be done or not.
var specification = porcupine.NondeterministicModel{
	Step: func(s, input, output any) []any {
		b, d, f := s.(books), input.(deed), output.(answer)
		after, allowed := d.step(b)
		switch {
		case d.what == "units":
			allowed = f.books.available == b.available && f.books.reserved == b.reserved
		case d.what == "money":
			allowed = f.books.charged == b.charged && f.books.refunded == b.refunded
		case d.what == "state":
			allowed = f.state == stateNames[b.states[d.certificate]]
		case f.heard == "refused":
			after, allowed = b, !allowed
		case f.heard == "" && allowed:
			return []any{b, after}
		case f.heard == "":
			return []any{b}
		}
		if !allowed {
			return nil
		}
		return []any{after}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

var stateNames = map[byte]string{fromPack: "paid", paid: "paid", closed: "closed", refunded: "refunded"}

// step returns the books after a deed, and whether the rules allow it.
func (d deed) step(b books) (books, bool) {
	switch d.what {
	case "pack":
		if b.available == 0 {
			return b, false
		}
		b.available--
		b.reserved++
		if d.certificate >= 0 {
			b = b.with(d.certificate, fromPack)
		}
	case "buy":
		b.charged += price
		if d.certificate >= 0 {
			b = b.with(d.certificate, paid)
		}
	case "close":
		switch b.states[d.certificate] {
		case fromPack:
			b.available++
			b.reserved--
			b = b.with(d.certificate, closed)
		case paid:
			b.refunded += price
			b = b.with(d.certificate, refunded)
		default:
			return b, false
		}
	}
	return b, true
}

// check compares a history with the specification.
func check(units, certificates int, history []porcupine.Operation) (porcupine.CheckResult, porcupine.Model, porcupine.LinearizationInfo) {
	begin := specification
	begin.Init = func() []any {
		return []any{books{available: units, states: strings.Repeat(string(unborn), certificates)}}
	}
	m := begin.ToModel()
	result, info := porcupine.CheckOperationsVerbose(m, history, 2*time.Minute)
	return result, m, info
}

// Histories that nobody may see are found out.
func TestTheSpecificationOfBalances(t *testing.T) {
	t.Parallel()
	at := func(call, back int64, d deed, f answer) porcupine.Operation {
		return porcupine.Operation{Call: call, Return: back, Input: d, Output: f}
	}
	done, refusal := answer{heard: "done"}, answer{heard: "refused"}
	units := func(n, r int) answer { return answer{books: books{available: n, reserved: r}} }
	for name, c := range map[string]struct {
		legal   bool
		history []porcupine.Operation
	}{
		"one after the other": {true, []porcupine.Operation{
			at(1, 2, deed{"pack", 0}, done), at(3, 4, deed{"units", 0}, units(0, 1)), at(5, 6, deed{"pack", -1}, refusal),
			at(7, 8, deed{"close", 0}, done), at(9, 10, deed{"pack", 1}, done), at(11, 12, deed{"state", 0}, answer{state: "closed"}),
		}},
		"one unit for two": {false, []porcupine.Operation{at(1, 5, deed{"pack", 0}, done), at(2, 6, deed{"pack", 1}, done)}},
		"a stale balance":  {false, []porcupine.Operation{at(1, 2, deed{"pack", 0}, done), at(3, 4, deed{"units", 0}, units(1, 0))}},
		"a balance meanwhile": {true, []porcupine.Operation{
			at(1, 4, deed{"pack", 0}, done), at(2, 3, deed{"units", 0}, units(1, 0)),
		}},
		"a stale state": {false, []porcupine.Operation{
			at(1, 2, deed{"buy", 0}, done), at(3, 4, deed{"close", 0}, done), at(5, 6, deed{"state", 0}, answer{state: "paid"}),
		}},
		"paid back twice": {false, []porcupine.Operation{
			at(1, 2, deed{"buy", 0}, done), at(3, 6, deed{"close", 0}, done), at(4, 7, deed{"close", 0}, done),
		}},
		"a purchase lost": {false, []porcupine.Operation{
			at(1, 2, deed{"buy", 0}, done), at(3, 4, deed{"money", 0}, answer{books: books{}}),
		}},
		"refused for nothing": {false, []porcupine.Operation{at(1, 2, deed{"pack", -1}, refusal)}},
		"not acknowledged, and done": {true, []porcupine.Operation{
			at(1, 9, deed{"pack", -1}, answer{}), at(3, 4, deed{"units", 0}, units(0, 1)),
		}},
		"not acknowledged, and not done": {true, []porcupine.Operation{
			at(1, 9, deed{"pack", -1}, answer{}), at(3, 4, deed{"units", 0}, units(1, 0)),
		}},
		"not acknowledged, and undone": {false, []porcupine.Operation{
			at(1, 9, deed{"pack", -1}, answer{}), at(3, 4, deed{"units", 0}, units(0, 1)), at(5, 6, deed{"units", 0}, units(1, 0)),
		}},
	} {
		if got, _, _ := check(1, 2, c.history); (got == porcupine.Ok) != c.legal {
			t.Errorf("%s: linearizable: %v", name, got)
		}
	}
}

const (
	units           = 8 // so few that purchases are refused now and then
	customersAtOnce = 16
	deedsOfEach     = 12
	// undecided is when what was not acknowledged had ended, until there is another owner.
	undecided = time.Duration(1 << 62)
)

// customers are people who buy, close and read at two machines at the same time.
type customers struct {
	*testing.T
	start   time.Time
	mu      sync.Mutex
	random  *rand.Rand
	number  map[string]int // of each certificate, by its id
	ids     []string       // by number
	history []porcupine.Operation
	open    map[int]int   // the purchase of somebody that was not acknowledged, in the history
	lost    int           // deeds that were not acknowledged
	ended   time.Duration // when the last of them had ended
}

// do does something at a machine, and records it.
func (c *customers) do(who int, at *machine) {
	c.mu.Lock()
	deeds := []string{"close", "close", "state", "units", "money", "pack", "pack", "buy"}
	if _, open := c.open[who]; open {
		deeds = deeds[:5]
	}
	what, id := deeds[c.random.IntN(len(deeds))], ""
	if len(c.ids) > 0 { // among the newest, over which people meet
		id = c.ids[max(0, len(c.ids)-1-c.random.IntN(8))]
	}
	c.mu.Unlock()
	if id == "" && (what == "close" || what == "state") {
		what = "units"
	}
	args := map[string][]string{
		"pack":  {"buy", "--grade", "standard", "--contact", contactOf(who), "--from-pack", "--yes"},
		"buy":   {"buy", "--grade", "standard", "--contact", contactOf(who), "--yes"},
		"close": {"close", id, "--yes"}, "state": {"show", id}, "units": {"balance"}, "money": {"balance", "--by-month"},
	}[what]
	call := time.Since(c.start)
	r := at.try(append(args, "--json")...)
	back := time.Since(c.start)
	c.mu.Lock()
	defer c.mu.Unlock()
	d, f := deed{what, -1}, answer{}
	if what == "close" || what == "state" {
		d.certificate = c.number[id]
	}
	switch r.code {
	case 0:
		f.heard = "done"
		c.read(&d, &f, r.out)
	case 3:
		f.heard = "refused"
	case 1, 5:
		c.lost++
		if !slices.Contains([]string{"pack", "buy", "close"}, what) {
			return // it told nothing
		}
		c.ended, back = back, undecided
		if what != "close" {
			c.open[who] = len(c.history)
		}
	default:
		c.Errorf("certquay %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	c.history = append(c.history, porcupine.Operation{ClientId: who, Input: d, Output: f, Call: int64(call), Return: int64(back)})
}

func contactOf(who int) string { return fmt.Sprintf("P%d", who) }

// resolve finds out what became of what was not acknowledged. A purchase was made if there
// is a certificate of somebody who has bought nothing since. A certificate is closed once:
// by whom that was acknowledged, or else by the only one who tried. What never happened is
// no part of the history.
func (c *customers) resolve(list []bought) {
	ended := map[int]bool{} // certificates
	for _, b := range list {
		if _, known := c.number[b.ID]; !known {
			c.number[b.ID], c.ids = len(c.ids), append(c.ids, b.ID)
			for who, at := range c.open {
				if b.Contact == contactOf(who) {
					d := c.history[at].Input.(deed)
					d.certificate = c.number[b.ID]
					c.history[at].Input, c.history[at].Output = d, answer{heard: "done"}
				}
			}
		}
		ended[c.number[b.ID]] = b.State != "paid"
	}
	tried := map[int][]int{} // by certificate, where in the history
	for at, o := range c.history {
		if d := o.Input.(deed); d.what == "close" && o.Output.(answer).heard == "" {
			tried[d.certificate] = append(tried[d.certificate], at)
		} else if d.what == "close" && o.Output.(answer).heard == "done" {
			ended[d.certificate] = false // not by another
		}
	}
	for n, all := range tried {
		for _, at := range all {
			switch {
			case !ended[n]:
				c.history[at].Output = answer{heard: "never"}
			case len(all) == 1:
				c.history[at].Output = answer{heard: "done"}
			}
		}
	}
	c.history = slices.DeleteFunc(c.history, func(o porcupine.Operation) bool {
		d, heard := o.Input.(deed), o.Output.(answer).heard
		return heard == "never" || heard == "" && (d.what == "pack" || d.what == "buy")
	})
}

// bought is an instance and who has bought it.
type bought struct {
	ID      string `json:"id"`
	Contact string `json:"contact"`
	State   string `json:"state"`
}

// read takes what a verb has printed.
func (c *customers) read(d *deed, f *answer, out string) {
	switch d.what {
	case "pack", "buy":
		id := decode[struct{ Instances []instance }](c, out).Instances[0].ID
		d.certificate = len(c.ids)
		c.number[id], c.ids = d.certificate, append(c.ids, id)
	case "state":
		f.state = decode[instance](c, out).State
	case "units":
		for _, b := range decode[[]struct {
			Kind                string
			Reserved, Available int
		}](c, out) {
			if b.Kind == "certificate" {
				f.books.available, f.books.reserved = b.Available, b.Reserved
			}
		}
	case "money":
		for _, m := range decode[[]struct{ Charged, Refunded int }](c, out) {
			f.books.charged += m.Charged
			f.books.refunded += m.Refunded
		}
		f.books.charged -= units * price
	}
}

// Sixteen people buy, close and read certificates, units and money at two replicas, while
// the owner is killed. What they hear is what they could have heard one after the other, in
// an order in which what had ended comes before what began afterwards. CERTQUAY_LINEAR says
// how often.
// spec: B4, E2
func TestBalancesAndStatesAreLinearizable(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for n := range long(t, "CERTQUAY_LINEAR", 1) {
		var engines sync.WaitGroup
		for engine, fresh := range map[string]func(*testing.T) string{
			"postgres": func(t *testing.T) string { return pgtest.Start(t).Database(t) },
			"etcd":     func(t *testing.T) string { return etcdtest.Start(t).Database() },
		} {
			engines.Go(func() {
				t.Run(engine, func(t *testing.T) { trade(t, fresh(t), rand.New(rand.NewPCG(seed, uint64(n)))) })
			})
		}
		engines.Wait()
	}
}

func trade(t *testing.T, database string, random *rand.Rand) {
	owner := newMachine(t, database, nil)
	o := owner.stand(anywhere...)
	o.says(t, servingNow, 1)
	for who := range customersAtOnce + 1 {
		owner.must("contact", "add", "--name", contactOf(who), "--email", "p@example.com")
	}
	owner.must("buy-pack", "certificate", "--quantity", fmt.Sprint(units), "--grade", "standard", "--yes")
	var replicas []*machine
	var standing []*standing
	for range 2 {
		m := newMachine(t, database, owner)
		s := m.stand(anywhere...)
		s.says(t, "standing by", 1)
		replicas, standing = append(replicas, m), append(standing, s)
	}
	c := &customers{T: t, start: time.Now(), random: random, number: map[string]int{}, open: map[int]int{}}
	var all sync.WaitGroup
	warm := make(chan struct{}, customersAtOnce)
	for who := range customersAtOnce {
		all.Go(func() {
			for n := range deedsOfEach {
				if n == deedsOfEach/3 {
					warm <- struct{}{}
				}
				c.do(who, replicas[who%2])
			}
		})
	}
	for range customersAtOnce / 2 {
		<-warm
	}
	o.signal(t, syscall.SIGKILL)
	eventually(t, "another owner", func() bool {
		waittest.Pause(5 * time.Millisecond)
		return strings.Contains(standing[0].out.String()+standing[1].out.String(), servingNow)
	})
	next := time.Since(c.start)
	all.Wait()
	c.do(customersAtOnce, replicas[0])
	// What the former owner had not acknowledged is done by now, or never.
	for n, d := range c.history {
		if d.Return == int64(undecided) {
			c.history[n].Return = int64(max(next, c.ended))
		}
	}
	c.resolve(decode[[]bought](t, replicas[0].must("list", "--limit", "0", "--json")))
	begun := time.Now()
	result, m, info := check(units, len(c.ids), c.history)
	switch result {
	case porcupine.Illegal:
		file := filepath.Join(os.TempDir(), "certquay-history.html")
		t.Errorf("the history is not linearizable; %s shows it (%v)", file, porcupine.VisualizePath(m, info, file))
	case porcupine.Unknown:
		t.Error("whether the history is linearizable was not found out in two minutes")
	}
	t.Logf("%d deeds with %d certificates, %d not acknowledged, checked in %v",
		len(c.history), len(c.ids), c.lost, time.Since(begun).Round(time.Millisecond))
}
