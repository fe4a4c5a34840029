package embedded_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const year = 365 * 24 * time.Hour

// verifies says why a client that trusts one root refuses what a server presents.
func verifies(t *testing.T, o ports.Order, root []byte, at time.Time) error {
	t.Helper()
	pool, between := x509.NewCertPool(), x509.NewCertPool()
	pool.AddCert(parse(t, root))
	for _, der := range o.Chain[1:] {
		between.AddCert(parse(t, der))
	}
	_, err := parse(t, o.Chain[0]).Verify(x509.VerifyOptions{DNSName: "www.example.com", Roots: pool, Intermediates: between,
		CurrentTime: at})
	return err
}

func (c *ca) authorities(t *testing.T) embedded.Listing {
	t.Helper()
	l, err := c.Authorities()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// spec: O8
// finding: R-H2
func TestANewRootIsMadeFiveYearsBeforeTheEndAndVerifiesByBoth(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	first, leaf := c.issue(t, request("first", "www.example.com"))
	c.clock.add(15*year - 24*time.Hour)
	if same, _ := c.issue(t, request("still", "www.example.com")); !bytes.Equal(same.Root, first.Root) {
		t.Fatal("the root changed more than five years before its end")
	}
	c.clock.add(10 * 24 * time.Hour)
	if err := c.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	if roots := c.authorities(t); len(roots.Roots) != 2 || !roots.Roots[1].Issues {
		t.Fatalf("roots: %+v", roots.Roots)
	}
	second, young := c.issue(t, request("second", "www.example.com"))
	if bytes.Equal(second.Root, first.Root) {
		t.Fatal("the root is the old one")
	}
	now := c.clock.Now()
	for what, root := range map[string][]byte{"old": first.Root, "new": second.Root} {
		if err := verifies(t, second, root, now); err != nil {
			t.Errorf("by the %s root: %v", what, err)
		}
	}
	pool, err := c.Roots()
	if err != nil {
		t.Fatal(err)
	}
	both := x509.NewCertPool()
	both.AddCert(parse(t, first.Root))
	both.AddCert(parse(t, second.Root))
	if !pool.Equal(both) {
		t.Error("the pool has not both roots")
	}
	// The older CAs go on to tell what they issued, the newer ones too.
	for _, l := range []*x509.Certificate{leaf, young} {
		if err := c.Revoke(ctx, l, "superseded"); err != nil {
			t.Fatal(err)
		}
		if got := serials(c.getCRL(t, l.CRLDistributionPoints[0])); len(got) != 1 {
			t.Errorf("CRL lists %v", got)
		}
	}
	cross := parse(t, second.Chain[2])
	for path, by := range map[string][]byte{cross.CRLDistributionPoints[0]: first.Root,
		parse(t, second.Chain[1]).CRLDistributionPoints[0]: second.Root} {
		if err := c.getCRL(t, path).CheckSignatureFrom(parse(t, by)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	// Past the end of the old root its signature is not presented any more.
	c.clock.add(5 * year)
	late, _ := c.issue(t, request("late", "www.example.com"))
	if err := verifies(t, late, second.Root, c.clock.Now()); err != nil || len(late.Chain) != 2 || !bytes.Equal(late.Root, second.Root) {
		t.Errorf("after the overlap: %v, %d certificates", err, len(late.Chain))
	}
}

// spec: O8
// finding: R-H2
func TestOpensslTakesTheChainOfANewRootByBoth(t *testing.T) {
	needOpenssl(t)
	c := newCA(t)
	first, _ := c.issue(t, request("first", "www.example.com"))
	c.clock.add(16 * year)
	second, _ := c.issue(t, request("second", "www.example.com"))
	dir := t.TempDir()
	chain := writePEM(t, dir, "chain.pem", "CERTIFICATE", second.Chain[1:]...)
	cert := writePEM(t, dir, "cert.pem", "CERTIFICATE", second.Chain[0])
	for what, root := range map[string][]byte{"old": first.Root, "new": second.Root} {
		out, err := openssl(t, "verify", "-x509_strict", "-policy_check", "-purpose", "sslserver", "-attime",
			fmt.Sprint(c.clock.Now().Unix()+1),
			"-CAfile", writePEM(t, dir, what+".pem", "CERTIFICATE", root), "-untrusted", chain, cert)
		if err != nil {
			t.Errorf("by the %s root: %v\n%s", what, err, out)
		}
	}
}

// A machine whose clock says another year for a while, and is set right again.
//
// finding: R-H2
func TestAClockFarAwayAndBackLosesNoCA(t *testing.T) {
	for _, away := range []time.Time{time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		for _, first := range []bool{true, false} { // the store is made on the right day
			t.Run(fmt.Sprint(away.Year(), first), func(t *testing.T) {
				c := newCA(t)
				var before ports.Order
				if first {
					before, _ = c.issue(t, request("before", "www.example.com"))
				}
				c.clock.t = away
				c.open(t)
				there, leaf := c.issue(t, request("there", "www.example.com"))
				if err := verifies(t, there, there.Root, away); err != nil {
					t.Errorf("then: %v", err)
				}
				if err := c.Revoke(context.Background(), leaf, "superseded"); err != nil {
					t.Error(err)
				}
				c.clock.t = start
				c.open(t)
				after, _ := c.issue(t, request("after", "www.example.com"))
				if err := verifies(t, after, after.Root, start); err != nil {
					t.Errorf("after it was set right: %v", err)
				}
				if first && !bytes.Equal(after.Root, before.Root) {
					t.Error("the root is another one")
				}
				if bytes.Equal(after.Root, there.Root) {
					t.Error("the root is one of another year")
				}
				c.clock.t = away
				c.open(t)
				again, _ := c.issue(t, request("again", "www.example.com"))
				if !bytes.Equal(again.Root, there.Root) {
					t.Error("a CA is made at each change")
				}
			})
		}
	}
}

// A clock that was ahead by so much that the root had a second issuing CA, and is
// set right again: what that one would sign is not valid yet.
//
// finding: R-H2
func TestAClockSetBackUnderTheSameRootTakesTheIssuingCABefore(t *testing.T) {
	c := newCA(t)
	before, _ := c.issue(t, request("before", "www.example.com"))
	c.clock.t = start.AddDate(9, 6, 0)
	there, _ := c.issue(t, request("there", "www.example.com"))
	if bytes.Equal(there.Chain[1], before.Chain[1]) || !bytes.Equal(there.Root, before.Root) {
		t.Fatal("want a second issuing CA under the same root")
	}
	c.clock.t = start
	after, _ := c.issue(t, request("after", "www.example.com"))
	if !bytes.Equal(after.Chain[1], before.Chain[1]) {
		t.Error("the issuing CA is not the one before")
	}
	if err := verifies(t, after, after.Root, start); err != nil {
		t.Error(err)
	}
}

// An issuing CA that is due to be renewed and cannot be, since the key of its root
// is lost, signs for as long as it is valid, and Prepare says what is wrong.
//
// finding: R-H2
func TestAnIssuingCAThatCannotBeRenewedGoesOnIssuing(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	before, _ := c.issue(t, request("before", "www.example.com"))
	if err := c.store.Update(ctx, func(tx model.Tx) error {
		return tx.Put(&model.KV{Namespace: "embedded", Name: "ca/root", Data: before.Root})
	}); err != nil {
		t.Fatal(err)
	}
	c.clock.t = start.AddDate(9, 6, 0)
	if err := c.Prepare(ctx); err == nil || !strings.Contains(err.Error(), "ca/root") {
		t.Errorf("renewal without the root's key: %v", err)
	}
	after, _ := c.issue(t, request("after", "www.example.com"))
	if err := verifies(t, after, before.Root, c.clock.Now()); err != nil || !bytes.Equal(after.Chain[1], before.Chain[1]) {
		t.Errorf("by the CA that is there: %v", err)
	}
}

// Changing the constraints back and forth takes the CA up again that has them.
//
// finding: R-L8
func TestTheSameConstraintsHaveTheSameIssuingCA(t *testing.T) {
	c := newCA(t)
	narrow := func(o *embedded.Options) { o.PermittedDomains = []string{"example.com"} }
	var seen [][]byte
	for n := range 6 {
		if n%2 == 0 {
			c.open(t)
		} else {
			c.open(t, narrow)
		}
		o, _ := c.issue(t, request(fmt.Sprint(n), "www.example.com"))
		if !slices.ContainsFunc(seen, func(b []byte) bool { return bytes.Equal(b, o.Chain[1]) }) {
			seen = append(seen, o.Chain[1])
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d issuing CAs for two sets of constraints", len(seen))
	}
}

// A longest validity beyond the lives of the CAs makes no CA at each call.
//
// finding: R-M5
func TestTheEndOfTheIssuingCAIsTold(t *testing.T) {
	c := newCA(t, func(o *embedded.Options) { o.MaxValidity = 30 * year })
	for n := range 4 {
		o, leaf := c.issue(t, request(fmt.Sprint(n), "www.example.com"))
		if ends := c.Capabilities(c.clock.Now()).Ends; !ends.Equal(leaf.NotAfter) || !ends.Equal(parse(t, o.Chain[1]).NotAfter) {
			t.Errorf("certificate ends %s, told is %s", leaf.NotAfter, ends)
		}
		c.clock.add(time.Hour)
	}
	if n := len(c.authorities(t).Issuing); n != 1 {
		t.Errorf("%d issuing CAs", n)
	}
}

// spec: O8
func TestRotateMakesANewIssuingCAAndKeepsTheOld(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	before, leaf := c.issue(t, request("1", "www.example.com"))
	refused := errors.New("it cannot be noted")
	var noted *x509.Certificate
	for _, want := range []error{refused, nil} { // what cannot be noted is not done
		made, err := c.Rotate(ctx, func(_ model.Tx, made *x509.Certificate) error { noted = made; return want })
		if !errors.Is(err, want) || (made == nil) != (want != nil) || made != nil && made != noted {
			t.Fatalf("%v, want %v", err, want)
		}
		if n := len(c.authorities(t).Issuing); want != nil && n != 1 {
			t.Fatalf("%d issuing CAs though it failed", n)
		}
	}
	after, _ := c.issue(t, request("2", "www.example.com"))
	if bytes.Equal(before.Chain[1], after.Chain[1]) || !bytes.Equal(before.Root, after.Root) {
		t.Error("want a new issuing CA under the same root")
	}
	if err := c.Revoke(ctx, leaf, "superseded"); err != nil {
		t.Fatal(err)
	}
	if got := serials(c.getCRL(t, leaf.CRLDistributionPoints[0])); len(got) != 1 {
		t.Errorf("CRL of the old one lists %v", got)
	}
	all := c.authorities(t).Issuing
	if len(all) != 2 || all[0].Issues || !all[1].Issues || all[0].Issued != 1 || all[0].Revoked != 1 {
		t.Errorf("%+v", all)
	}
}
