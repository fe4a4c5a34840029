package forecast_test

import (
	"runtime"
	"testing"

	"certquay/lifecycle/forecast"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// An instance of a large fleet costs a forecast as much as one of a small fleet. What is
// compared is what is allocated, since that does not depend on the machine.
//
// spec: V6
func TestTheCostOfAForecastGrowsWithTheFleet(t *testing.T) {
	cost := func(n int) float64 {
		s, err := store.With(mem.New(), store.Options{})
		check(t, err)
		defer func() { _ = s.Close() }()
		fillFleet(t, s, n)
		src := &source{Store: s, now: epoch, can: rules.Capabilities{
			Levels: model.Levels, Types: model.DomainTypes, Grades: model.Grades, MaxValidity: 398 * day,
		}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rep, err := forecast.Run(t.Context(), src, forecast.Request{Months: 6, Policy: "200-days"})
		check(t, err)
		runtime.ReadMemStats(&after)
		if rep.Total.Renewals+rep.Total.Reissues < n {
			t.Fatalf("of %d: %+v", n, rep.Total)
		}
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	}
	small, large := cost(250), cost(2000)
	t.Logf("%.0f and %.0f bytes an instance", small, large)
	if large > 1.5*small {
		t.Errorf("an instance of 2000 costs %.0f bytes, of 250 %.0f", large, small)
	}
}
