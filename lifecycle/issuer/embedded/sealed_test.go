package embedded_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// A sealed store has the CA's certificates but not its keys: it shows them, and
// signs once it is unsealed.
//
// spec: O8
// finding: R-H2
func TestASealedStoreShowsItsCAAndIssuesOnceUnsealed(t *testing.T) {
	ctx := context.Background()
	pass := model.NewSecret([]byte("correct horse"))
	s, err := store.With(mem.New(), store.Options{Passphrase: pass, WorkFactor: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	hand := &clock{t: start}
	open := func() *embedded.Issuer {
		t.Helper()
		i, err := embedded.New(s, embedded.Options{Now: hand.Now})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if err := open().Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { open().Handler().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	_, crl := get(t, srv.URL+"/crl/issuing.crl")
	if err := s.ForgetMasterKey(); err != nil {
		t.Fatal(err)
	}
	hand.add(5 * 24 * time.Hour) // a new CRL is due, the old one is valid
	i := open()
	if err := i.Prepare(ctx); err != nil {
		t.Errorf("prepare: %v", err)
	}
	if all, err := i.Authorities(); err != nil || len(all.Roots) != 1 || len(all.Issuing) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if root, n, err := i.Root(); err != nil || n != 1 || root == nil {
		t.Errorf("root %d, %v", n, err)
	}
	if pool, err := i.Roots(); err != nil || len(pool.Subjects()) != 1 { //nolint:staticcheck // not the system's pool
		t.Errorf("roots: %v", err)
	}
	if resp, body := get(t, srv.URL+"/crl/issuing.crl"); resp.StatusCode != http.StatusOK || string(body) != string(crl) {
		t.Errorf("the CRL: %s", resp.Status)
	}
	r := request("1", "www.example.com")
	o, err := i.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = i.Finalize(ctx, o.Ref, r); !errors.Is(err, store.ErrSealed) || isFinal(err) {
		t.Errorf("sealed: %v", err)
	}
	if err := s.Unseal(pass); err != nil {
		t.Fatal(err)
	}
	if o, err = i.Finalize(ctx, o.Ref, r); err != nil || len(o.Chain) != 2 {
		t.Errorf("unsealed: %v", err)
	}
	// One whose root is to be renewed cannot do so while sealed, and says why.
	hand.add(16 * year)
	if err := s.ForgetMasterKey(); err != nil {
		t.Fatal(err)
	}
	if err := open().Prepare(ctx); !errors.Is(err, store.ErrSealed) {
		t.Errorf("renewal while sealed: %v", err)
	}
}

// full is a store whose disk is full for a while.
type full struct {
	*store.Store
	is bool
}

func (f *full) Update(ctx context.Context, fn func(model.Tx) error) error {
	if f.is {
		return store.ErrDiskFull
	}
	return f.Store.Update(ctx, fn)
}

// A CRL is there from when its CA is made, and is served for as long as it is
// valid when nothing can be written.
//
// finding: R-H8
func TestACRLIsServedWhileNothingCanBeWritten(t *testing.T) {
	s, err := store.With(mem.New(), store.Options{WorkFactor: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	disk, hand := &full{Store: s}, &clock{t: start}
	i, err := embedded.New(disk, embedded.Options{Now: hand.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(i.Handler())
	t.Cleanup(srv.Close)
	disk.is = true
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{0, http.StatusOK}, {5 * 24 * time.Hour, http.StatusOK}, {3 * 24 * time.Hour, http.StatusServiceUnavailable}} {
		hand.add(c.later)
		for _, path := range []string{"/crl/issuing.crl", "/crl/root.crl"} {
			if resp, _ := get(t, srv.URL+path); resp.StatusCode != c.want {
				t.Errorf("%s after %v more: %s, want %d", path, c.later, resp.Status, c.want)
			}
		}
	}
	disk.is = false
	if resp, _ := get(t, srv.URL+"/crl/issuing.crl"); resp.StatusCode != http.StatusOK {
		t.Errorf("once there is room: %s", resp.Status)
	}
}
