package metrics

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
)

// fake is a source whose values a test sets.
type fake struct {
	engine   lifecycle.Metrics
	failed   error
	sealed   bool
	away     bool
	writable error
}

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func working() *fake {
	return &fake{engine: lifecycle.Metrics{
		Now: now, LastPass: now.Add(-time.Minute), NextExpiry: now.Add(time.Hour),
		Counts: model.Counts{State: map[model.State]int{model.Issued: 3}},
		Tally: journal.Tally{
			Jobs: map[journal.JobResult]uint64{
				{Kind: model.JobDeploy, Result: journal.ResultOK}: 4, {Kind: model.JobDeploy, Result: "held"}: 1,
			},
			Notices: map[string]uint64{model.NoticeGivenUp: 2},
		},
	}}
}

// get asks a server for a page.
func (f *fake) get(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	s := NewServer(Source{
		Version: "1.2.3", Engine: func() (lifecycle.Metrics, error) { return f.engine, f.failed },
		Sealed: func() bool { return f.sealed }, Writable: func() error { return f.writable }, Away: func() bool { return f.away },
		Sessions: func() int { return 2 },
		Size:     func() (used, free int64, err error) { return 10, 20, nil }, Log: slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	got, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(got)
}

// Certquay is ready when it can do its work, and says which part of it cannot; it is
// healthy as long as it answers.
//
// spec: O2
func TestReadyTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, wrong := range map[string]func(*fake){
		"ok\n":                       func(*fake) {},
		"sealed\n":                   func(f *fake) { f.sealed = true },
		"unwritable\n":               func(f *fake) { f.writable = errors.New("full") },
		"unreadable\n":               func(f *fake) { f.failed = errors.New("damaged") },
		"no-scheduler\n":             func(f *fake) { f.engine.LastPass = time.Time{} },
		"unwritable\nno-scheduler\n": func(f *fake) { f.writable, f.engine.LastPass = errors.New("full"), now.Add(-time.Hour) },
	} {
		f := working()
		wrong(f)
		status, got := f.get(t, "GET", "/readyz")
		if got != want || (status == 200) != (want == "ok\n") || status != 200 && status != 503 {
			t.Errorf("status %d, %q; want %q", status, got, want)
		}
		if status, _ := f.get(t, "GET", "/healthz"); status != 200 {
			t.Errorf("%q: healthz is %d", want, status)
		}
	}
	if status, _ := working().get(t, "POST", "/metrics"); status != 405 {
		t.Errorf("a write has status %d", status)
	}
}

// spec: O2
func TestEachMetricIsServed(t *testing.T) {
	t.Parallel()
	status, page := working().get(t, "GET", "/metrics")
	if status != 200 {
		t.Fatal(status, page)
	}
	for _, line := range []string{
		`certquay_build_info{version="1.2.3"} 1`, "certquay_store_bytes 10", "certquay_store_free_bytes 20", "certquay_sessions 2",
		`certquay_certificates{state="issued"} 3`, `certquay_certificates{state="revoked"} 0`, "certquay_next_expiry_seconds 3600",
		`certquay_jobs_total{kind="deploy",result="ok"} 4`, `certquay_jobs_total{kind="renew",result="failed"} 0`,
		`certquay_deployments_total{result="held"} 1`, `certquay_deployments_total{result="failed"} 0`,
		`certquay_notices_total{outcome="given-up"} 2`,
	} {
		if !slices.Contains(strings.Split(page, "\n"), line) {
			t.Errorf("there is no %s", line)
		}
	}
	served := families(page)
	for _, d := range all {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		if !slices.Contains(served, name) {
			t.Errorf("%s is not served", name)
		}
	}
	away := working()
	away.away, away.failed, away.writable = true, errors.New("gone"), errors.New("gone")
	if status, page := away.get(t, "GET", "/metrics"); status != 200 || !strings.Contains(page, "certquay_store_writable 0\n") {
		t.Errorf("while the database is away: status %d\n%s", status, page)
	}
	broken := working()
	broken.failed = errors.New("damaged")
	if status, _ := broken.get(t, "GET", "/metrics"); status != 500 {
		t.Errorf("a store that cannot be read is scraped with status %d", status)
	}
}

// A process that stands by is healthy, not ready, and not the owner. spec: O2, E2
func TestAProcessThatStandsByAnswers(t *testing.T) {
	t.Parallel()
	s := NewStandby("1.2.3", slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "standby\n", "/metrics": "certquay_owner 0\n"} {
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Body.String(); !strings.Contains(got, want) || (w.Code == 503) != (path == "/readyz") {
			t.Errorf("%s: status %d\n%s", path, w.Code, got)
		}
	}
}

// families are the names on a page of metrics.
func families(page string) (names []string) {
	for s := bufio.NewScanner(strings.NewReader(page)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) > 3 && f[1] == "TYPE" {
			names = append(names, f[2])
		}
	}
	return names
}

// Alerts and dashboard name metrics that are served. spec: O2
func TestAlertsAndDashboardNameMetricsThatAreServed(t *testing.T) {
	t.Parallel()
	_, page := working().get(t, "GET", "/metrics")
	served := families(page)
	for _, file := range []string{"alerts.yml", "alerts_test.yml", "grafana.json"} {
		text, err := os.ReadFile("../release/" + file)
		if err != nil {
			t.Fatal(err)
		}
		used := regexp.MustCompile(`\b(certquay|process|go)_[a-z_]+\b`).FindAllString(string(text), -1)
		for _, name := range used {
			if !slices.Contains(served, name) {
				t.Errorf("%s: %s is not served", file, name)
			}
		}
		if len(used) < 5 {
			t.Errorf("%s names %d metrics", file, len(used))
		}
	}
}
