package ui

import (
	"testing"

	"certquay/ui/kittest"
)

// The header says while CRL and OCSP cannot be served.
//
// spec: O4
// finding: R-H9
func TestTheHeaderSaysThatCRLAndOCSPAreDown(t *testing.T) {
	for _, plain := range []bool{false, true} {
		down := true
		d := drive(t, kittest.Fleet(3), 120, 40, func(o *Options) { o.Unserved, o.Plain = func() bool { return down }, plain })
		d.sees("NO CRL/OCSP")
		down = false
		d.keys("?", "esc")
		if d.has("NO CRL/OCSP") {
			t.Error("it still says so once they are served")
		}
	}
}
