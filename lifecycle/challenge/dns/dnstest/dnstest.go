// Package dnstest is a small world of DNS for tests: zones on name servers, and a
// resolver that knows all of them. Nothing goes over the network.
package dnstest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Resolver is the address of the recursive resolver.
const Resolver = "192.0.2.53:53"

// World holds records by server. It is safe for concurrent use.
type World struct {
	mu      sync.Mutex
	servers map[string]map[string][]dns.RR // by address, then by name
	codes   map[string]int                 // by address, or by a name asked of the resolver
	types   map[dns.Question]int           // by name and type asked of the resolver
	bogus   map[string]bool                // names whose signatures are wrong
	silent  map[string]bool
}

// New returns a world in which the resolver knows the records given in the form of a
// zone file, with absolute names.
func New(t *testing.T, records ...string) *World {
	t.Helper()
	w := &World{
		servers: map[string]map[string][]dns.RR{}, codes: map[string]int{}, types: map[dns.Question]int{},
		bogus: map[string]bool{}, silent: map[string]bool{},
	}
	w.Add(t, Resolver, records...)
	return w
}

// Add gives records to one server.
func (w *World) Add(t *testing.T, server string, records ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.servers[server] == nil {
		w.servers[server] = map[string][]dns.RR{}
	}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		name := dns.CanonicalName(rr.Header().Name)
		w.servers[server][name] = append(w.servers[server][name], rr)
	}
}

// Remove takes all records of a name from a server.
func (w *World) Remove(server, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.servers[server], name)
}

// Answer has a server, or the resolver for one name, answer with a response code.
func (w *World) Answer(serverOrName string, rcode int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes[serverOrName] = rcode
}

// AnswerType has the resolver answer with a response code for a name and type.
func (w *World) AnswerType(name string, kind uint16, rcode int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.types[dns.Question{Name: name, Qtype: kind}] = rcode
}

// Bogus has the resolver fail for a name unless it is told not to check signatures.
func (w *World) Bogus(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bogus[name] = true
}

// Silence has a server not answer.
func (w *World) Silence(server string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[server] = true
}

// errSilent is what a server that is silent, or that there is none of, looks like.
var errSilent = errors.New("timeout")

// Exchange answers a question.
func (w *World) Exchange(_ context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	records, known := w.servers[server]
	if !known || w.silent[server] {
		return nil, errSilent
	}
	answer := new(dns.Msg).SetReply(m)
	answer.Authoritative = server != Resolver
	q := m.Question[0]
	name := dns.CanonicalName(q.Name)
	code, wrong := w.codes[server]
	if !wrong && server == Resolver {
		code, wrong = w.resolving(m, name)
	}
	if wrong {
		answer.Rcode = code
		return answer, nil
	}
	all, there := records[name]
	for _, rr := range all {
		if rr.Header().Rrtype == q.Qtype {
			answer.Answer = append(answer.Answer, rr)
		}
	}
	if !there {
		answer.Rcode = dns.RcodeNameError
	}
	return answer, nil
}

// resolving is what is wrong with a name for the resolver.
func (w *World) resolving(m *dns.Msg, name string) (rcode int, wrong bool) {
	if w.bogus[name] && !m.CheckingDisabled {
		return dns.RcodeServerFailure, true
	}
	if code, wrong := w.types[dns.Question{Name: name, Qtype: m.Question[0].Qtype}]; wrong {
		return code, true
	}
	code, wrong := w.codes[name]
	return code, wrong
}
