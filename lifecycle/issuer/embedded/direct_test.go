package embedded_test

import (
	"bytes"
	"context"
	"testing"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// cells is how many orders and certificates are in the store.
func (c *ca) cells() int {
	return len(c.store.Cells("embedded/order/")) + len(c.store.Cells("embedded/serial/"))
}

// spec: I7
func TestACertificateThatIsIssuedDirectlyExistsOnceItIsKept(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	r := request("k", "www.example.com")
	first, keepFirst, err := c.Direct(ctx, r, c.store)
	if err != nil || keepFirst == nil {
		t.Fatal(err)
	}
	second, keepSecond, err := c.Direct(ctx, r, c.store)
	if err != nil || keepSecond == nil || bytes.Equal(first.Chain[0], second.Chain[0]) {
		t.Fatal("one certificate was given twice before it was kept", err)
	}
	if n := c.cells(); n != 0 {
		t.Fatalf("%d cells before a certificate is kept", n)
	}
	keep := func(keep func(model.Tx) (bool, error)) (kept bool) {
		t.Helper()
		if err := c.store.Update(ctx, func(tx model.Tx) (err error) { kept, err = keep(tx); return err }); err != nil {
			t.Fatal(err)
		}
		return kept
	}
	if !keep(keepSecond) || keep(keepFirst) {
		t.Error("not just one of two certificates of an order was kept")
	}
	if n := c.cells(); n != 2 {
		t.Errorf("%d cells, want the order and its certificate", n)
	}
	got, err := c.Finalize(ctx, first.Ref, r)
	if err != nil || !bytes.Equal(got.Chain[0], second.Chain[0]) {
		t.Errorf("the order has another certificate than the one that was kept: %v", err)
	}
	if _, again, err := c.Direct(ctx, r, c.store); err != nil || again != nil {
		t.Errorf("an order that exists was issued once more: %v", err)
	}
}

// spec: A8
func TestACancelledOrderIsNotIssuedDirectly(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	o, keep, err := c.Direct(ctx, request("k", "www.example.com"), c.store)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Cancel(ctx, o.Ref); err != nil {
		t.Fatal(err)
	}
	var kept bool
	if err := c.store.Update(ctx, func(tx model.Tx) (err error) { kept, err = keep(tx); return err }); err != nil || kept {
		t.Errorf("the certificate of a cancelled order was kept: %v", err)
	}
}

func TestOrdersThatTakeTheirStepsAreNotIssuedDirectly(t *testing.T) {
	proved := newCA(t, func(o *embedded.Options) { o.Proof = embedded.Proof{Method: embedded.ProofDNS} })
	trusting := newCA(t)
	for name, x := range map[string]struct {
		c  *ca
		in ports.Store
		r  ports.CertificateRequest
	}{
		"with proof":       {proved, proved.store, request("k", "www.example.com")},
		"of another store": {trusting, issuertest.NewStore(), request("k", "www.example.com")},
		"without a key":    {trusting, trusting.store, request("", "www.example.com")},
	} {
		if _, keep, err := x.c.Direct(context.Background(), x.r, x.in); keep != nil || err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, keep, err := trusting.Direct(context.Background(), request("k", "no name"), trusting.store); err == nil && keep != nil {
		t.Error("a request that is refused was signed")
	}
}
