package dialog

import (
	"testing"

	"certquay/lifecycle/ledger"
)

// TestMonthsHaveBarsOfWhatTheyCost draws what was charged in proportion to the dearest
// month, and within it what was refunded by another glyph.
// finding: U32
func TestMonthsHaveBarsOfWhatTheyCost(t *testing.T) {
	const huge = 1 << 60
	for _, tt := range []struct {
		charged, refunded, top int64
		w                      int
		want                   string
	}{
		{10000, 0, 10000, 10, "██████████"},
		{10000, 5000, 10000, 10, "█████▒▒▒▒▒"},
		{2500, 0, 10000, 10, "███"},
		{1, 0, 10000, 10, "█"},
		{0, 3000, 10000, 10, ""}, // a refund of an earlier month
		{huge, huge / 2, huge, 4, "██▒▒"},
		{100, 0, 100, -2, ""},
	} {
		if got := chargedBar(ledger.Cost{Charged: tt.charged, Refunded: tt.refunded}, tt.top, tt.w); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt, got, tt.want)
		}
	}
}
