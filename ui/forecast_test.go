package ui

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/lifecycletest"
	"certquay/model"
	"certquay/ui/kittest"
)

// ahead is a fleet with many hosted certificates, so that a forecast has events.
func ahead() *kittest.World {
	b := kittest.Fleet(60)
	for n, i := range b.Instances {
		if i.Newest() != nil && n%4 != 0 {
			i.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
			kittest.Plan(i)
			for _, r := range b.Places {
				if r.Instance == i.ID && n%3 != 0 && !r.AutoDeploy {
					r.AutoDeploy = true
					i.Deployments.Auto++
				}
			}
		}
	}
	return b
}

// held starts the tab with forecasts that go on only when they are let go.
func held(t *testing.T, b *kittest.World) (*driver, *lifecycletest.Gate, chan tea.Msg) {
	t.Helper()
	d, gate := drive(t, b, 120, 40), new(lifecycletest.Gate)
	t.Cleanup(gate.Open)
	gate.Shut()
	for _, ca := range b.CAs {
		ca.OnCan = func(day time.Time) {
			if day.After(b.Clock) {
				gate.Pass()
			}
		}
	}
	return d, gate, make(chan tea.Msg, 100)
}

// loose runs commands without waiting for them; their messages come through
// the channel.
func loose(cmd tea.Cmd, msgs chan<- tea.Msg) {
	if cmd == nil {
		return
	}
	go func() {
		switch m := cmd().(type) {
		case nil:
		case tea.BatchMsg:
			for _, c := range m {
				loose(c, msgs)
			}
		default:
			msgs <- m
		}
	}()
}

// until takes messages until a text is on the screen.
func (d *driver) until(msgs chan tea.Msg, text string) {
	d.t.Helper()
	deadline := time.After(30 * time.Second)
	for !d.has(text) {
		select {
		case m := <-msgs:
			loose(d.m.update(m), msgs)
		case <-deadline:
			d.t.Fatalf("%q does not come:\n%s", text, d.screen())
		}
	}
}

// TestForecastSaysHowFarItIsAndCanBeStopped holds a forecast up: the month it
// has reached is told, the dashboard answers meanwhile, esc stops it, ctrl+r
// begins it again, and an earlier one stays on the screen. spec: V6
func TestForecastSaysHowFarItIsAndCanBeStopped(t *testing.T) {
	b := ahead()
	d, gate, msgs := held(t, b)
	loose(d.m.update(press("5")), msgs)
	d.until(msgs, "computing 2026-1")
	d.fits()
	loose(d.m.update(press("?")), msgs)
	d.until(msgs, "What the keys do here")
	loose(d.m.update(press("esc")), msgs)
	loose(d.m.update(press("esc")), msgs)
	d.sees("stopped; ctrl+r")
	loose(d.m.update(press("ctrl+r")), msgs)
	d.until(msgs, "computing 2026-1")
	gate.Open()
	d.until(msgs, "as of 2026-11-21")
	d.sees("2028-11")
	gate.Shut()
	loose(d.m.update(press("+")), msgs)
	d.until(msgs, "computing 2026-1")
	d.sees("next 36 months", "2028-11")
	if d.has("2029-11") {
		t.Fatal("it shows what is not there yet")
	}
	gate.Open()
	d.until(msgs, "as of 2026-11-21")
	d.keys("G")
	d.sees("2029-11")
}

// TestForecastEndsWhenNobodyLooks leaves the tab: the forecast ends, and begins
// again on coming back. What is there is not computed twice, unless something
// has changed meanwhile. spec: V6
func TestForecastEndsWhenNobodyLooks(t *testing.T) {
	b := ahead()
	d, gate, msgs := held(t, b)
	loose(d.m.update(press("5")), msgs)
	d.until(msgs, "computing 2026-1")
	d.keys("1") // the held forecast must end, or this would not come back
	gate.Open()
	d.keys("5")
	d.sees("as of 2026-11-21", "2028-11")
	if n := d.seen["forecast.computedMsg"]; n != 1 {
		t.Fatalf("%d forecasts", n)
	}
	d.keys("1", "5", "p", "p", "p", "p", "p", "p")
	if n := d.seen["forecast.computedMsg"]; n != 5 {
		t.Fatalf("%d forecasts: what is known was computed again", n)
	}
	d.keys("1")
	b.Change(func(b *kittest.World) {
		b.Events = append([]model.Event{{Seq: 99_999, At: b.Clock, Action: "buy", Result: "ok"}}, b.Events...)
	})
	d.feed()
	d.keys("5")
	if n := d.seen["forecast.computedMsg"]; n != 7 {
		t.Fatalf("%d forecasts after a change", n)
	}
}

// TestForecastKeys walks from the months to a day, to what happens on it and to
// the certificate, and back.
func TestForecastKeys(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		d := drive(t, ahead(), size[0], size[1])
		d.keys("5", "j", "j", "enter")
		d.sees("2026-12-20", "versions and deployments by day, most on Mon 21")
		d.keys("g")
		for !d.has("✕ expires") && !d.has("▲ install by hand") {
			before := d.screen()
			d.keys("j", "l")
			if d.screen() == before {
				t.Fatalf("nothing happens on any day:\n%s", d.screen())
			}
		}
		d.fits()
		d.keys("x")
		d.sees("Why then", "(rule")
		d.keys("esc", "enter")
		d.sees("Certificate", "Versions")
		d.keys("esc", "5", "esc", "esc")
		d.sees("total")
		d.keys("x")
		d.sees("What happens", "It consists of").keys("G").sees("rule V6")
		d.keys("esc", "-", "-")
		d.sees("12 months ahead at least")
		d.keys("esc", "+", "+", "+")
		d.sees("36 months ahead at most")
	}
}

// TestForecastCompares puts another policy beside, all of them in turn.
// spec: V6
func TestForecastCompares(t *testing.T) {
	d := drive(t, ahead(), 120, 40)
	d.keys("5")
	for _, name := range []string{"public", "200 days", "100 days", "47 days"} {
		d.keys("p")
		d.sees("compare: "+name, "under "+name+":")
		d.fits()
	}
	d.keys("x")
	d.sees("Under 47 days")
	d.keys("esc", "p")
	if d.has("compare:") {
		t.Fatal("it still compares")
	}
	d.keys(":").text("100 days").keys("enter")
	d.sees("compare: 100 days")
}

// TestForecastSkipsPoliciesWithoutDifference goes to the policy that shortens what the
// issuers give, says which were left out and what it means; asked for by name, one that
// changes nothing says so. Where none changes anything, the key says that.
// finding: U23
func TestForecastSkipsPoliciesWithoutDifference(t *testing.T) {
	b := ahead()
	limit := func(days int) {
		for _, ca := range b.CAs {
			ca.Can.MaxValidity, ca.Can.Public = time.Duration(days)*24*time.Hour, false
		}
	}
	limit(100)
	d := drive(t, b, 120, 40)
	d.keys("5", "p")
	d.sees("compare: 47 days", "no difference, left out", "public, 200 days, 100 days", "no new certificate is valid for more than 47 days")
	d.fits()
	d.keys("p")
	if d.has("compare:") {
		t.Fatal("it still compares")
	}
	d.keys(":").text("policy 200").keys("enter")
	d.sees("compare: 200 days", "It makes no difference here: no new certificate is valid for more than 200 days")
	d.keys(":").text("policy 47").keys("enter")
	if d.has("It makes no difference") {
		t.Errorf("47 days are said to make no difference:\n%s", d.screen())
	}

	limit(30)
	d = drive(t, b, 80, 24)
	d.keys("5", "p").sees("no policy makes a difference")
	d.fits()
}

// TestForecastFailsAloud says why there is none, and goes on later.
func TestForecastFailsAloud(t *testing.T) {
	b := ahead()
	d := drive(t, b, 120, 40)
	b.Faults.BreakReads(errors.New("the disk is gone"))
	d.keys("5")
	d.sees("could not be computed", "the disk is gone")
	b.Faults.BreakReads(nil)
	d.keys("ctrl+r")
	d.sees("as of", "total")
}

// TestForecastShowsWhatTheReportSays draws the forecast of the real engine and
// compares each month with the report. spec: V6
func TestForecastShowsWhatTheReportSays(t *testing.T) {
	e := real(t)
	id := inState(t, e, "issued")
	inState(t, e, "issued") // this one will expire
	contact, err := e.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err == nil {
		err = e.Host(t.Context(), id, lifecycle.HostRequest{Contact: contact.ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := e.Deploy(t.Context(), id, lifecycle.DeployRequest{Product: "CDN"})
	if err == nil {
		_, err = e.Wait(t.Context(), jobs[0].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	rep, err := forecast.Run(t.Context(), e.Access, forecast.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Total.Renewals == 0 || rep.Total.Expiries == 0 || rep.Total.People == 0 {
		t.Fatalf("nothing to see: %+v", rep.Total)
	}
	d := drive(t, kittest.New(), 200, 60, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.keys("5")
	for _, m := range append([]forecast.Tally{rep.Total}, rep.ByMonth...) {
		first := m.Start.Format("2006-01")
		if m.Start.Equal(rep.Total.Start) {
			first = "total"
		}
		var got []string
		for l := range strings.Lines(d.screen()) {
			l, _, _ = strings.Cut(l, "│")
			if l = strings.TrimLeft(l, "▌ "); got == nil && strings.HasPrefix(l, first+" ") {
				got = numbers(strings.TrimPrefix(l, first))
			}
		}
		var want []string
		figures := func(m *forecast.Tally) []int {
			return []int{m.Renewals + m.Reissues, m.Deployments, m.CreditsUsed, m.People, m.Expiries, m.Waiting, m.HostingEnds,
				m.PackUnits, m.Failures}
		}
		for n, v := range figures(&m) {
			if figures(&rep.Total)[n] > 0 && v > 0 { // zero is blank
				want = append(want, strconv.Itoa(v))
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s shows %v, the report says %v:\n%s", first, got, want, d.screen())
		}
	}
	for _, m := range rep.Occurrences {
		d.sees(m.At.Format(time.DateOnly), m.Name)
	}
	d.sees(strconv.Itoa(rep.Instances) + " instances, " + strconv.Itoa(rep.Hosted) + " hosted")
}

// numbers are the figures of a line, without bars and signs.
func numbers(l string) []string {
	var ns []string
	for _, f := range strings.Fields(l) {
		if _, err := strconv.Atoi(f); err == nil {
			ns = append(ns, f)
		}
	}
	return ns
}
