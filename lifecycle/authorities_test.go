package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

var admin = model.Actor{Name: "ada", Role: model.Admin, Via: "test"}

// opened is an issuer that was opened, with its sources.
type opened struct {
	declared authority.Declaration
	from     authority.Sources
}

// withOpener makes a world whose issuers can be declared, and returns what was opened.
func withOpener(t *testing.T, configured ...authority.Declaration) (*lifecycletest.World, map[string]opened) {
	all := map[string]opened{}
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		w.Options.Authorities = configured
		w.Options.OpenIssuer = func(d authority.Declaration, from authority.Sources) (ports.Issuer, error) {
			all[d.Name] = opened{d, from}
			if d.Kind == "broken" {
				return nil, errors.New("cannot be opened")
			}
			return w.Issuer, nil
		}
	})
	return w, all
}

// spec: C1
func TestIssuersAreAddedEditedAndRemovedWhileRunning(t *testing.T) {
	ctx := context.Background()
	w, all := withOpener(t, authority.Declaration{Name: "corporate", Kind: "acme"})
	door := w.Engine.By(admin)
	add := authority.Declaration{Name: "LetsEncrypt", Kind: "acme", Settings: map[string]any{"email": "ops@example.com"}}
	one, err := door.AddIssuer(ctx, add, authority.Secrets{"eab_key": model.NewSecret([]byte("canary-1"))})
	if err != nil || one.Name != "letsencrypt" || one.Configured || len(one.SecretNames) != 1 || one.By != "ada" {
		t.Fatalf("%+v, %v", one, err)
	}
	if got, err := all["letsencrypt"].from.Secret("eab_key"); err != nil || string(got.Reveal()) != "canary-1" {
		t.Errorf("the secret: %v", err)
	}
	list, err := door.Authorities()
	if err != nil || len(list) != 3 || list[0].Name != lifecycletest.Brand || list[1].Name != "corporate" || list[2].Name != "letsencrypt" {
		t.Fatalf("%+v, %v", list, err)
	}
	buy := lifecycle.BuyRequest{
		Spec:     model.Specification{Level: model.DV, Type: model.Single, Brand: "letsencrypt", Grade: model.Free},
		Years:    1,
		Quantity: 1,
	}
	if _, err := w.Engine.By(operator).Quote(buy); err != nil {
		t.Errorf("what was added cannot be bought: %v", err)
	}
	edits := map[string]any{"email": nil, "profile": "shortlived"}
	if one, err = door.EditIssuer(ctx, "letsencrypt", edits, authority.Secrets{"eab_key": {}}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one.Settings) != "map[profile:shortlived]" || len(one.SecretNames) != 0 {
		t.Errorf("after the edit: %+v", one.Declaration)
	}
	if _, err := all["letsencrypt"].from.Secret("eab_key"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the secret that was removed: %v", err)
	}
	// A new engine on the same store knows it.
	w.Engine.Close()
	w.Engine = lifecycle.New(w.Options)
	t.Cleanup(w.Engine.Close)
	door = w.Engine.By(admin)
	if _, err := door.Authority("letsencrypt"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := door.RemoveIssuer(ctx, "letsencrypt"); err != nil {
		t.Fatal(err)
	}
	if _, err := door.Authority("letsencrypt"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("after its removal: %v", err)
	}
}

// spec: C1
func TestWhatCannotBeDoneWithAnIssuer(t *testing.T) {
	ctx := context.Background()
	w, _ := withOpener(t, authority.Declaration{Name: "corporate", Kind: "acme"}, authority.Declaration{Name: "dead", Kind: "broken"})
	door := w.Engine.By(admin)
	reason := func(want rules.Reason, err error) {
		t.Helper()
		var f *rules.Refusal
		if !errors.As(err, &f) || f.Reason != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err := door.AddIssuer(ctx, authority.Declaration{Name: "Corporate", Kind: "acme"}, nil)
	reason(rules.ReasonNameTaken, err)
	_, err = door.AddIssuer(ctx, authority.Declaration{Name: lifecycletest.Brand, Kind: "acme"}, nil)
	reason(rules.ReasonNameTaken, err)
	_, err = door.EditIssuer(ctx, "corporate", map[string]any{"email": "x"}, nil)
	reason(rules.ReasonConfigured, err)
	reason(rules.ReasonConfigured, door.RemoveIssuer(ctx, "corporate"))
	reason(rules.ReasonNoAccount, door.RolloverIssuer(ctx, "corporate"))
	_, err = w.Engine.By(model.Actor{Name: "otto", Role: model.Operator}).
		AddIssuer(ctx, authority.Declaration{Name: "le", Kind: "acme"}, nil)
	reason(rules.ReasonRole, err)
	for _, name := range []string{"", "a b", "a/b", "a\x1b[2J"} {
		var wrong *rules.Invalid
		if _, err := door.AddIssuer(ctx, authority.Declaration{Name: name, Kind: "acme"}, nil); !errors.As(err, &wrong) {
			t.Errorf("the name %q gives %v", name, err)
		}
	}
	if one, err := door.Authority("dead"); err != nil || one.Problem == "" {
		t.Errorf("one that cannot be opened: %+v, %v", one, err)
	}
	if _, err := door.TestIssuer(ctx, "dead", false); err == nil {
		t.Error("one that cannot be opened passes its test")
	}
	dead := lifecycle.BuyRequest{
		Spec: model.Specification{Level: model.DV, Type: model.Single, Brand: "dead", Grade: model.Free}, Years: 1, Quantity: 1,
	}
	var f *rules.Refusal
	if _, err := w.Engine.By(operator).Quote(dead); !errors.As(err, &f) || !strings.Contains(inWords(f.AsText()), "cannot be opened") {
		t.Errorf("buying from one that cannot be opened: %v", err)
	}
	// One that certificates need stays.
	if _, err := door.AddIssuer(ctx, authority.Declaration{Name: "le", Kind: "acme"}, nil); err != nil {
		t.Fatal(err)
	}
	buy := lifecycle.BuyRequest{
		Spec:     model.Specification{Level: model.DV, Type: model.Single, Brand: "le", Grade: model.Free},
		Years:    1,
		Quantity: 1,
	}
	if _, _, err := w.Engine.By(operator).Buy(ctx, buy); err != nil {
		t.Fatal(err)
	}
	reason(rules.ReasonIssuerInUse, door.RemoveIssuer(ctx, "le"))
	// So it does for a process that was just started, whose search table is not complete.
	w.Engine.Close()
	w.Options.Store = &lateStore{Store: w.Options.Store}
	w.Engine = lifecycle.New(w.Options)
	t.Cleanup(w.Engine.Close)
	reason(rules.ReasonIssuerInUse, w.Engine.By(admin).RemoveIssuer(ctx, "le"))
}

// lateStore finds nothing until somebody waits for its search table.
type lateStore struct {
	ports.Store

	complete atomic.Bool
}

func (s *lateStore) WaitForTable(ctx context.Context) error {
	s.complete.Store(true)
	return s.Store.WaitForTable(ctx)
}

func (s *lateStore) Query(q model.Query) (model.Page, error) {
	if !s.complete.Load() {
		return model.Page{Partial: true}, nil
	}
	return s.Store.Query(q)
}

// spec: C5
func TestCredentialsAreSealedAndShownToNobody(t *testing.T) {
	ctx := context.Background()
	w, _ := withOpener(t)
	door := w.Engine.By(admin)
	credentials := authority.Secrets{"CF_DNS_API_TOKEN": model.NewSecret([]byte("canary-2")), "CF_ZONE": model.NewSecret([]byte("x"))}
	d, err := door.AddDNSAccount(ctx, authority.Declaration{Name: "cloudflare", Kind: "cloudflare"}, credentials)
	if err != nil || strings.Join(d.SecretNames, " ") != "CF_DNS_API_TOKEN CF_ZONE" {
		t.Fatalf("%+v, %v", d, err)
	}
	provider, got, err := door.DNSCredentials(ctx, "cloudflare")
	if err != nil || provider != "cloudflare" || string(got["CF_DNS_API_TOKEN"].Reveal()) != "canary-2" {
		t.Errorf("%s, %v", provider, err)
	}
	if page, err := door.Activity(lifecycle.ActivityFilter{}); err != nil || strings.Contains(fmt.Sprintf("%+v", page), "canary") {
		t.Errorf("the activity log: %v", err)
	}
	if err := door.RemoveDNSAccount(ctx, "cloudflare"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := door.DNSCredentials(ctx, "cloudflare"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("after its removal: %v", err)
	}
}
