// Package worker runs DNS providers in processes of their own (spec C5).
//
// The code of providers, that of lego, reads its settings from the environment of the
// process, keeps the numbers of records in memory between making and removing them, and
// may hang or panic. So there is one child for each order, which is this program's own
// executable started again with an empty environment. Credentials go there through a
// pipe, and nowhere else: not into arguments, the environment of this process or a file.
// A child lives from the first call for an order to Close, is killed when a call takes
// too long, and ends with its parent. What a provider prints goes nowhere.
//
// Providers with large libraries are in another program, certquay-dnsall, which is found
// on PATH and is spoken to in the same way.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/catalogue"
	"certquay/lifecycle/child"
	"certquay/model"
)

const (
	// Program has the providers that this program has not.
	Program = "certquay-dnsall"

	defaultTimeout = 3 * time.Minute // for one call: some wait until a change is everywhere
	maxChildren    = 16              // of one account
	maxReply       = 64 << 10        // bytes
	closeTime      = time.Second     // for a child to end by itself

	// marker is the environment variable that marks a child process.
	marker = "CERTQUAY_DNS"
)

// ready is set once this process is known to call [RunIfChild], so that its children do.
var ready atomic.Bool

// inherited are the variables that children get of the environment: how the network is
// reached, and whom to trust.
var inherited = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// Options of an [Account].
type Options struct {
	Provider string                  // name or alias of a provider of the catalogue
	Settings map[string]model.Secret // by the names of the catalogue
	Timeout  time.Duration           // for one call; 0 is three minutes
}

// Account is an account at a DNS provider. It is safe for concurrent use.
type Account struct {
	opt      Options
	provider catalogue.Provider

	mu       sync.Mutex
	children map[string]*process // by order
}

var (
	_ dns.Provider   = (*Account)(nil)
	_ dns.Sequential = (*Account)(nil)
)

// New returns an account. An unknown provider, unknown settings and missing ones are
// errors that name what there is. Nothing is started.
func New(o Options) (*Account, error) {
	p, ok := catalogue.Find(o.Provider)
	if !ok {
		return nil, model.Fail("dns-provider.unknown", "name", o.Provider)
	}
	var all, missing []string
	for _, s := range p.Settings {
		all = append(all, s.Name)
		if s.Required && o.Settings[s.Name].Empty() {
			missing = append(missing, s.Name)
		}
	}
	for name := range o.Settings {
		if !slices.Contains(all, name) {
			return nil, model.Fail("dns-provider.setting", "provider", p.Name, "name", name, "all", all)
		}
	}
	if len(missing) > 0 {
		return nil, model.Fail("dns-provider.missing", "provider", p.Name, "names", missing)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return &Account{opt: o, provider: p, children: map[string]*process{}}, nil
}

// Sequential reports whether one record can be shown at a time only.
func (a *Account) Sequential() bool { return a.provider.Sequential }

// Check has the provider look at its settings, which most do without the network.
func (a *Account) Check(ctx context.Context) error {
	p, err := a.start()
	if err != nil {
		return err
	}
	defer p.close()
	return a.call(ctx, p, opOpen, dns.Record{})
}

// Present makes a record.
func (a *Account) Present(ctx context.Context, r dns.Record) error {
	p, _, err := a.child(r.Order)
	if err != nil {
		return err
	}
	return a.call(ctx, p, opPresent, r)
}

// CleanUp removes a record. If the child that made it has gone, another one tries.
func (a *Account) CleanUp(ctx context.Context, r dns.Record) error {
	p, fresh, err := a.child(r.Order)
	if err != nil {
		return err
	}
	err = a.call(ctx, p, opCleanUp, r)
	if errors.Is(err, errDied) && !fresh && ctx.Err() == nil {
		if p, _, err = a.child(r.Order); err != nil {
			return err
		}
		err = a.call(ctx, p, opCleanUp, r)
	}
	return err
}

// Close ends the child of an order.
func (a *Account) Close(order string) {
	a.mu.Lock()
	p := a.children[order]
	delete(a.children, order)
	a.mu.Unlock()
	if p != nil {
		p.close()
	}
}

// Stop ends all children.
func (a *Account) Stop() {
	a.mu.Lock()
	all := a.children
	a.children = map[string]*process{}
	a.mu.Unlock()
	for _, p := range all {
		p.close()
	}
}

// child returns the child of an order, and whether it was started by this call.
func (a *Account) child(order string) (p *process, fresh bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.children[order]; p != nil {
		if p.usable() {
			return p, false, nil
		}
		p.close()
		delete(a.children, order)
	}
	if len(a.children) >= maxChildren {
		return nil, false, model.Fail("dns-provider.many", "limit", maxChildren).Wrapping(challenge.ErrBusy)
	}
	if p, err = a.start(); err == nil {
		a.children[order] = p
	}
	return p, true, err
}

// call makes one request and waits for the answer. A child that does not answer in time
// is killed.
func (a *Account) call(ctx context.Context, p *process, op string, r dns.Record) error {
	ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
	defer cancel()
	q := request{
		Op: op, Provider: a.provider.Name, Settings: map[string]string{}, Timeout: a.opt.Timeout, Record: r,
	}
	for name, s := range a.opt.Settings {
		q.Settings[name] = string(s.Reveal())
	}
	answer, err := p.call(ctx, q)
	switch {
	case err != nil && ctx.Err() != nil:
		return model.Fail("dns-provider.late", "provider", a.provider.Name).Wrapping(errDied, ctx.Err())
	case err != nil:
		return model.Fail("dns-provider.died", "provider", a.provider.Name).Wrapping(errDied)
	case answer.Unknown:
		return model.Fail("dns-provider.not-here", "provider", a.provider.Name)
	case answer.ByHand:
		return dns.ErrNotPossible
	case answer.Error != "":
		return model.Fail("dns-provider.failed", "provider", a.provider.Name, "cause", a.redact(answer.Error.By("server")))
	}
	return nil
}

// redact takes secret settings out of what a provider says.
func (a *Account) redact(t model.Text) model.Text {
	return t.Map(func(words string) string {
		for _, s := range a.provider.Settings {
			value := string(a.opt.Settings[s.Name].Reveal())
			if !s.Secret || len(value) < 4 { // so short a one is no secret, and part of many words
				continue
			}
			words = strings.NewReplacer(value, "["+s.Name+"]", url.QueryEscape(value), "["+s.Name+"]").Replace(words)
		}
		return words
	})
}

// errDied says that a child ended before it answered.
var errDied = errors.New("died")

// process is a running child.
type process struct {
	cmd  *exec.Cmd
	kill context.CancelFunc
	done chan struct{} // closed when it has ended

	failed atomic.Bool // it was killed, or does not speak as it should

	mu      sync.Mutex // for one request at a time
	in      io.WriteCloser
	answers *os.File
	limit   *io.LimitedReader
	out     *json.Decoder
}

// start starts a child.
func (a *Account) start() (*process, error) {
	path, err := child.Self()
	if a.provider.Separate {
		if path, err = exec.LookPath(Program); err != nil {
			return nil, model.Fail("dns-provider.separate", "provider", a.provider.Name, "program", Program).Wrapping(err)
		}
	} else if !ready.Load() {
		return nil, model.Fail("dns-provider.not-ready")
	}
	if err != nil {
		return nil, model.Fail("dns-provider.not-started", "cause", err).Wrapping(err)
	}
	ctx, kill := context.WithCancel(context.Background())
	p := &process{cmd: exec.CommandContext(ctx, path), kill: kill, done: make(chan struct{})}
	p.cmd.Args = []string{"certquay-dns"}
	p.cmd.Env = environment()
	p.cmd.Dir = "/"
	p.cmd.WaitDelay = time.Second // for what a provider started
	if err := p.pipes(); err != nil {
		kill()
		return nil, model.Fail("dns-provider.not-started", "cause", err).Wrapping(err)
	}
	return p, nil
}

// pipes starts the child with its pipes.
func (p *process) pipes() (err error) {
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	answers, write, err := os.Pipe()
	if err != nil {
		return err
	}
	p.answers = answers
	p.cmd.ExtraFiles = []*os.File{write} // answersFD
	err = errors.Join(p.cmd.Start(), write.Close())
	if err != nil {
		return errors.Join(err, answers.Close())
	}
	p.limit = &io.LimitedReader{R: answers}
	p.out = json.NewDecoder(p.limit)
	go func() {
		_ = p.cmd.Wait() // how it ended says nothing that its answers do not
		close(p.done)
	}()
	return nil
}

func environment() []string {
	env := []string{
		marker + "=1", "GOTRACEBACK=none", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/nonexistent", // some SDKs insist on one; what is in that of the user is no setting
	}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// call sends a request and reads its answer. When ctx ends, the child is killed.
func (p *process) call(ctx context.Context, q request) (a reply, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return a, err
	}
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	p.limit.N = maxReply
	if err = json.NewEncoder(p.in).Encode(q); err == nil {
		err = p.out.Decode(&a)
	}
	if err != nil {
		p.failed.Store(true)
		p.kill()
	}
	return a, err
}

// usable reports whether another request can be made.
func (p *process) usable() bool {
	select {
	case <-p.done:
		return false
	default:
		return !p.failed.Load()
	}
}

// close ends the child: it ends when its input does, and is killed if it does not.
func (p *process) close() {
	_ = p.in.Close() // it may have ended
	select {
	case <-p.done:
	case <-time.After(closeTime):
	}
	p.kill()
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.answers.Close()
}
