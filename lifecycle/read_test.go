package lifecycle

import (
	"slices"
	"testing"
	"time"

	"certquay/model"
)

// Resources are in the order asked for; what presents nothing is last either
// way, and what is equal stays in the order of places.
func TestResourceOrder(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	view := func(name, product string, days int, s model.ResourceState) ResourceView {
		v := ResourceView{Resource: model.Resource{Name: name, Product: product}}
		v.State = s
		if days > 0 {
			v.NotAfter = at.AddDate(0, 0, days)
		}
		return v
	}
	a, b, c := view("a", "X", 9, model.ResourceFailed), view("B", "W", 0, model.ResourceDeployed), view("c", "V", 3, model.ResourceDeployed)
	for _, k := range []struct {
		f    ResourceFilter
		want string
	}{
		{ResourceFilter{Desc: true}, "aBc"},
		{ResourceFilter{Sort: SortPlace, Desc: true}, "aBc"},
		{ResourceFilter{Sort: model.SortName}, "aBc"},
		{ResourceFilter{Sort: model.SortName, Desc: true}, "cBa"},
		{ResourceFilter{Sort: model.SortExpiry}, "caB"},
		{ResourceFilter{Sort: model.SortExpiry, Desc: true}, "acB"},
		{ResourceFilter{Sort: model.SortState}, "cBa"},
	} {
		vs := []ResourceView{c, b, a} // by place
		slices.SortStableFunc(vs, k.f.Compare)
		if got := vs[0].Name + vs[1].Name + vs[2].Name; got != k.want {
			t.Errorf("%+v: %s, want %s", k.f, got, k.want)
		}
	}
}
