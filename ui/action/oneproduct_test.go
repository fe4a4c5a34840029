package action

import (
	"testing"

	"certquay/lifecycle"
	"certquay/model"
)

// TestFormBeginsWithAProductOnlyIfAllAreThere offers a product and region at first only
// where all the resources are: those of several tasks may be elsewhere. spec: I10
func TestFormBeginsWithAProductOnlyIfAllAreThere(t *testing.T) {
	at := func(product, region string) lifecycle.ResourceView {
		return lifecycle.ResourceView{Resource: model.Resource{Product: product, Region: region}}
	}
	for n, c := range []struct {
		rs   []lifecycle.ResourceView
		want bool
	}{
		{nil, false},
		{[]lifecycle.ResourceView{at("CDN", "global")}, true},
		{[]lifecycle.ResourceView{at("CDN", "global"), at("CDN", "global")}, true},
		{[]lifecycle.ResourceView{at("CDN", "global"), at("WAF", "us-west-1")}, false},
		{[]lifecycle.ResourceView{at("WAF", "eu-central-1"), at("WAF", "us-west-1")}, false},
	} {
		if got := inOneProduct(c.rs); got != c.want {
			t.Errorf("%d: %v", n, got)
		}
	}
}
