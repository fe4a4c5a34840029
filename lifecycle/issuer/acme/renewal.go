package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-acme/lego/v5/acme"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// When to ask again for renewal information, which RFC 9773 section 4.3 wants bounded,
// and after no usable answer, as its section 4.3.3 says.
const (
	soonestAdvice = time.Minute
	latestAdvice  = day
	usualAdvice   = 6 * time.Hour
)

// maxWindow is the longest window that makes sense.
const maxWindow = 400 * day

// Advise asks when to renew a certificate. Without an answer that makes sense there is
// no window, and the time to ask again is the usual one.
func (i *Issuer) Advise(ctx context.Context, leaf *x509.Certificate) (ports.Advice, error) {
	none := ports.Advice{RetryAfter: usualAdvice}
	id := certificateID(leaf.Raw)
	if id == "" {
		none.RetryAfter = latestAdvice
		return none, nil
	}
	d, err := i.fetchDirectory(ctx, false)
	if err != nil {
		return none, err
	}
	if d.RenewalInfo == "" {
		none.RetryAfter = latestAdvice
		return none, nil
	}
	info, x, err := i.renewalInfo(ctx, d, id)
	var answer *answerError
	if errors.As(err, &answer) && answer.refused() && answer.Status != http.StatusTooManyRequests {
		// It does not know the certificate: another CA issued it.
		none.Ignored = model.Say("acme.ari-refused", "cause", err)
		return none, nil
	}
	if err != nil {
		return none, err
	}
	a := ports.Advice{RetryAfter: usualAdvice}
	if x.after > 0 {
		a.RetryAfter = min(max(x.after, soonestAdvice), latestAdvice)
	}
	start, end := info.SuggestedWindow.Start, info.SuggestedWindow.End
	switch {
	case start.IsZero(), !start.Before(end):
		a.Ignored = model.Say("acme.ari-order", "from", start, "to", end)
		return a, nil
	case end.Sub(start) > maxWindow:
		a.Ignored = model.Say("acme.ari-long", "from", start, "to", end)
		return a, nil
	case start.After(leaf.NotAfter):
		a.Ignored = model.Say("acme.ari-late", "from", start, "at", leaf.NotAfter)
		return a, nil
	}
	a.Start, a.End = start.UTC(), end.UTC()
	if u, err := url.Parse(info.ExplanationURL); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		a.Explanation = u.String()
	}
	return a, nil
}

// renewalInfo asks without an account (RFC 9773 section 4.1).
func (i *Issuer) renewalInfo(ctx context.Context, d *directory, id string) (*acme.RenewalInfo, *exchange, error) {
	ctx, x := call(ctx, whatRenewal)
	info := &acme.RenewalInfo{}
	data, err := getBody(ctx, i.newHTTPClient(d.t), d.RenewalInfo+"/"+id)
	if err == nil {
		err = json.Unmarshal(data, info)
	}
	return info, x, i.failed(err)
}
