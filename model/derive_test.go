package model

import (
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)

func version(validity time.Duration) Version {
	return Version{Number: 1, NotBefore: epoch, NotAfter: epoch.Add(validity - time.Second)}
}

// spec: T3
func TestWindowIsAShareOfTheValidity(t *testing.T) {
	for _, c := range []struct{ validity, before time.Duration }{
		{398 * day, 30 * day}, {200 * day, 30 * day}, {90*day + time.Second, 30 * day},
		{90 * day, 30 * day}, {45 * day, 15 * day}, {10 * day, 10 * day / 3},
		{10*day - time.Second, (10*day - time.Second) / 2}, {6 * day, 3 * day},
	} {
		v := version(c.validity)
		if got := v.NotAfter.Sub(v.Window()); got != c.before {
			t.Errorf("valid for %s: the window is %s, want %s", c.validity, got, c.before)
		}
	}
	v := version(200 * day)
	v.SuggestedStart, v.SuggestedEnd = epoch.Add(day), epoch.Add(2*day)
	if !v.Window().Equal(epoch.Add(day)) {
		t.Errorf("the CA's suggestion is not taken: %s", v.Window())
	}
}

// spec: T4
func TestServiceWindow(t *testing.T) {
	for _, c := range []struct{ period, before time.Duration }{{365 * day, 30 * day}, {90 * day, 30 * day}, {30 * day, 10 * day},
		{8 * day, 4 * day}} {
		i := Instance{ServiceStart: epoch, ServiceEnd: epoch.Add(c.period)}
		if got := i.ServiceEnd.Sub(i.ServiceWindow()); got != c.before {
			t.Errorf("a period of %s has a window of %s, want %s", c.period, got, c.before)
		}
	}
	if !(&Instance{}).ServiceWindow().IsZero() {
		t.Error("no period has a window")
	}
}

// spec: T5
func TestJitterIsStableAndBounded(t *testing.T) {
	seen := map[time.Duration]bool{}
	for n := range 1000 {
		j := Jitter("01ARZ3NDEKTSV4RRFFQ69G5FAV", n, 200*day)
		if j < 0 || j >= 24*time.Hour || j != Jitter("01ARZ3NDEKTSV4RRFFQ69G5FAV", n, 200*day) {
			t.Fatalf("jitter %s", j)
		}
		if k := Jitter("01ARZ3NDEKTSV4RRFFQ69G5FAV", n, 6*day); k >= 6*day/20 {
			t.Fatalf("jitter %s of 6 days", k)
		}
		seen[j] = true
	}
	if len(seen) < 990 {
		t.Errorf("only %d different jitters", len(seen))
	}
	if m := StableTimeBetween("X", 1, epoch, epoch.Add(day)); m.Before(epoch) || !m.Before(epoch.Add(day)) {
		t.Errorf("moment %s is outside", m)
	}
}

// spec: T1
func TestCalendarYears(t *testing.T) {
	leap := time.Date(2028, 2, 29, 10, 0, 0, 0, time.UTC)
	if got := AddYears(leap, 1); got != time.Date(2029, 2, 28, 10, 0, 0, 0, time.UTC) {
		t.Errorf("29 February and a year is %s", got)
	}
	if got := AddYears(leap, 4); got != time.Date(2032, 2, 29, 10, 0, 0, 0, time.UTC) {
		t.Errorf("29 February and four years is %s", got)
	}
}

// spec: S1, T6
func TestLabelByPrecedence(t *testing.T) {
	base := InstanceRow{
		State:         Issued,
		NotBefore:     epoch,
		NotAfter:      epoch.Add(200*day - time.Second),
		Window:        epoch.Add(170 * day),
		ServiceStart:  epoch,
		ServiceEnd:    epoch.Add(365 * day),
		ServiceWindow: epoch.Add(335 * day),
	}
	at := func(d int) time.Time { return epoch.Add(time.Duration(d) * day) }
	with := func(change func(*InstanceRow)) InstanceRow { r := base; change(&r); return r }
	due := func(r *InstanceRow) { r.Due = at(171) }
	for name, c := range map[string]struct {
		row  InstanceRow
		now  time.Time
		want string
	}{
		"early":                      {base, at(1), "issued"},
		"in its window":              {base, at(170), "expiring"},
		"in its window, not yet due": {with(due), at(170), "issued"},
		"in its window, overdue":     {with(due), at(172), "expiring"},
		"last second":                {base, at(200).Add(-time.Second), "expiring"},
		"expired":                    {base, at(200), "expired"},
		"failing":                    {with(func(r *InstanceRow) { r.Failed = true }), at(170), "failing"},
		"a resource failing":         {with(func(r *InstanceRow) { r.FailingResources = 1 }), at(1), "failing"},
		"expired and failing":        {with(func(r *InstanceRow) { r.Failed = true }), at(300), "expired"},
		"auto-deploy before hosted":  {with(func(r *InstanceRow) { r.Auto, r.Hosted = 1, true }), at(1), "auto-deploy"},
		"hosted":                     {with(func(r *InstanceRow) { r.Hosted = true }), at(1), "hosted"},
		"revoked comes first":        {with(func(r *InstanceRow) { r.State, r.Failed = Revoked, true }), at(300), "revoked"},
		"service window, reissue due": {with(func(r *InstanceRow) { r.Window, r.NotAfter, r.Due = at(350), at(400), at(351) }), at(336),
			"expiring"},
		"service window, hosted not due": {with(func(r *InstanceRow) {
			r.Window, r.NotAfter, r.Due, r.DueHosted, r.Hosted = at(335), at(365), at(336), true, true
		}), at(335), "hosted"},
		"service window, hosted overdue": {with(func(r *InstanceRow) {
			r.Window, r.NotAfter, r.Due, r.DueHosted, r.Hosted = at(335), at(365), at(336), true, true
		}), at(337), "expiring"},
		"paid": {InstanceRow{State: Paid}, at(1), "paid"},
	} {
		if got := c.row.Status(c.now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	r := with(func(r *InstanceRow) { r.Deployed, r.Hosted, r.NotAfter = 1, true, at(400) })
	if got := r.Derived(at(366)); !slices.Equal(got, []Derived{Expiring, ServiceEnded, Hosted, Deployed}) {
		t.Errorf("derived: %v", got)
	}
}

// spec: D4
func TestResourceStates(t *testing.T) {
	i := Instance{Versions: []Version{{Number: 1, Fingerprint: "a"}, {Number: 2, Fingerprint: "b"}}}
	for name, c := range map[string]struct {
		r    Resource
		want ResourceState
	}{
		"nothing":   {Resource{}, ResourceNone},
		"current":   {Resource{Deployed: "b", Presented: "b"}, ResourceDeployed},
		"earlier":   {Resource{Deployed: "a", Presented: "a"}, ResourceOutdated},
		"other":     {Resource{Deployed: "b", Presented: "x"}, ResourceDrifted},
		"worked on": {Resource{Deployed: "b", Presented: "x", Operation: Operation{Kind: JobDeploy}}, ResourceDeploying},
		"failed":    {Resource{Deployed: "a", Presented: "a", Failure: Failure{Kind: JobDeploy}}, ResourceFailed},
		"no credit": {Resource{Deployed: "a", Presented: "a", Waiting: true}, ResourceWaiting},
	} {
		if got := c.r.State(&i); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	i.Versions[1].RevokedAt = epoch
	r := Resource{Deployed: "b", Presented: "b"}
	if got := r.State(&i); got != ResourceRevoked {
		t.Errorf("a revoked one: %s", got)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s := NewSecret([]byte("hidden"))
	for _, text := range []string{s.String(), s.GoString(), s.LogValue().String()} {
		if text != redacted {
			t.Errorf("shown: %q", text)
		}
	}
	if b, err := s.MarshalJSON(); err != nil || string(b) != `"`+redacted+`"` {
		t.Errorf("JSON: %s %v", b, err)
	}
}
