package cmd

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"certquay/cmd/app"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// stubborn is a real edge that takes a new pair and goes on presenting the old
// one, as a server does whose reload was lost.
type stubborn struct {
	ports.Product
	on bool
}

func (s *stubborn) Deploy(ctx context.Context, p ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	if !s.on {
		return s.Product.Deploy(ctx, p, pair)
	}
	return s.Current(ctx, p)
}

// TestAProductThatKeepsTheOldLeafFailsTheVerb has the verb exit 1, the old leaf
// presented at the same address, and the row say so.
// spec: D3
func TestAProductThatKeepsTheOldLeafFailsTheVerb(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	lock, err := owner.Acquire(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	s := session.NewLocalSession()
	var said, errs bytes.Buffer
	s.Out, s.Err, s.Interactive = &said, &errs, false
	a, err := app.Open(ctx, lock, app.Options{
		Console: newInvocation(s, nil).Console, Paths: config.Paths{Config: dir, State: dir}, ConfigFile: filepath.Join(dir, "config.yaml"),
		Answer: answer, VerbOf: verbOf,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	ca, err := embedded.New(a.Store, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := product.Find(edge.Driver)
	opened, err := kind.Open(ctx, product.Setup{Product: "CDN", Regions: []string{"global"}, Store: a.Store, Now: time.Now, Log: a.Log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.(io.Closer).Close() }()
	odd := &stubborn{Product: opened}
	policy := rules.DefaultPolicy()
	policy.HandshakeTimeout /= 20
	a.Engine = lifecycle.New(lifecycle.Options{
		Store:  a.Store,
		Clock:  ports.SystemClock{},
		Policy: policy,
		Prober: product.Prober{},
		Issuers: map[string]ports.Issuer{
			embedded.Brand: ca,
		},
		Products: []lifecycle.NamedProduct{{Name: "CDN", Driver: edge.Driver, Product: odd}},
	})
	defer a.Engine.Close()
	verb := func(args ...string) int {
		said.Reset()
		errs.Reset()
		return answer(ctx, a, s, args)
	}
	must := func(args ...string) {
		t.Helper()
		if code := verb(args...); code != out.ExitOK {
			t.Fatalf("%v: exit %d: %s", args, code, errs.String())
		}
	}
	must("buy", "--level", "dv", "--type", "single")
	page, err := a.Engine.By(model.Scheduler).Page(model.Query{})
	if err != nil {
		t.Fatal(err)
	}
	id := string(page.Rows[0].ID)
	must("apply", id, "--domain", "old.example.com")
	must("deploy", id, "--product", "CDN")
	rs, _, err := a.Engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
	if err != nil {
		t.Fatal(err)
	}
	before := rs[0]
	// A row of the table that is changed at run time is obeyed by the verb.
	row := a.Engine.By(model.Scheduler).Table().Transition(rules.Reissue)
	from := row.From
	row.From = []model.State{"paid"}
	if code := verb("reissue", id); code != out.ExitRefused || !strings.Contains(errs.String(), "needs paid") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	row.From = from
	must("reissue", id, "--new-key")
	odd.on = true
	if code := verb(
		"deploy",
		id,
		"--product",
		"CDN",
	); code != out.ExitFailed ||
		!strings.Contains(errs.String(), "another certificate is presented") {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	after, err := a.Engine.By(model.Scheduler).Resource(before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after.State != model.ResourceFailed || after.Deployed != before.Deployed || after.Address != before.Address {
		t.Errorf("the row is %s: %+v", after.State, after.Resource)
	}
	conn, err := tls.Dial("tcp", before.Address, &tls.Config{ServerName: "old.example.com", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	i, err := a.Engine.By(model.Scheduler).Instance(model.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Engine.By(model.Scheduler).Material(i.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(conn.ConnectionState().PeerCertificates[0].Raw, m.Certificates[0]) {
		t.Error("the old leaf is not presented any more")
	}
	odd.on = false
	must("deploy", id, "--product", "CDN")
}
