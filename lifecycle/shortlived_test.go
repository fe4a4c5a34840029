package lifecycle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Pauses are scaled to the validity: those of long certificates stay days, those of
// six-day ones are hours.
//
// spec: C8 H9 T3
func TestPausesFitTheValidity(t *testing.T) {
	for _, c := range []struct {
		validity               time.Duration
		window, jitter         time.Duration // before the end; at most
		retries, longest, look time.Duration // the pause after the fourth failure; the longest of all
	}{
		{0, 0, 0, days, days, days},
		{6 * days, 3 * days, 7*time.Hour + 12*time.Minute, 4 * time.Hour, 4 * time.Hour, 12 * time.Hour},
		{7 * days, 84 * time.Hour, 8*time.Hour + 24*time.Minute, 280 * time.Minute, 280 * time.Minute, 14 * time.Hour},
		{10 * days, 80 * time.Hour, 12 * time.Hour, 6*time.Hour + 40*time.Minute, 6*time.Hour + 40*time.Minute, 20 * time.Hour},
		{30 * days, 10 * days, days, 20 * time.Hour, 20 * time.Hour, days},
		{47 * days, 376 * time.Hour, days, days, days, days},
		{90 * days, 30 * days, days, days, days, days},
		{398 * days, 30 * days, days, days, days, days},
	} {
		if got := rules.RetryWithin(c.validity, 4, 0); got != c.retries {
			t.Errorf("%v: the fifth attempt is %v after the fourth, want %v", c.validity, got, c.retries)
		}
		for n, want := range []time.Duration{time.Minute, 10 * time.Minute, min(100*time.Minute, c.longest)} {
			if got := rules.RetryWithin(c.validity, n+1, 0); got != want {
				t.Errorf("%v: pause %d is %v, want %v", c.validity, n+1, got, want)
			}
		}
		if got := rules.RetryWithin(c.validity, 9, 2*days); got != 2*days {
			t.Errorf("%v: sooner than asked: %v", c.validity, got)
		}
		if got := rules.LookEvery(days, c.validity); got != c.look && c.validity > 0 {
			t.Errorf("%v: looked at every %v, want %v", c.validity, got, c.look)
		}
		if c.validity == 0 {
			continue
		}
		v := model.Version{Number: 1, NotBefore: epoch, NotAfter: epoch.Add(c.validity - time.Second)}
		if got := epoch.Add(c.validity - time.Second).Sub(v.Window()); got != c.window {
			t.Errorf("%v: the window is %v long, want %v", c.validity, got, c.window)
		}
		for _, id := range []model.ID{"a", "b", "c", "d", "e"} {
			if j := model.Jitter(id, 1, c.validity); j < 0 || j > c.jitter {
				t.Errorf("%v: jitter %v", c.validity, j)
			}
		}
	}
}

// A CA that fails from the moment a six-day certificate is due until six hours before its
// end is asked every four hours, and the certificate does not expire. Who is told is told
// 24 and 12 hours before the end, and never of thirty days.
//
// spec: C8 H9 N1
func TestASixDayCertificateSurvivesALongOutage(t *testing.T) {
	w, told := telling(t)
	w.issuer.Can.MaxValidity = 6 * days
	id := w.issued("a.example.com")
	w.tick()
	told.Forget()
	i := w.get(id)
	end, due := i.Current().NotAfter, i.Due
	if left := end.Sub(due); left > 3*days || left < 3*days-8*time.Hour {
		t.Fatalf("it is due %v before its end", left)
	}
	w.issuer.FailsAs("order", errors.New("down"))
	w.check(w.engine.By(operator).MoveClock(w.ctx(), end.Add(-6*time.Hour)))
	failed, _ := w.attempts("reissue", due)
	if len(failed) < 16 {
		t.Errorf("only %d attempts", len(failed))
	}
	for n := 1; n < len(failed); n++ {
		if pause := failed[n].Sub(failed[n-1]); pause > 4*time.Hour+time.Second {
			t.Errorf("pause %d is %v", n, pause)
		}
	}
	var leads []time.Duration
	for _, s := range told.Sent() {
		if s.Kind == model.NoticeExpiry && s.To == mailTo {
			leads = append(leads, end.Sub(s.At).Round(time.Hour))
		}
	}
	if !slices.Equal(leads, []time.Duration{48 * time.Hour, 24 * time.Hour, 12 * time.Hour}) {
		t.Errorf("told of the expiry %v before it", leads)
	}
	w.issuer.FailsAs("order", nil)
	w.forward(5 * time.Hour)
	if i := w.get(id); len(i.Versions) != 2 || !i.Versions[1].Issued.Before(end) {
		t.Errorf("%d versions, %+v", len(i.Versions), i.Operation)
	}
}

// What presents a six-day certificate is looked at twice a day, others once.
//
// spec: C8 D4
func TestWhatPresentsAShortCertificateIsLookedAtMoreOften(t *testing.T) {
	for _, c := range []struct {
		validity time.Duration
		again    bool
	}{{6 * days, true}, {90 * days, false}} {
		w := newWorld(t)
		w.issuer.Can.MaxValidity = c.validity
		w.deploy(w.issued("a.example.com"))
		before := w.resource(0).ProbedAt
		w.forward(11 * time.Hour)
		if at := w.resource(0).ProbedAt; !at.Equal(before) {
			t.Errorf("%v: looked at after %v", c.validity, at.Sub(before))
		}
		w.forward(2 * time.Hour)
		if at := w.resource(0).ProbedAt; at.After(before) != c.again {
			t.Errorf("%v: looked at after %v", c.validity, at.Sub(before))
		}
	}
}

// How often addresses are asked what they present is a setting: it holds for what is deployed
// and for what is watched, and short certificates are still looked at in time.
//
// spec: P8 D4 N3
func TestThePauseBetweenLooksIsASetting(t *testing.T) {
	for _, c := range []struct{ longest, validity, look time.Duration }{
		{days, 90 * days, days},
		{4 * time.Hour, 90 * days, 4 * time.Hour},
		{4 * time.Hour, 24 * time.Hour, 2 * time.Hour},
		{7 * days, 398 * days, 7 * days},
		{7 * days, 30 * days, 60 * time.Hour},
	} {
		w := newWorld(t)
		w.policy.Looks = c.longest
		w.start(w.store)
		w.issuer.Can.MaxValidity = c.validity
		w.deploy(w.issued("a.example.com"))
		before := w.resource(0).ProbedAt
		w.forward(c.look - time.Hour)
		if at := w.resource(0).ProbedAt; !at.Equal(before) {
			t.Errorf("%v of at most %v: looked at after %v", c.validity, c.longest, at.Sub(before))
		}
		w.forward(2 * time.Hour)
		if at := w.resource(0).ProbedAt; !at.After(before) {
			t.Errorf("%v of at most %v: not looked at after %v", c.validity, c.longest, c.look+time.Hour)
		}
	}
	w, _, _ := watching(t)
	w.policy.Looks = 4 * time.Hour
	w.start(w.store)
	watch, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com:8443", "", "")
	w.check(err)
	watch, err = w.engine.By(operator).CheckWatch(w.ctx(), watch.ID)
	w.check(err)
	if got := watch.Next.Sub(watch.AnsweredAt); got != 4*time.Hour {
		t.Errorf("what is watched is looked at after %v", got)
	}
}
