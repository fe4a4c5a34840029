package acme_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/ports"
)

// Each case of RFC 9773 section 4. spec: C8
func TestRenewalAdvice(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var body, retry string
	code := http.StatusOK
	p := newPebble(t, pebbleOptions{Always: true, Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(r.URL.Path, "renewalInfo") || body == "" {
				h.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Retry-After", retry)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		})
	}})
	w := newWorld(t, p, nil)
	leaf := w.issue(t, request(t, "k", newKey(t), "a.test"))
	ctx := context.Background()
	// What pebble itself advises.
	a, err := w.Advise(ctx, leaf)
	if err != nil || !a.Start.After(leaf.NotBefore) || !a.End.Before(leaf.NotAfter) || a.RetryAfter != 6*time.Hour || a.Ignored != "" {
		t.Fatalf("%+v, %v", a, err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	window := func(from, to time.Duration) string {
		return fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q},"explanationURL":"https://ca.test/why"}`,
			now.Add(from).Format(time.RFC3339), now.Add(to).Format(time.RFC3339))
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name, body, retry string
		status            int
		from, to          time.Duration // the window, from now
		ignored           string
		pause             time.Duration
	}{
		{name: "past", body: window(-3*day, -2*day), retry: "21600", from: -3 * day, to: -2 * day, pause: 6 * time.Hour},
		{name: "future", body: window(5*day, 6*day), retry: "3600", from: 5 * day, to: 6 * day, pause: time.Hour},
		{name: "end before start", body: window(6*day, 5*day), retry: "3600", ignored: "acme.ari-order", pause: time.Hour},
		{name: "no length", body: window(day, day), retry: "3600", ignored: "acme.ari-order", pause: time.Hour},
		{name: "no window", body: `{}`, retry: "3600", ignored: "acme.ari-order", pause: time.Hour},
		{name: "after the end", body: window(2000*day, 2001*day), retry: "3600", ignored: "acme.ari-late", pause: time.Hour},
		{name: "years long", body: window(-500*day, 6*day), retry: "3600", ignored: "acme.ari-long", pause: time.Hour},
		{name: "asked for at once", body: window(day, 2*day), retry: "0", from: day, to: 2 * day, pause: 6 * time.Hour},
		{name: "asked for each second", body: window(day, 2*day), retry: "1", from: day, to: 2 * day, pause: time.Minute},
		{name: "asked for never", body: window(day, 2*day), retry: "99999999999999999999", from: day, to: 2 * day, pause: day},
		{name: "asked for nonsense", body: window(day, 2*day), retry: "soon", from: day, to: 2 * day, pause: 6 * time.Hour},
		{
			name: "unknown certificate", body: `{"type":"urn:ietf:params:acme:error:malformed"}`, status: http.StatusNotFound,
			ignored: "acme.ari-refused", pause: 6 * time.Hour,
		},
	} {
		mu.Lock()
		body, retry, code = c.body, c.retry, max(c.status, http.StatusOK)
		mu.Unlock()
		a, err := w.Advise(ctx, leaf)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		want := ports.Advice{RetryAfter: c.pause}
		if c.ignored == "" {
			want.Start, want.End, want.Explanation = now.Add(c.from), now.Add(c.to), "https://ca.test/why"
		}
		if a.Ignored.Code() != c.ignored || !a.Start.Equal(want.Start) || !a.End.Equal(want.End) ||
			a.RetryAfter != want.RetryAfter || a.Explanation != want.Explanation {
			t.Errorf("%s: %+v, want %+v %s", c.name, a, want, c.ignored)
		}
	}
	mu.Lock()
	body, code, retry = "busy", http.StatusServiceUnavailable, "120"
	mu.Unlock()
	var pause *ports.RetryAfterError
	if _, err := w.Advise(ctx, leaf); !asPause(err, &pause) || pause.After != 2*time.Minute {
		t.Errorf("busy: %v", err)
	}
}
