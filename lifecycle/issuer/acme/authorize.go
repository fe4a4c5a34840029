package acme

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-acme/lego/v5/acme"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// The methods of a [model.Proof].
const (
	proofDNS  = "dns"
	proofHTTP = "http"
)

const (
	firstLook  = 100 * time.Millisecond
	lookEvery  = 2 * time.Second
	lookAgain  = 10 * time.Second // between calls
	manualLook = time.Minute
	askAgain   = 10 * time.Minute // at most, for a CA that looked in vain
	// cleanUpTimeout bounds the removal of all proofs of an order.
	cleanUpTimeout = time.Minute
)

// goodToken is a token of RFC 8555 section 8.1: base64url without padding. Solvers make
// file names and URLs of it.
var goodToken = regexp.MustCompile(`^[A-Za-z0-9_-]{16,512}$`)

// goodIssuer is an issuer domain name of dns-persist-01.
var goodIssuer = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// authorize shows control of the names of a pending order: it presents the proofs,
// looks for them as the CA does, and asks the CA to look. It returns what the order
// waits for unless the CA was asked, and the pause that the CA wants.
func (i *Issuer) authorize(
	ctx context.Context, c *client, rec *orderRecord, urls []string, until time.Time,
) (*ports.Order, time.Duration, error) {
	if !slices.ContainsFunc(urls, func(u string) bool { a := rec.authorization(u); return !a.settled() || !a.Done && !i.shows(a) }) {
		return nil, 0, nil
	}
	status := map[string]string{} // of the challenges by URL
	for _, u := range urls {
		if err := i.readAuthorization(ctx, c, rec, u, status); err != nil {
			return nil, 0, err
		}
	}
	if err := i.present(ctx, rec); err != nil {
		return nil, 0, err
	}
	if o := i.awaitTurn(rec); o != nil {
		return o, 0, i.save(ctx, rec)
	}
	if o, err := i.look(ctx, rec, until); o != nil || err != nil {
		return o, 0, err
	}
	return i.ask(ctx, c, rec, status)
}

// readAuthorization asks for an authorization and chooses its challenge, or removes its
// proof once that is not needed any more: another proof may wait for its place.
func (i *Issuer) readAuthorization(ctx context.Context, c *client, rec *orderRecord, u string, status map[string]string) error {
	a := rec.authorization(u)
	if a.Done {
		return nil
	}
	az, _, err := try(ctx, i, whatLook, func(ctx context.Context) (acme.Authorization, error) { return c.Authorizations.Get(ctx, u) })
	if err != nil {
		return err
	}
	if az.Status != acme.StatusPending {
		a.Done = true
		i.removeProof(ctx, rec, a)
		return nil
	}
	if a.Challenge == "" {
		if err := i.choose(c, rec, a, az); err != nil {
			return err
		}
	}
	for _, ch := range az.Challenges {
		status[ch.URL] = ch.Status
	}
	return nil
}

// awaitTurn returns what the order waits for when all that is left to present waits for
// the proofs of other orders.
func (i *Issuer) awaitTurn(rec *orderRecord) *ports.Order {
	busy := 0
	for n := range rec.Authorizations {
		a := &rec.Authorizations[n]
		if !a.Done && !a.busy {
			return nil
		}
		if a.busy {
			busy++
		}
	}
	if busy == 0 {
		return nil
	}
	o := i.answer(rec)
	o.WaitFor, o.PollAfter = model.Say("await.turn", "n", busy), lookAgain
	return &o
}

// authorization returns the record of an authorization by URL, a new one if there is
// none. It is valid until the next call.
func (o *orderRecord) authorization(url string) *authorizationRecord {
	n := slices.IndexFunc(o.Authorizations, func(a authorizationRecord) bool { return a.URL == url })
	if n < 0 {
		o.Authorizations = append(o.Authorizations, authorizationRecord{URL: url})
		n = len(o.Authorizations) - 1
	}
	return &o.Authorizations[n]
}

// settled reports whether nothing is to be done for an authorization but wait.
func (a *authorizationRecord) settled() bool { return a.Done || a.Asked }

// open lists the authorizations that are still to be shown and can be now.
func (o *orderRecord) open() (all []*authorizationRecord) {
	for n := range o.Authorizations {
		if a := &o.Authorizations[n]; !a.settled() && !a.busy && a.Challenge != "" {
			all = append(all, a)
		}
	}
	return all
}

// choose picks the challenge for a name and derives its proof.
func (i *Issuer) choose(c *client, rec *orderRecord, a *authorizationRecord, az acme.Authorization) error {
	a.Name = az.Identifier.Value
	if az.Wildcard {
		a.Name = "*." + a.Name
	}
	if !slices.Contains(rec.Names, a.Name) && !slices.Contains(rec.Names, canonicalIP(a.Name)) {
		return permanent("acme.other-identifier", "name", a.Name)
	}
	var offered []challenge.Type
	for _, ch := range az.Challenges {
		offered = append(offered, challenge.Type(ch.Type))
	}
	e, typ, ok := i.opt.Challenges.Pick(a.Name, offered)
	if !ok {
		return permanent("acme.no-challenge", "name", a.Name, "offered", offered)
	}
	ch := az.Challenges[slices.Index(offered, typ)]
	p := challenge.Proof{Order: rec.Key, Type: typ, Name: az.Identifier.Value}
	if typ == challenge.DNSPersist01 {
		if len(ch.IssuerDomainNames) == 0 || !goodIssuer.MatchString(ch.IssuerDomainNames[0]) {
			return permanent("acme.issuer-domain", "name", a.Name)
		}
		p.Record = "_validation-persist." + p.Name + "."
		p.Value = ch.IssuerDomainNames[0] + "; accounturi=" + c.account
		if az.Wildcard {
			p.Value += "; policy=wildcard"
		}
		if until := i.opt.PersistUntil; !until.IsZero() {
			p.Value += "; persistUntil=" + strconv.FormatInt(until.Unix(), 10)
			p.Until = until
		}
	} else {
		if !goodToken.MatchString(ch.Token) {
			return permanent("acme.token", "name", a.Name)
		}
		auth, err := c.GetKeyAuthorization(ch.Token)
		if err != nil {
			return model.Fail("acme.account-key", "cause", err)
		}
		p.Token, p.KeyAuthorization = ch.Token, auth
		if typ == challenge.DNS01 {
			sum := sha256.Sum256([]byte(auth))
			p.Record = "_acme-challenge." + p.Name + "."
			p.Value = base64.RawURLEncoding.EncodeToString(sum[:])
		}
	}
	a.Rule, a.Challenge, a.Proof, a.Manual = e.String(), ch.URL, p, e.Manual()
	return nil
}

func canonicalIP(s string) string {
	if ip := net.ParseIP(s); ip != nil {
		return ip.String()
	}
	return s
}

// present makes the proofs visible. What is to be removed later is stored before. A
// proof for which there is no place beside another one waits for its turn.
func (i *Issuer) present(ctx context.Context, rec *orderRecord) error {
	fresh := false
	for n := range rec.Authorizations {
		rec.Authorizations[n].busy = false
	}
	for _, a := range rec.open() {
		fresh = fresh || !a.Presenting
		a.Presenting = true
	}
	if fresh {
		if err := i.save(ctx, rec); err != nil {
			return err
		}
	}
	for n := range rec.Authorizations {
		a := &rec.Authorizations[n]
		if a.Done || a.Challenge == "" || i.shows(a) {
			continue
		}
		if err := i.presentOne(ctx, rec, a); err != nil {
			return err
		}
	}
	return nil
}

// presentOne makes the proof of an authorization visible.
func (i *Issuer) presentOne(ctx context.Context, rec *orderRecord, a *authorizationRecord) error {
	if !a.Manual {
		e, ok := i.opt.Challenges.Find(a.Rule, a.Proof.Type)
		if !ok || e.Solver == nil {
			return permanent("acme.no-rule", "rule", a.Rule, "name", a.Name)
		}
		err := e.Solver.Present(ctx, a.Proof)
		if errors.Is(err, challenge.ErrBusy) {
			a.busy, a.Presenting = true, a.Asked
			return nil
		}
		if err != nil {
			return model.Fail("acme.present", "type", string(a.Proof.Type), "name", a.Name, "cause", err)
		}
	}
	i.shown.Store(a.URL, true)
	a.Reopened = a.Reopened || a.Asking
	a.Presented = i.now().Unix()
	return i.save(ctx, rec)
}

// shows reports whether the proof of an authorization was presented and is still there: a
// port of this program ended with the process that opened it, while records stay.
func (i *Issuer) shows(a *authorizationRecord) bool {
	if _, here := i.shown.Load(a.URL); here || a.Presented == 0 {
		return here
	}
	e, ok := i.opt.Challenges.Find(a.Rule, a.Proof.Type)
	return a.Manual || ok && e.Lasts()
}

// lostPort reports whether the CA may have looked for a proof at a port that had ended with
// another process.
func (i *Issuer) lostPort(rec *orderRecord) bool {
	return slices.ContainsFunc(rec.Authorizations, func(a authorizationRecord) bool { return a.Asking && (a.Reopened || !i.shows(&a)) })
}

// look waits until all proofs are seen. It returns what the order waits for if that
// takes longer than the call may.
func (i *Issuer) look(ctx context.Context, rec *orderRecord, until time.Time) (*ports.Order, error) {
	for pause := firstLook; ; pause = min(pause*2, lookEvery) {
		waiting := i.unseen(ctx, rec)
		if waiting == nil {
			return nil, nil
		}
		if i.now().Add(pause).After(until) || !rec.waitsForSolver() {
			return waiting, i.save(ctx, rec)
		}
		if err := i.opt.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// waitsForSolver reports whether a proof that no person provides is not seen yet.
func (o *orderRecord) waitsForSolver() bool {
	return slices.ContainsFunc(o.open(), func(a *authorizationRecord) bool { return !a.seen && !a.Manual })
}

// unseen looks for all proofs once and returns what is missing; nil when nothing is, or
// only what solvers presented so long ago that the CA is to be asked all the same: it may
// see what we do not.
func (i *Issuer) unseen(ctx context.Context, rec *orderRecord) *ports.Order {
	missing, manual, method := 0, false, proofDNS
	var why model.Text
	var asked time.Time // when the CA is asked all the same, if it may well see more than we
	for _, a := range rec.open() {
		if a.seen {
			continue
		}
		e, _ := i.opt.Challenges.Find(a.Rule, a.Proof.Type)
		seen, text, err := i.opt.Challenges.Seen(ctx, e, a.Proof)
		if a.seen = seen; seen {
			continue
		}
		if err != nil {
			text = model.TextOf(err)
		}
		until := unix(a.Presented).Add(i.lookTimeout(a.Proof.Type))
		if !a.Manual && i.now().After(until) {
			continue
		}
		missing++
		why = text
		switch {
		case a.Manual:
			manual = true
			method = a.method()
		case a.Proof.Record == "" && until.After(asked):
			asked = until
		}
	}
	if missing == 0 {
		return nil
	}
	o := i.answer(rec)
	o.WaitFor, o.PollAfter = model.Say("await.look", "n", missing, "cause", why), lookAgain
	switch {
	case manual:
		o.WaitFor, o.PollAfter = model.Say("await."+method, "n", missing, "cause", why), manualLook
	case !asked.IsZero():
		o.WaitFor = model.Say("await.look-from-here", "n", missing, "cause", why, "at", asked)
	}
	return &o
}

// lookTimeout is how long a proof of a type is looked for before the CA is asked all the
// same. A server behind NAT or a firewall is often seen from outside alone, while records
// that are not at the name servers are at none.
func (i *Issuer) lookTimeout(t challenge.Type) time.Duration {
	switch {
	case i.opt.LookTimeout != 0:
		return i.opt.LookTimeout
	case t == challenge.HTTP01 || t == challenge.TLSALPN01:
		return DefaultPortTimeout
	}
	return DefaultLookTimeout
}

func (a *authorizationRecord) method() string {
	if a.Proof.Type == challenge.HTTP01 {
		return proofHTTP
	}
	return proofDNS
}

// ask tells the CA that the proofs are there. A challenge that it looks at already, or
// has looked at, is not sent again, except to a CA that looked in vain and lets the
// challenge stay pending: it looks again when it is told again (RFC 8555 section 8.2).
// Then that is what the order waits for.
func (i *Issuer) ask(
	ctx context.Context, c *client, rec *orderRecord, status map[string]string,
) (waiting *ports.Order, after time.Duration, err error) {
	open := rec.open()
	if len(open) == 0 {
		return nil, 0, nil
	}
	for _, a := range open {
		a.Asking, a.Unseen = true, !a.seen
	}
	if err := i.save(ctx, rec); err != nil {
		return nil, 0, err
	}
	for _, a := range open {
		if s := status[a.Challenge]; s != "" && s != acme.StatusPending {
			a.Asked = true
			continue
		}
		ch, x, err := try(ctx, i, whatChallenge, func(ctx context.Context) (acme.ExtendedChallenge, error) {
			return c.Challenges.New(ctx, a.Challenge)
		})
		// Malformed means that it is pending no more: the order tells the rest.
		if err != nil && !hasKind(err, "malformed") {
			return nil, 0, errors.Join(err, i.save(ctx, rec))
		}
		after = max(after, x.after)
		a.Asked = err != nil || ch.Status != acme.StatusPending || ch.Error == nil
		if !a.Asked {
			o := i.answer(rec)
			o.WaitFor = model.Say("await.validation-again", "host", i.host(), "name", a.Name, "cause", textOf(ch.Error))
			// As long again as it has failed, so that what is mended soon is seen soon.
			o.PollAfter = max(after, min(max(i.now().Sub(unix(a.Presented)), lookAgain), askAgain))
			waiting = &o
		}
	}
	return waiting, after, i.save(ctx, rec)
}

// manualProofs are the proofs that persons provide.
func (o *orderRecord) manualProofs() (all []model.Proof) {
	for n := range o.Authorizations {
		if a := &o.Authorizations[n]; a.Manual && !a.settled() {
			p := proofOf(a.Proof)
			p.Domain, p.Seen = a.Name, a.seen
			all = append(all, p)
		}
	}
	return all
}

// proofOf is a proof as people are shown it.
func proofOf(p challenge.Proof) model.Proof {
	switch p.Type {
	case challenge.HTTP01:
		host := p.Name
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return model.Proof{
			Domain: p.Name, Method: proofHTTP, Name: "http://" + host + "/.well-known/acme-challenge/" + p.Token, Value: p.KeyAuthorization,
		}
	case challenge.TLSALPN01:
		return model.Proof{Domain: p.Name, Method: string(p.Type), Name: p.Name, Value: p.KeyAuthorization}
	}
	return model.Proof{Domain: p.Name, Method: proofDNS, Name: strings.TrimSuffix(p.Record, "."), Value: p.Value}
}

func proofsOf(list []challenge.Proof) (all []model.Proof) {
	for _, p := range list {
		all = append(all, proofOf(p))
	}
	return all
}
