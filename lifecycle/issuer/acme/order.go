package acme

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const (
	firstPoll = 250 * time.Millisecond
	pollEvery = 5 * time.Second
)

func permanent(code string, args ...any) error {
	return &ports.PermanentError{Err: model.Fail(code, args...)}
}

func unixMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Order makes an order and shows control of its names. The order's record is stored
// before anything is sent.
func (i *Issuer) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if r.Key == "" {
		return ports.Order{}, permanent("acme.no-attempt")
	}
	ref := refOf(i.opt.Name, r.Key)
	defer i.orders.lock(ref)()
	rec, err := i.load(ref)
	if errors.Is(err, ports.ErrUnknownOrder) {
		if rec, err = i.newRecord(r); err == nil {
			err = i.save(ctx, rec)
		}
	}
	if err != nil {
		return ports.Order{}, err
	}
	if rec.Urgent = r.Urgent; !r.NeededBy.IsZero() {
		rec.NeededBy = r.NeededBy.Unix()
	}
	o, err := i.advance(ctx, rec, false)
	if errors.As(err, new(*ports.PermanentError)) && rec.Step == stepNew { // the attempt ends, and the CA knows nothing of it
		err = errors.Join(err, i.remove(context.WithoutCancel(ctx), i.orderCell(ref)))
	}
	return o, err
}

// Finalize sends the CSR of a ready order, the same at each call, and waits for the
// certificate.
func (i *Issuer) Finalize(ctx context.Context, ref string, r ports.CertificateRequest) (ports.Order, error) {
	if ref != refOf(i.opt.Name, r.Key) {
		return ports.Order{}, permanent("acme.other-attempt", "cause", ports.ErrUnknownOrder)
	}
	defer i.orders.lock(ref)()
	rec, err := i.load(ref)
	if err != nil {
		return ports.Order{}, err
	}
	if key, err := rec.public(); err != nil || !bundle.SamePublic(key, r.Public) {
		return ports.Order{}, permanent("acme.other-key")
	}
	return i.advance(ctx, rec, true)
}

// Fetch goes on with an order as far as is possible without sending the CSR. An order
// whose request was never answered is unknown: [Issuer.Order] goes on with it.
func (i *Issuer) Fetch(ctx context.Context, ref, key string) (ports.Order, error) {
	if ref == "" {
		if key == "" {
			return ports.Order{}, ports.ErrUnknownOrder
		}
		ref = refOf(i.opt.Name, key)
	}
	defer i.orders.lock(ref)()
	rec, err := i.load(ref)
	if err != nil {
		return ports.Order{}, err
	}
	if rec.URL == "" && !rec.final() && !rec.Again {
		return ports.Order{}, ports.ErrUnknownOrder
	}
	return i.advance(ctx, rec, false)
}

// Cancel gives an order up: what was presented is removed, and pending authorizations
// are deactivated. An issued certificate can only be revoked.
func (i *Issuer) Cancel(ctx context.Context, ref string) error {
	defer i.orders.lock(ref)()
	rec, err := i.load(ref)
	switch {
	case err != nil:
		return &ports.PermanentError{Err: err}
	case rec.Step == stepIssued:
		return permanent("acme.issued")
	case rec.final():
		return nil
	}
	open := rec.URL != ""
	rec.Step = stepCancelled
	if err := i.save(ctx, rec); err != nil {
		return err
	}
	i.cleanUp(ctx, rec)
	if err := i.save(ctx, rec); err != nil || !open {
		return err
	}
	c, err := i.connect(ctx)
	if err != nil {
		return err
	}
	for n := range rec.Authorizations {
		if a := &rec.Authorizations[n]; !a.Done {
			_, _, err := try(ctx, i, whatDeactivate, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, c.Authorizations.Deactivate(ctx, a.URL)
			})
			var answer *answerError
			if err != nil && (!errors.As(err, &answer) || !answer.refused()) { // a refused one is pending no more
				return err
			}
		}
	}
	return nil
}

// load reads an order's record.
func (i *Issuer) load(ref string) (*orderRecord, error) {
	rec := &orderRecord{}
	_, err := i.get(i.orderCell(ref), rec)
	if errors.Is(err, model.ErrNotFound) {
		_, err = i.get(i.doneCell(ref), rec)
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil, ports.ErrUnknownOrder
	}
	return rec, err
}

// newRecord returns the record of a request of which nothing was sent yet.
func (i *Issuer) newRecord(r ports.CertificateRequest) (*orderRecord, error) {
	if r.Level != model.DV {
		return nil, permanent("acme.level", "level", string(r.Level))
	}
	if len(r.Names) == 0 {
		return nil, permanent("acme.no-names")
	}
	csr, err := r.CSR()
	if err != nil {
		return nil, err
	}
	rec := &orderRecord{
		Key: r.Key, Names: slices.Clone(r.Names), CSR: csr, Profile: i.opt.Profile, Replaces: certificateID(r.Replaces),
		Made: i.now().Unix(), Renews: len(r.Replaces) > 0,
	}
	if i.opt.SendNotAfter && !r.NotAfter.IsZero() {
		rec.NotAfter = r.NotAfter.Unix()
	}
	key, err := rec.public()
	if err != nil {
		return nil, &ports.PermanentError{Err: err}
	}
	if !bundle.SamePublic(key, r.Public) {
		return nil, permanent("acme.other-key")
	}
	return rec, nil
}

func (o *orderRecord) public() (any, error) {
	csr, err := x509.ParseCertificateRequest(o.CSR)
	if err != nil {
		return nil, model.Fail("acme.csr", "cause", err)
	}
	return csr.PublicKey, nil
}

// certificateID returns the identifier of a certificate (RFC 9773 section 4.1), ""
// if it cannot have one.
func certificateID(der []byte) string {
	leaf, err := x509.ParseCertificate(der)
	if err != nil || len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber.Sign() <= 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." +
		base64.RawURLEncoding.EncodeToString(serialBytes(leaf.SerialNumber))
}

// serialBytes is the content of the DER INTEGER of a positive number.
func serialBytes(n *big.Int) []byte {
	b := n.Bytes()
	if b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return b
}

// advance goes on with an order until it is final, ready (unless finalize is set), or
// waits for something that does not come within the call.
func (i *Issuer) advance(ctx context.Context, rec *orderRecord, finalize bool) (ports.Order, error) {
	if rec.final() {
		return i.answer(rec), nil
	}
	if wait := unixMilli(rec.NotBefore).Sub(i.now()); rec.NotBefore != 0 && wait > 0 {
		if rec.URL == "" || wait > i.opt.Patience {
			return i.paused(rec, wait)
		}
		if err := i.opt.Sleep(ctx, wait); err != nil {
			return ports.Order{}, err
		}
	}
	c, err := i.connect(ctx)
	if err == nil && rec.URL == "" {
		i.cleanLeft(ctx)
		if err = i.mayOrder(ctx, c, rec.Names); err == nil {
			err = i.newOrder(ctx, c, rec)
		}
	}
	var o ports.Order
	switch {
	case err != nil:
	case rec.Account != c.account:
		o, err = i.fail(ctx, rec, model.Say("acme.account-changed", "host", i.host()))
	default:
		o, err = i.follow(ctx, c, rec, finalize)
	}
	if hasKind(err, accountDoesNotExist) {
		err = errors.Join(err, i.forgetAccount(ctx))
	}
	if err != nil {
		return i.hold(ctx, rec, err)
	}
	return o, i.notice(ctx, nil)
}

// paused is the answer while the CA wants no request.
func (i *Issuer) paused(rec *orderRecord, wait time.Duration) (ports.Order, error) {
	if rec.URL == "" {
		return ports.Order{}, &ports.RetryAfterError{Err: &ports.DownError{Err: model.Fail("acme.busy", "host", i.host())}, After: wait}
	}
	o := i.answer(rec)
	o.PollAfter = wait
	return o, nil
}

// hold keeps the pause that an error asks for with the order.
func (i *Issuer) hold(ctx context.Context, rec *orderRecord, err error) (ports.Order, error) {
	var pause *ports.RetryAfterError
	if errors.As(err, &pause) && pause.OverBudget { // the budget tells it again, unless it has refilled
		return ports.Order{}, err
	}
	if kept := i.notice(ctx, err); kept != nil {
		return ports.Order{}, errors.Join(err, kept)
	}
	if pause != nil {
		rec.NotBefore = i.now().Add(pause.After).UnixMilli()
		if kept := i.save(ctx, rec); kept != nil {
			return ports.Order{}, kept
		}
	}
	return ports.Order{}, err
}

// newOrder sends the order. One whose answer was lost expires at the CA by itself; it
// cannot be asked for, since only the answer tells its URL.
func (i *Issuer) newOrder(ctx context.Context, c *client, rec *orderRecord) error {
	for {
		if err := i.reserve(ctx, c, rec); err != nil {
			return err
		}
		rec.Step, rec.Account = stepOrdering, c.account
		rec.Sent++
		if err := i.save(ctx, rec); err != nil {
			return err
		}
		opt := &api.OrderOptions{Profile: rec.Profile, ReplacesCertID: rec.Replaces}
		if rec.NotAfter != 0 {
			opt.NotAfter = unix(rec.NotAfter)
		}
		o, _, err := try(ctx, i, whatOrder, func(ctx context.Context) (acme.ExtendedOrder, error) {
			return c.Orders.New(ctx, rec.Names, opt)
		})
		if err == nil {
			err = i.checkOrderURL(o.Location)
		}
		if err == nil {
			rec.Step, rec.URL, rec.NotBefore = stepOpen, o.Location, 0
			return i.save(ctx, rec)
		}
		var answer *answerError
		switch {
		case !errors.As(err, &answer):
			return err
		case !answer.refused(): // a CA may even break on a certificate that it did not issue
			rec.Replaces = ""
			return errors.Join(err, i.save(ctx, rec))
		}
		rec.Step = stepNew
		rec.Sent--
		retry := rec.Replaces != "" && refusesReplaces(answer)
		if retry {
			rec.Replaces = ""
		}
		if kept := i.save(ctx, rec); kept != nil || !retry {
			return errors.Join(kept, err)
		}
	}
}

// orderAgain orders once more, after an order that was lost with the process that showed its
// proofs: the attempt goes on.
func (i *Issuer) orderAgain(ctx context.Context, c *client, rec *orderRecord) error {
	i.cleanUp(ctx, rec)
	rec.Again, rec.Step, rec.URL, rec.Authorizations = true, stepNew, "", nil
	if err := i.save(ctx, rec); err != nil {
		return err
	}
	return i.newOrder(ctx, c, rec)
}

// checkOrderURL refuses an address that could never be asked.
func (i *Issuer) checkOrderURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || s == "" {
		return model.Fail("acme.no-order-url", "host", i.host())
	}
	i.mu.Lock()
	d := i.dir
	i.mu.Unlock()
	return i.failed(d.t.known(u))
}

// refusesReplaces reports whether a CA may have refused an order because of the
// certificate that it replaces: a renewal must not fail by that.
func refusesReplaces(a *answerError) bool {
	switch a.kind() {
	case "alreadyReplaced", "malformed", "unauthorized", "":
		return a.Status != http.StatusTooManyRequests
	}
	return a.Status == http.StatusNotFound || a.Status == http.StatusConflict
}

// follow asks for the order and does what its status calls for, until it is final,
// ready, or waits for longer than a call may take.
func (i *Issuer) follow(ctx context.Context, c *client, rec *orderRecord, finalize bool) (ports.Order, error) {
	until := i.now().Add(i.opt.Patience)
	for pause := firstPoll; ; pause = min(pause*2, pollEvery) {
		o, x, err := try(ctx, i, whatLook, func(ctx context.Context) (acme.ExtendedOrder, error) { return c.Orders.Get(ctx, rec.URL) })
		if isGone(err) {
			return i.fail(ctx, rec, model.Say("acme.order-gone", "cause", err))
		}
		if err != nil {
			return ports.Order{}, err
		}
		after := x.after
		switch o.Status {
		case acme.StatusPending:
			waiting, asked, err := i.authorize(ctx, c, rec, o.Authorizations, until)
			if errors.As(err, new(*ports.PermanentError)) { // this order cannot be authorized, another may be
				return i.fail(ctx, rec, model.TextOf(err))
			}
			if err != nil {
				return ports.Order{}, err
			}
			if waiting != nil {
				return *waiting, nil
			}
			after = max(after, asked)
		case acme.StatusReady:
			i.cleanUp(ctx, rec)
			if !finalize {
				rec.NotBefore = 0
				return ports.Order{Ref: refOf(i.opt.Name, rec.Key), Status: ports.OrderReady, Left: proofsOf(rec.Left)}, i.save(ctx, rec)
			}
			if after, err = i.finalize(ctx, c, rec, o.Finalize); err != nil {
				return ports.Order{}, err
			}
		case acme.StatusProcessing:
			i.cleanUp(ctx, rec)
		case acme.StatusValid:
			i.cleanUp(ctx, rec)
			return i.download(ctx, c, rec, o.Certificate)
		case acme.StatusInvalid:
			lost := i.lostPort(rec) && rec.Step == stepOpen && !rec.Again
			why, err := i.whyInvalid(ctx, c, rec, o)
			if err != nil {
				return ports.Order{}, err
			}
			if !lost {
				return i.fail(ctx, rec, why)
			}
			if err := i.orderAgain(ctx, c, rec); err != nil {
				return ports.Order{}, err
			}
		default:
			return ports.Order{}, model.Fail("acme.status", "status", o.Status)
		}
		wait := max(after, pause)
		if i.now().Add(wait).After(until) {
			rec.NotBefore = i.now().Add(max(after, firstPoll)).UnixMilli()
			r := i.answer(rec)
			r.PollAfter = max(after, pollEvery)
			return r, i.save(ctx, rec)
		}
		if err := i.opt.Sleep(ctx, wait); err != nil {
			return ports.Order{}, err
		}
	}
}

// finalize sends the stored CSR. The order was asked for just before.
func (i *Issuer) finalize(ctx context.Context, c *client, rec *orderRecord, at string) (time.Duration, error) {
	rec.Step = stepFinalizing
	rec.Finalize++
	if err := i.save(ctx, rec); err != nil {
		return 0, err
	}
	_, x, err := try(ctx, i, whatFinalize, func(ctx context.Context) (acme.ExtendedOrder, error) {
		return c.Orders.UpdateForCSR(ctx, at, rec.CSR)
	})
	if hasKind(err, "orderNotReady") { // it was finalized by a request whose answer was lost
		return x.after, nil
	}
	var answer *answerError
	if err != nil && !errors.As(err, &answer) && x.answered {
		return x.after, nil // an invalid order, or an answer that makes no sense: it is asked for next
	}
	return x.after, err
}

// fail ends an order that cannot yield a certificate.
func (i *Issuer) fail(ctx context.Context, rec *orderRecord, why model.Text) (ports.Order, error) {
	i.cleanUp(ctx, rec)
	rec.Step, rec.Problem = stepFailed, string(why)
	if err := i.save(ctx, rec); err != nil {
		return ports.Order{}, err
	}
	return i.answer(rec), nil
}

// answer is what the record says of the order, without asking the CA.
func (i *Issuer) answer(rec *orderRecord) ports.Order {
	o := ports.Order{Ref: refOf(i.opt.Name, rec.Key), Left: proofsOf(rec.Left)}
	switch rec.Step {
	case stepIssued:
		o.Status, o.Chain, o.Root = ports.OrderValid, rec.Chain, rec.Root
	case stepFailed:
		o.Status, o.Problem = ports.OrderInvalid, model.Text(rec.Problem)
	case stepCancelled:
		o.Status, o.Problem = ports.OrderInvalid, model.Say("acme.cancelled")
	case stepFinalizing:
		o.Status = ports.OrderProcessing
	default:
		o.Status, o.WaitFor = ports.OrderPending, model.Say("await.validation", "host", i.host())
		if slices.ContainsFunc(rec.Authorizations, func(a authorizationRecord) bool { return a.Unseen && !a.Done }) {
			o.WaitFor = model.Say("await.validation-unseen", "host", i.host())
		}
		o.Proofs = rec.manualProofs()
	}
	return o
}
