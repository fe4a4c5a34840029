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

// mostAllocations are those of an instance that is read from the store and lives through
// half a year, with some to spare. Through the engine it takes 400.
const mostAllocations = 60

// An instance of a large fleet costs a forecast as much as one of a small fleet, and little
// if it depends on nothing else. What is compared is what is allocated, since that does not
// depend on the machine.
//
// spec: V6
func TestTheCostOfAForecastGrowsWithTheFleet(t *testing.T) {
	cost := func(n int) (bytes, objects float64) {
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
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)
	}
	small, few := cost(250)
	large, many := cost(2000)
	t.Logf("%.0f and %.0f bytes, %.0f and %.0f allocations an instance", small, large, few, many)
	if many > mostAllocations {
		t.Errorf("an instance takes %.0f allocations, want at most %d", many, mostAllocations)
	}
	if large > 1.5*small {
		t.Errorf("an instance of 2000 costs %.0f bytes, of 250 %.0f", large, small)
	}
}
