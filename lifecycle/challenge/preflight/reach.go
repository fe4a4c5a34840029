package preflight

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const (
	dialTimeout = 5 * time.Second
	// A CA checks the times that a client signs and the client those of certificates and
	// OCSP; none of them minds half a minute, and five minutes are what most allow.
	clockWarning = 30 * time.Second
	clockBad     = 5 * time.Minute
)

// port shows a trial token where the CA will look, and tries every address of the name:
// CAs take one of them, and prefer IPv6.
func (o Options) port(ctx context.Context, n Name, host string, address bool) (all []Finding) {
	say := func(level ports.PreflightLevel, text, hint model.Text) {
		all = append(all, Finding{Check: Port, Name: n.Name, Level: level, Text: text, Hint: hint})
	}
	port := "80"
	if n.Type == challenge.TLSALPN01 {
		port = "443"
	}
	ips := []net.IP{net.ParseIP(host)}
	if !address {
		ips = o.Resolver.Addresses(ctx, host)
	}
	if len(ips) == 0 {
		say(Bad, model.Say("preflight.no-address", "name", host), model.Say("preflight.no-address.hint", "name", host))
		return all
	}
	if n.Solver != nil && n.Proof == nil {
		token := rand.Text()
		trial := challenge.Proof{
			Order:            "preflight-" + token,
			Type:             n.Type,
			Name:             host,
			Token:            token,
			KeyAuthorization: token + ".preflight",
		}
		switch err := n.Solver.Present(ctx, trial); {
		case errors.Is(err, challenge.ErrBusy): // the proof of an order that is under way is there
			o.addresses(ctx, host, port, ips, say)
			return all
		case err != nil:
			say(Bad, model.TextOf(err), model.Say("preflight.port.own.hint"))
			return all
		}
		defer func() {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
			defer cancel()
			if err := n.Solver.CleanUp(clean, trial); err != nil {
				say(Warning, model.TextOf(err), model.Say("preflight.trial.hint"))
			}
			n.Solver.Close(trial.Order)
		}()
		seen, missing, err := n.Solver.Seen(ctx, trial)
		switch {
		case err != nil:
			say(Warning, model.TextOf(err), model.Say("preflight.again"))
		case !seen:
			say(Bad, missing, model.Say("preflight.port.hint", "port", port, "name", host))
		}
	}
	o.addresses(ctx, host, port, ips, say)
	return all
}

// addresses connects to each address.
func (o Options) addresses(ctx context.Context, host, port string, ips []net.IP, say sayFunc) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	reached := 0
	var unreached []func(ports.PreflightLevel)
	for _, ip := range ips {
		at := net.JoinHostPort(ip.String(), port)
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		conn, err := dial(ctx, "tcp", at)
		cancel()
		if err != nil {
			unreached = append(unreached, func(l ports.PreflightLevel) {
				say(
					l,
					model.Say("preflight.closed", "address", at, "cause", err),
					model.Say("preflight.port.hint", "port", port, "name", host),
				)
			})
			continue
		}
		reached++
		_ = conn.Close()
	}
	level := Warning // the CA may take an address that works
	if reached == 0 {
		level = Bad
	}
	for _, u := range unreached {
		u(level)
	}
	if len(unreached) == 0 {
		say(Good, model.Say("preflight.open", "port", port, "name", host), "")
	}
}

// clock compares the clock of the machine with the CA's.
func (o Options) clock(ctx context.Context) []Finding {
	if o.Date == nil {
		return nil
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	f := Finding{Check: Clock, Level: Good, Text: model.Say("preflight.clock.good")}
	before := now()
	date, err := o.Date(ctx)
	after := now()
	if err != nil {
		f.Level, f.Text, f.Hint = Warning, model.Say("preflight.clock.unknown", "cause", err), model.Say("preflight.again")
		return []Finding{f}
	}
	// The answer was written between the two, and its date has whole seconds.
	off := before.Sub(date.Add(time.Second))
	code := "preflight.clock.ahead"
	if date.After(after) {
		off, code = date.Sub(after), "preflight.clock.behind"
	}
	if off >= clockWarning {
		f.Level, f.Text, f.Hint = Warning, model.Say(code, "by", off.Round(time.Second)), model.Say("preflight.clock.hint")
		if off >= clockBad {
			f.Level = Bad
		}
	}
	return []Finding{f}
}

// DateOf returns a function that asks a server, such as a CA's directory, for its clock:
// the Date of its answer.
func DateOf(client *http.Client, url string) func(ctx context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
		if err != nil {
			return time.Time{}, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return time.Time{}, err
		}
		_ = resp.Body.Close() // it has none
		date, err := http.ParseTime(resp.Header.Get("Date"))
		if err != nil {
			return date, model.Fail("preflight.no-date", "url", url)
		}
		return date, nil
	}
}
