package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// plain is the reference: what the rules say of one instance, without store,
// jobs or intents.
type plain struct {
	id       model.ID
	state    string
	pack     bool
	draft    bool
	pending  bool // the CA waits
	issued   time.Time
	end      time.Time // of the version and of the service period
	deployed bool
	paid     int64
	deleted  bool
}

// reference plays the same actions as the engine.
type reference struct {
	now      time.Time
	all      []*plain
	free     int // units of the pack
	used     int
	supply   int
	spent    int64
	refunded int64
}

func (p *plain) expired(now time.Time) bool { return !p.end.IsZero() && !now.Before(p.end) }

// expect is the reason the rules give, "" when they allow it; "invalid" when
// something is missing.
func (m *reference) expect(a rules.Action, p *plain) rules.Reason {
	by := func(reasons map[string]rules.Reason) (rules.Reason, bool) {
		r, ok := reasons[p.state]
		return r, ok
	}
	ended := rules.ReasonEnded
	switch a {
	case rules.Apply:
		if r, ok := by(
			map[string]rules.Reason{
				"verifying": rules.ReasonWithdrawFirst,
				"issued":    rules.ReasonReissueInstead,
				"revoked":   ended,
				"refunded":  ended,
				"closed":    ended,
			},
		); ok {
			return r
		}
	case rules.Withdraw:
		if r, ok := by(
			map[string]rules.Reason{
				"paid":     rules.ReasonNotApplied,
				"issued":   rules.ReasonRevokeInstead,
				"revoked":  rules.ReasonState,
				"refunded": rules.ReasonState,
				"closed":   rules.ReasonState,
			},
		); ok {
			return r
		}
	case rules.Close:
		if r, ok := by(
			map[string]rules.Reason{
				"verifying": rules.ReasonWithdrawClose,
				"issued":    rules.ReasonRevokeInstead,
				"revoked":   ended,
				"refunded":  ended,
				"closed":    ended,
			},
		); ok {
			return r
		}
	case rules.Revoke:
		if r, ok := by(
			map[string]rules.Reason{
				"paid":      rules.ReasonCloseInstead,
				"verifying": rules.ReasonWithdrawClose,
				"revoked":   rules.ReasonAlreadyRevoked,
				"refunded":  rules.ReasonAlreadyRevoked,
				"closed":    ended,
			},
		); ok {
			return r
		}
		if p.expired(m.now) {
			return rules.ReasonExpired
		}
	case rules.Delete:
		if r, ok := by(map[string]rules.Reason{"paid": rules.ReasonCloseFirst, "verifying": rules.ReasonWithdrawClose}); ok {
			return r
		}
		if p.state == "issued" && !p.expired(m.now) {
			return rules.ReasonRevokeFirst
		}
		if p.deployed {
			return rules.ReasonUndeployFirst
		}
	case rules.Deploy:
		if r, ok := by(
			map[string]rules.Reason{
				"paid":      rules.ReasonNotApplied,
				"verifying": rules.ReasonNotIssued,
				"revoked":   ended,
				"refunded":  ended,
				"closed":    ended,
			},
		); ok {
			return r
		}
		if p.expired(m.now) {
			return rules.ReasonExpired
		}
	}
	return ""
}

// do is what an allowed action changes.
func (m *reference) do(a rules.Action, p *plain) {
	refund := func(ok bool, otherwise string) {
		p.state = otherwise
		if ok && p.paid > 0 {
			p.state = "refunded"
			m.refunded += p.paid
			p.paid = 0
		}
	}
	switch a {
	case rules.Apply:
		if p.draft = true; p.pending {
			p.state = "verifying"
			return
		}
		p.state, p.issued = "issued", m.now
		p.end = model.AddYears(m.now.Truncate(time.Second), 1)
		if p.pack {
			m.used++
		}
	case rules.Withdraw:
		p.state = "paid"
	case rules.Close:
		refund(true, "closed")
		if p.pack {
			m.free++
		}
	case rules.Revoke:
		refund(!m.now.After(p.issued.Add(30*days)), "revoked")
	case rules.Delete:
		p.deleted = true
	case rules.Deploy:
		p.deployed = true
	}
}

// spec: B2, B4, B5, S3
func TestRandomLivesAgreeWithTheRules(t *testing.T) {
	actors := []model.Actor{operator, {Name: "bert", Role: model.Operator, Via: "ssh"}, {Name: "carl", Role: model.Admin, Via: "socket"}}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.t = tolerant{t, rt}
		m := &reference{now: w.clock.Now()}
		steps := rapid.IntRange(5, 40).Draw(rt, "steps")
		for range steps {
			actor := rapid.SampledFrom(actors).Draw(rt, "actor")
			switch kind := rapid.SampledFrom([]string{"buy", "pack", "from pack", "forward", "act", "act", "act", "act", "act"}).Draw(rt,
				"kind"); kind {
			case "buy":
				_, made, err := w.engine.By(actor).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1})
				w.check(err)
				m.all = append(m.all, &plain{id: made[0].ID, state: "paid", paid: 100_00, pending: rapid.Bool().Draw(rt, "pending")})
				m.spent += 100_00
			case "pack":
				n := rapid.IntRange(1, 2).Draw(rt, "units")
				_, err := w.engine.By(actor).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackCertificate, Spec: spec, Quantity: n})
				w.check(err)
				m.free, m.supply, m.spent = m.free+n, m.supply+n, m.spent+int64(n)*100_00
			case "from pack":
				_, made, err := w.engine.By(actor).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1, FromPack: true})
				if m.free == 0 {
					w.refused(err, rules.ReasonNoUnits)
					continue
				}
				w.check(err)
				m.free--
				m.all = append(m.all, &plain{id: made[0].ID, state: "paid", pack: true, pending: rapid.Bool().Draw(rt, "pending")})
			case "forward":
				if slices.ContainsFunc(m.all, func(p *plain) bool { return p.state == "verifying" }) {
					continue // what waits is given up after seven days: its own test
				}
				w.clock.MoveTo(m.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "days")) * days))
				m.now = w.clock.Now()
			case "act":
				live := slices.DeleteFunc(slices.Clone(m.all), func(p *plain) bool { return p.deleted })
				if len(live) == 0 {
					continue
				}
				p := rapid.SampledFrom(live).Draw(rt, "instance")
				a := rapid.SampledFrom([]rules.Action{rules.Apply, rules.Withdraw, rules.Close, rules.Revoke, rules.Delete, rules.Deploy,
					rules.Undeploy}).
					Draw(rt, "action")
				w.act(rt, m, actor, a, p)
			}
			w.agrees(rt, m)
		}
		w.fsck()
		w.engine.Close()
	})
}

// act does one action with the engine and with the reference.
func (w *world) act(rt *rapid.T, m *reference, actor model.Actor, a rules.Action, p *plain) {
	var err error
	var jobs []model.Job
	keep := func(j model.Job, e error) {
		if err = e; e == nil {
			jobs = append(jobs, j)
		}
	}
	switch a {
	case rules.Apply:
		w.issuer.Pending = 0
		if p.pending {
			w.issuer.Pending = 1 << 30
		}
		keep(
			w.engine.By(actor).Apply(
				w.ctx(),
				p.id,
				lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
			),
		)
	case rules.Withdraw:
		err = w.engine.By(actor).Withdraw(w.ctx(), p.id)
	case rules.Close:
		err = w.engine.By(actor).CloseInstance(w.ctx(), p.id)
	case rules.Revoke:
		keep(w.engine.By(actor).Revoke(w.ctx(), p.id, lifecycle.RevokeRequest{}))
	case rules.Delete:
		err = w.engine.By(actor).Delete(w.ctx(), p.id)
	case rules.Deploy:
		jobs, err = w.engine.By(actor).
			Deploy(w.ctx(), p.id, lifecycle.DeployRequest{Product: "CDN", Resources: []string{"a.example.com"}, Older: true})
	case rules.Undeploy:
		rs, _, rerr := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{Instance: p.id})
		w.check(rerr)
		if len(rs) == 0 {
			return
		}
		keep(w.engine.By(actor).Undeploy(w.ctx(), rs[0].ID))
	}
	want := m.expect(a, p)
	var f *rules.Refusal
	if errors.As(err, &f) != (want != "") || f != nil && f.Reason != want {
		rt.Fatalf("%s in %s: the engine says %v, the rules say %q", a, p.state, err, want)
	}
	if f != nil {
		return
	}
	w.check(err)
	for _, j := range jobs {
		w.wait(j.ID)
	}
	switch a {
	case rules.Undeploy:
		p.deployed = false
	case rules.Deploy: // there is one place: it goes from one instance to the other
		for _, o := range m.all {
			o.deployed = false
		}
		m.do(a, p)
	default:
		m.do(a, p)
	}
}

// agrees compares the engine's world with the reference.
func (w *world) agrees(rt *rapid.T, m *reference) {
	reserved := 0
	for _, p := range m.all {
		i, err := w.engine.By(model.Scheduler).Instance(p.id)
		if p.deleted != errors.Is(err, model.ErrNotFound) {
			rt.Fatalf("deleted %v: %v", p.deleted, err)
		}
		if p.deleted {
			continue
		}
		if string(i.State) != p.state || (i.Deployments.Deployed > 0) != p.deployed {
			rt.Fatalf("%s is %s, deployed %d; the rules say %s, %v", p.id, i.State, i.Deployments.Deployed, p.state, p.deployed)
		}
		if p.pack && (p.state == "paid" || p.state == "verifying") {
			reserved++
		}
	}
	got := ledger.Balance{}
	all, err := w.engine.By(model.Scheduler).Balances()
	w.check(err)
	for _, b := range all {
		if b.Available < 0 || b.Reserved < 0 || b.Used < 0 || b.Total != b.Available+b.Reserved+b.Used {
			rt.Fatalf("balance %+v", b)
		}
		if b.Kind == "certificate" {
			got = b
		}
	}
	if got.Total != m.supply || got.Available != m.free || got.Used != m.used || got.Reserved != reserved {
		rt.Fatalf("balance %+v; the rules say total %d, available %d, used %d, reserved %d", got, m.supply, m.free, m.used, reserved)
	}
	costs, err := w.engine.By(model.Scheduler).SpentByCurrency()
	w.check(err)
	if costs["EUR"] != m.spent-m.refunded {
		rt.Fatalf("spent %d; the rules say %d - %d", costs["EUR"], m.spent, m.refunded)
	}
	counts, err := w.engine.By(model.Scheduler).Counts()
	w.check(err)
	sum := 0
	for _, n := range counts.State {
		sum += n
	}
	if live := len(slices.DeleteFunc(slices.Clone(m.all), func(p *plain) bool { return p.deleted })); sum != live {
		rt.Fatalf("counts %v for %d instances", counts.State, live)
	}
}

// tolerant lets helpers made for tests fail a property.
type tolerant struct {
	testing.TB
	rt *rapid.T
}

func (t tolerant) Fatal(args ...any)                 { t.rt.Fatal(args...) }
func (t tolerant) Fatalf(format string, args ...any) { t.rt.Fatalf(format, args...) }
func (t tolerant) Errorf(format string, args ...any) { t.rt.Errorf(format, args...) }
func (t tolerant) Error(args ...any)                 { t.rt.Error(fmt.Sprint(args...)) }
func (t tolerant) Helper()                           {}
