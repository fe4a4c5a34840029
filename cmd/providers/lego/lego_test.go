package lego_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/go-acme/lego/v5/challenge"

	"certquay/cmd/providers/lego"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

type fake struct{ calls []string }

func (f *fake) Present(_ context.Context, domain, token, keyAuth string) error {
	f.calls = append(f.calls, "present "+domain+" "+token+" "+keyAuth+" "+os.Getenv("FAKE_TOKEN"))
	return nil
}

func (f *fake) CleanUp(_ context.Context, domain, token, keyAuth string) error {
	f.calls = append(f.calls, "clean up "+domain+" "+token+" "+keyAuth)
	return nil
}

// Lego derives name and value of a record itself: what it would not write as it was asked
// for is refused before anything is written.
func TestOnlyTheRecordThatWasAskedForIsWritten(t *testing.T) {
	t.Setenv("FAKE_TOKEN", "") // restores it
	t.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	f := &fake{}
	registry := lego.Registry{"fake": func() (challenge.Provider, error) { return f, nil }}
	if _, err := registry.Make("other", nil, nil); !errors.Is(err, worker.ErrUnknown) {
		t.Error(err)
	}
	w, err := registry.Make("fake", map[string]string{"FAKE_TOKEN": "s3"}, []string{"127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("t.k"))
	good := dns.Record{
		Name: "_acme-challenge.example.com.", Value: base64.RawURLEncoding.EncodeToString(sum[:]),
		Domain: "example.com", Token: "t", KeyAuthorization: "t.k",
	}
	if err := errors.Join(w.Present(t.Context(), good), w.CleanUp(t.Context(), good)); err != nil {
		t.Fatal(err)
	}
	moved, value, persist := good, good, dns.Record{Name: "_validation-persist.example.com.", Value: "x", Domain: "example.com"}
	moved.Name, value.Value = "x.example.net.", "other"
	for _, r := range []dns.Record{value, persist} {
		if err := errors.Join(w.Present(t.Context(), r), w.CleanUp(t.Context(), r)); !errors.Is(err, dns.ErrNotPossible) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := w.Present(t.Context(), moved); model.TextOf(err).Code() != "dns-provider.moved" {
		t.Error(err)
	}
	if want := []string{"present example.com t t.k s3", "clean up example.com t t.k"}; !slices.Equal(f.calls, want) {
		t.Errorf("%q", f.calls)
	}
}
