package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-acme/lego/v5/acme"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// problemSpace begins the types of ACME's problem documents (RFC 8555 section 6.7).
const problemSpace = "urn:ietf:params:acme:error:"

const (
	badNonce            = "badNonce"
	accountDoesNotExist = "accountDoesNotExist"
	unauthorized        = "unauthorized"
)

// problems are the types of problem documents with the code that says in plain words
// what is wrong and what to do. Permanent ones stay as long as nobody changes something.
var problems = map[string]struct {
	code      string
	permanent bool
}{
	accountDoesNotExist:       {"acme.problem.account", false},
	"badCSR":                  {"acme.problem.csr", true},
	"badPublicKey":            {"acme.problem.key", true},
	"badRevocationReason":     {"acme.problem.reason", true},
	"badSignatureAlgorithm":   {"acme.problem.algorithm", true},
	"caa":                     {"acme.problem.caa", true},
	"connection":              {"acme.problem.connection", false},
	"dns":                     {"acme.problem.dns", false},
	"externalAccountRequired": {"acme.problem.eab", true},
	"incorrectResponse":       {"acme.problem.response", false},
	"invalidContact":          {"acme.problem.contact", true},
	"invalidProfile":          {"acme.problem.profile", true},
	"rateLimited":             {"acme.problem.limit", false},
	"rejectedIdentifier":      {"acme.problem.identifier", true},
	"serverInternal":          {"acme.problem.internal", false},
	"tls":                     {"acme.problem.tls", false},
	unauthorized:              {"acme.problem.unauthorized", false},
	"unsupportedContact":      {"acme.problem.contact", true},
	"unsupportedIdentifier":   {"acme.problem.identifier", true},
	"userActionRequired":      {"acme.problem.action", true},
}

// textOf says a problem document in plain words, with the CA's own and those of its
// sub-problems.
func textOf(p *acme.ProblemDetails) model.Text {
	said := model.Quoted("ca", p.Detail)
	if p.Detail == "" {
		said = model.Quoted("ca", p.Type)
	}
	known, ok := problems[trimKind(p.Type)]
	if !ok {
		known.code = "acme.problem.other"
	}
	t := model.Say(known.code, "said", said)
	if p.Instance != "" {
		t = model.Texts(t, model.Say("acme.problem.instance", "url", p.Instance))
	}
	for _, s := range p.SubProblems {
		said := model.Say("acme.problem.sub", "name", s.Identifier.Value, "said", model.Quoted("ca", s.Detail))
		if k, ok := problems[trimKind(s.Type)]; ok {
			said = model.Say(
				"acme.problem.sub",
				"name",
				s.Identifier.Value,
				"said",
				model.Say(k.code, "said", model.Quoted("ca", s.Detail)),
			)
		}
		t = model.Texts(t, said)
	}
	return t
}

func trimKind(s string) string { return (&answerError{Problem: &acme.ProblemDetails{Type: s}}).kind() }

// isPermanent reports whether a problem stays until somebody changes something: itself,
// or one of its sub-problems.
func isPermanent(p *acme.ProblemDetails) bool {
	return problems[trimKind(p.Type)].permanent ||
		slices.ContainsFunc(p.SubProblems, func(s acme.SubProblem) bool { return problems[trimKind(s.Type)].permanent })
}

// hasKind reports whether an error is a refusal with a type of problem.
func hasKind(err error, kind string) bool {
	var a *answerError
	return errors.As(err, &a) && a.kind() == kind
}

// isGone reports whether the CA does not know an order that it made.
func isGone(err error) bool {
	var a *answerError
	return errors.As(err, &a) && (a.Status == http.StatusNotFound || a.Status == http.StatusGone)
}

// failed turns an error of a request into one for people: it says what was wrong, is
// permanent where no retry can help, and carries the pause that the CA asked for.
func (i *Issuer) failed(err error) error {
	var answer *answerError
	var pause *ports.RetryAfterError
	var coded *model.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer):
		return i.refused(answer)
	case errors.As(err, &pause):
		return pause
	case errors.As(err, &coded), errors.As(err, new(*ports.PermanentError)):
		return err
	}
	return &ports.DownError{Err: i.unanswered(err)}
}

func (i *Issuer) refused(a *answerError) error {
	var e *model.Error
	if a.Problem != nil {
		e = &model.Error{Text: textOf(a.Problem), Err: a}
	} else {
		e = model.Fail("acme.answer", "host", i.host(), "status", a.Status).Wrapping(a)
	}
	down := a.Status == http.StatusTooManyRequests || a.Status >= http.StatusInternalServerError
	switch {
	case a.After > 0 && down:
		return &ports.RetryAfterError{Err: &ports.DownError{Err: e}, After: a.After}
	case a.After > 0:
		return &ports.RetryAfterError{Err: e, After: a.After}
	case down:
		return &ports.DownError{Err: e}
	case a.Problem != nil && isPermanent(a.Problem):
		return &ports.PermanentError{Err: e}
	}
	return e
}

// unanswered says why a request got no answer that could be read.
func (i *Issuer) unanswered(err error) error {
	host := i.host()
	var (
		stopped   blocked
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		name      x509.HostnameError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		lookup    *net.DNSError
		request   *url.Error
	)
	switch {
	case errors.As(err, &stopped):
		return model.Fail(string(stopped), "host", host).Wrapping(err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return model.Fail("acme.tls-expired", "host", host, "cause", err)
	case errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &verify):
		return model.Fail("acme.tls-untrusted", "host", host, "cause", err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record), errors.As(err, &alert):
		return model.Fail("acme.no-tls", "host", host, "cause", err)
	case errors.As(err, &lookup):
		return model.Fail("acme.no-host", "host", host, "cause", err)
	case errors.As(err, &request) && strings.HasPrefix(request.URL, "http://"): // the library refused it
		return model.Fail("acme.no-https", "host", host).Wrapping(err)
	case errors.As(err, &request):
		return model.Fail("acme.unreachable", "host", host, "cause", request.Err)
	}
	return model.Fail("acme.garbled", "host", host, "cause", err)
}
