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
// half a year, with some to spare; mostDeployed those of one that is deployed, with its
// resource. Through the engine it takes many times as many.
const mostAllocations, mostDeployed = 60, 100

// An instance of a large fleet costs a forecast as much as one of a small fleet, and little
// if it depends on nothing else. What is compared is what is allocated, since that does not
// depend on the machine.
//
// spec: V6
func TestTheCostOfAForecastGrowsWithTheFleet(t *testing.T) {
	cost := func(n int, deployed bool) (bytes, objects float64) {
		s, err := store.With(mem.New(), store.Options{})
		check(t, err)
		defer func() { _ = s.Close() }()
		fillFleet(t, s, n)
		if deployed {
			deployFleet(t, s, n)
		}
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
	for most, deployed := range map[float64]bool{mostAllocations: false, mostDeployed: true} {
		small, few := cost(250, deployed)
		large, many := cost(2000, deployed)
		t.Logf("deployed %t: %.0f and %.0f bytes, %.0f and %.0f allocations an instance", deployed, small, large, few, many)
		if many > most {
			t.Errorf("an instance takes %.0f allocations, want at most %.0f", many, most)
		}
		if large > 1.5*small {
			t.Errorf("an instance of 2000 costs %.0f bytes, of 250 %.0f", large, small)
		}
	}
}
