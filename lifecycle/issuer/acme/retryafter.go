package acme

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestPause bounds every Retry-After (spec C9).
const longestPause = 7 * day

// retryAfter returns the pause that an answer asks for, in seconds or as an HTTP date
// (RFC 9110 section 10.2.3); 0 if it asks for none or for one that is over.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(longestPause/time.Second))) * time.Second
	}
	if strings.Trim(v, "0123456789") == "" { // more digits than a number holds
		return longestPause
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	// The date is on the CA's clock, which its Date header tells.
	if server, err := http.ParseTime(h.Get("Date")); err == nil {
		now = server
	}
	return min(max(at.Sub(now), 0), longestPause)
}
