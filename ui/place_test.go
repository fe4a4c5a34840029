package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// A dashboard that takes the place of one whose owner is gone stands where that one stood:
// on the same tab, with the same filter, row and details.
//
// spec: E2
func TestADashboardGoesOnWhereAnotherStood(t *testing.T) {
	for name, c := range map[string]struct{ keys, sees []string }{
		"a row far below":     {keys: []string{"end", "up", "up"}},
		"a filter and a row":  {keys: append(strings.Split("/is:issued", ""), "enter", "down", "down"), sees: []string{"is:issued"}},
		"details":             {keys: []string{"down", "enter"}},
		"hosting":             {keys: []string{"2", "down"}},
		"deployments":         {keys: []string{"3", "down", "down"}},
		"a product":           {keys: []string{"3", "]", "down"}},
		"watched endpoints":   {keys: []string{"3", "["}},
		"activity":            {keys: []string{"4", "down", "down", "down"}},
		"a filtered activity": {keys: []string{"4", "/", "r", "e", "n", "e", "w", "enter", "down"}, sees: []string{"renew"}},
		"forecast":            {keys: []string{"5"}},
	} {
		t.Run(name, func(t *testing.T) {
			world := kittest.Fleet(200)
			var stood, again Place
			before := drive(t, world, 120, 40, func(o *Options) { o.Moved = func(p Place) { stood = p } })
			before.keys(c.keys...)
			after := drive(t, world, 120, 40, func(o *Options) {
				o.Backend = before.options.Backend
				o.Place, o.Moved = &stood, func(p Place) { again = p }
			})
			after.sees(append(c.sees, "Connected again")...)
			after.keys("?", "esc")
			again.Line, stood.Line = 0, 0 // rows may be there before the size of the screen is known
			if again != stood {
				t.Errorf("it stands at %+v, and stood at %+v", again, stood)
			}
		})
	}
}
