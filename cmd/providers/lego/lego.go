// Package lego has providers of lego write the records that a child is asked for. It
// changes the environment and the defaults of lego in the whole process, which is to be
// a child of package worker.
package lego

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/log"
	"github.com/miekg/dns"

	challengedns "certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

// Registry makes providers by name.
type Registry map[string]func() (challenge.Provider, error)

// Make returns the provider of a name. It implements [worker.Make].
func (r Registry) Make(name string, settings map[string]string, resolvers []string) (worker.Writer, error) {
	mk := r[name]
	if mk == nil {
		return nil, worker.ErrUnknown
	}
	log.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: resolvers, Timeout: 10 * time.Second}))
	p, err := mk()
	if err != nil {
		return nil, err
	}
	return &writer{p}, nil
}

// writer writes records by a provider of lego, which derives name and value itself.
type writer struct{ p challenge.Provider }

func (w *writer) Present(ctx context.Context, r challengedns.Record) error {
	if err := same(ctx, r); err != nil {
		return err
	}
	return w.p.Present(ctx, r.Domain, r.Token, r.KeyAuthorization)
}

func (w *writer) CleanUp(ctx context.Context, r challengedns.Record) error {
	if err := same(ctx, r); err != nil {
		return err
	}
	return w.p.CleanUp(ctx, r.Domain, r.Token, r.KeyAuthorization)
}

// same returns an error unless lego would write the record that is asked for: it can
// write no other values than those of dns-01, and follows CNAMEs itself.
func same(ctx context.Context, r challengedns.Record) error {
	if r.KeyAuthorization == "" {
		return challengedns.ErrNotPossible
	}
	info := dns01.GetChallengeInfo(ctx, r.Domain, r.KeyAuthorization)
	switch {
	case info.Value != r.Value:
		return challengedns.ErrNotPossible
	case dns.CanonicalName(info.EffectiveFQDN) != dns.CanonicalName(r.Name):
		return model.Fail("dns-provider.moved", "name", r.Name, "found", info.EffectiveFQDN)
	}
	return nil
}
