package aliyun

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/aliyun"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// busyPause is how long a caller waits after a service stayed busy.
const busyPause = time.Minute

// temporary reports whether the same call may succeed a little later: the service throttles,
// fails by itself, or is still working on an earlier change.
func temporary(err error) bool {
	var e *aliyun.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests ||
		hasPrefix(e.Code, "Throttling", "ServiceBusy", "ServiceUnavailable", "InternalError", "IncorrectStatus", "IncorrectListenerStatus",
			"ResourceInConfiguring", "OperationConflict", "Conflict.Lock", "SystemBusy", "CertStorage.failed")
}

// mayRepeat reports whether a call is made again: the service is busy, or it is not known
// what became of the call.
func mayRepeat(err error) bool {
	var lost *url.Error
	return temporary(err) || errors.As(err, &lost) && !errors.Is(err, context.Canceled)
}

func hasPrefix(code string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(code, p) {
			return true
		}
	}
	return false
}

// refusals are the messages for error codes, by prefix; the first that fits counts.
var refusals = []struct{ prefix, message string }{
	{"InvalidAccessKeyId", "aliyun.key-id"},
	{"SignatureDoesNotMatch", "aliyun.signature"},
	{"IncompleteSignature", "aliyun.signature"},
	{"InvalidTimeStamp", "aliyun.clock"},
	{"IllegalTimestamp", "aliyun.clock"},
	{"SignatureNonceUsed", "aliyun.clock"},
	{"Forbidden", "aliyun.permission"},
	{"NoPermission", "aliyun.permission"},
	{"NotAuthorized", "aliyun.permission"},
	{"UnauthorizedOperation", "aliyun.permission"},
	{"InvalidRegion", "aliyun.no-region"},
	{"CdnServiceNotFound", "aliyun.not-activated"},
	{"DcdnServiceNotFound", "aliyun.not-activated"},
	{"ScdnServiceNotFound", "aliyun.not-activated"},
	{"ServiceNotOpen", "aliyun.not-activated"},
	{"OperationDenied.ServiceNotOpen", "aliyun.not-activated"},
	{"Certificate.NotFind", "aliyun.certificate-gone"},
	{"ServerCertificateId.NotFound", "aliyun.certificate-gone"},
}

// missing are the codes for a resource that is not there.
var missing = []string{
	"InvalidDomain.NotFound", "InvalidDomainName.NotFound", "Domain.NotFound", "DomainNotFound", "InvalidLoadBalancerId.NotFound",
	"ListenerNotFound", "InvalidListener.NotFound", "ResourceNotFound.Listener", "ResourceNotFound.LoadBalancer", "Waf.Domain.NotExist",
}

// explain makes the error of a call one that says what to do, and whether a repetition can
// help.
func explain(ctx context.Context, service, region, action string, err error) error {
	var e *aliyun.Error
	var explained *ports.PermanentError
	var paused *ports.RetryAfterError
	args := []any{"service", service, "region", region, "action", action, "cause", err}
	switch {
	case err == nil || errors.As(err, &explained) || errors.As(err, &paused):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case temporary(err):
		return &ports.RetryAfterError{Err: model.Fail("aliyun.busy", args...), After: busyPause}
	case !errors.As(err, &e):
		return model.Fail("aliyun.unreachable", args...)
	case hasPrefix(e.Code, missing...):
		return &ports.PermanentError{Err: model.Fail("aliyun.refused", args...).Wrapping(ports.ErrNoResource)}
	}
	for _, r := range refusals {
		if hasPrefix(e.Code, r.prefix) {
			return &ports.PermanentError{Err: model.Fail(r.message, args...)}
		}
	}
	return &ports.PermanentError{Err: model.Fail("aliyun.refused", args...)}
}

// isCode reports whether the service answered with one of the codes.
func isCode(err error, codes ...string) bool {
	var e *aliyun.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// permanent is an error that no repetition resolves.
func permanent(code string, args ...any) error {
	return &ports.PermanentError{Err: model.Fail(code, args...)}
}

// noResource is the error for a target that is not there.
func noResource(p ports.Target) error {
	return &ports.PermanentError{
		Err: model.Fail("aliyun.no-resource", "name", p.Name, "region", p.Region).Wrapping(ports.ErrNoResource),
	}
}

// missesParameter reports whether the service says that a parameter was not sent.
func missesParameter(err error) bool {
	var e *aliyun.Error
	return errors.As(err, &e) && (hasPrefix(e.Code, "Missing") || strings.HasSuffix(e.Code, ".MissingParameter"))
}

// isGone reports whether a service has no certificate of the ID that it was asked for.
func isGone(err error) bool {
	var e *aliyun.Error
	return isCode(err, "ServerCertificateId.NotFound", "Certificate.NotFind", "CertNotExist") ||
		errors.As(err, &e) && e.Status == http.StatusNotFound && !hasPrefix(e.Code, "InvalidAccessKeyId", "InvalidAction", "InvalidRegion")
}
