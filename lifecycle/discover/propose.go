package discover

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Proposal is a way to set up a product for a server that was found (spec P1).
type Proposal struct {
	Hosts    []string       // regions on which it was found
	Settings map[string]any // without those of its hosts; nil for the defaults
	Present  []ports.Presence
	Problem  model.Text // why the server cannot be read with these settings; "" if it can
}

// proposeTimeout bounds the look at one host.
const proposeTimeout = time.Minute

// mostProposals is how many servers of one host are read.
const mostProposals = 8

// Propose returns the settings with which products of a driver would work on hosts, each an
// address as in [runner.ParseAddress], none for this machine. It reads what the server
// presents with the settings that were typed, with those of the servers that run there, and
// with the usual ones. Settings that are typed are there also if they do not work; the others
// only if a server is there. It changes nothing.
func (s *Scanner) Propose(
	ctx context.Context, driver string, addresses []string, reach Reach, typed map[string]any,
) ([]Proposal, error) {
	n := slices.IndexFunc(s.Servers, func(k Server) bool { return k.Driver == driver })
	if n < 0 || s.Servers[n].Propose == nil {
		return nil, nil
	}
	if len(addresses) == 0 {
		addresses = []string{""}
	}
	found, errs := make([][]Proposal, len(addresses)), make([]error, len(addresses))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for k, address := range addresses {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[k], errs[k] = s.proposeOn(ctx, &s.Servers[n], address, reach, typed)
		})
	}
	all.Wait()
	var merged []Proposal
	for _, p := range slices.Concat(found...) {
		at := slices.IndexFunc(merged, func(o Proposal) bool {
			return o.Problem == p.Problem && reflect.DeepEqual(o.Settings, p.Settings)
		})
		if at < 0 {
			merged = append(merged, p)
			continue
		}
		merged[at].Hosts = append(merged[at].Hosts, p.Hosts...)
		merged[at].Present = append(merged[at].Present, p.Present...)
	}
	return merged, errors.Join(errs...)
}

// proposeOn is Propose for one host. A host that cannot be reached is an error.
func (s *Scanner) proposeOn(
	ctx context.Context, server *Server, address string, reach Reach, typed map[string]any,
) (all []Proposal, err error) {
	ctx, cancel := context.WithTimeout(ctx, proposeTimeout)
	defer cancel()
	host, err := s.Open(address, reach)
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }() // it was read only
	if _, err := host.Stat(ctx, "/"); err != nil {
		return nil, err
	}
	settings := server.proposed(ctx, host)
	if len(typed) > 0 {
		settings = slices.Insert(slices.DeleteFunc(settings, func(o map[string]any) bool { return reflect.DeepEqual(o, typed) }), 0, typed)
	}
	for n, one := range settings {
		p := Proposal{Hosts: []string{host.Name()}, Settings: one}
		p.Present, err = server.Survey(ctx, host, one)
		if n > 0 || len(typed) == 0 {
			if absent(err) {
				continue
			}
		}
		if err != nil {
			p.Problem = model.TextOf(err)
		}
		all = append(all, p)
	}
	return all, ctx.Err()
}

// proposed are the settings for the servers that may run on a host, each once. A server
// without Propose has the defaults.
func (s *Server) proposed(ctx context.Context, host runner.Runner) (all []map[string]any) {
	if s.Propose == nil {
		return []map[string]any{nil}
	}
	for _, one := range s.Propose(ctx, host) {
		same := func(o map[string]any) bool { return len(o) == 0 && len(one) == 0 || reflect.DeepEqual(o, one) }
		if len(all) < mostProposals && !slices.ContainsFunc(all, same) {
			all = append(all, one)
		}
	}
	return all
}

// absent reports whether a server could not be read since it is not installed or does not run.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
