// Package metrics serves health and Prometheus metrics over HTTP (spec O2).
package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
)

// Source is what is measured. Its functions are called for each request, from any
// goroutine.
type Source struct {
	Version  string
	Engine   func() (lifecycle.Metrics, error)
	Sealed   func() bool
	Writable func() error // why nothing can be written to the store, or nil
	Away     func() bool  // the database of the store does not answer
	Sessions func() int
	// Size returns the size of the store, and the free space beside it, in bytes; a negative
	// one is not known.
	Size func() (used, free int64, err error)
	Log  *slog.Logger
}

// Limits of a request.
const (
	timeout   = 10 * time.Second
	atOnce    = 4
	maxHeader = 16 << 10
)

// NewServer returns a server of /healthz, /readyz and /metrics. It answers to anybody: it
// tells numbers, and no names.
func NewServer(s Source) *http.Server { return newServer(collector{s}, s.unready, s.Log) }

// NewStandby returns a server for a process that waits to own the store (spec E2). It is
// healthy and not ready.
func NewStandby(version string, log *slog.Logger) *http.Server {
	return newServer(standby{version}, func() []string { return []string{standingBy} }, log)
}

func newServer(measured prometheus.Collector, unready func() []string, logger *slog.Logger) *http.Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), measured,
	)
	log := slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, unready()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: log, MaxRequestsInFlight: atOnce, Timeout: timeout,
	}))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: 2 * timeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: log,
	}
}

// Reasons of /readyz. They are for programs, so they do not change.
const (
	sealed     = "sealed"       // the passphrase was not entered yet
	unwritable = "unwritable"   // nothing can be written to the store
	unreadable = "unreadable"   // the store cannot be read
	idle       = "no-scheduler" // the scheduler has not finished a pass for half an hour
	standingBy = "standby"      // another process owns the store, or its database does not answer
)

// unready returns why certquay does not renew and deploy now; nil if it does.
func (s Source) unready() (why []string) {
	if s.Sealed() {
		return []string{sealed}
	}
	if err := s.Writable(); err != nil {
		why = append(why, unwritable)
	}
	m, err := s.Engine()
	switch {
	case err != nil:
		why = append(why, unreadable)
	case m.Now.Sub(m.LastPass) > lifecycle.PassOverdue:
		why = append(why, idle)
	}
	return why
}

// answer writes ok, or status 503 with what is wrong, one a line.
func answer(w http.ResponseWriter, why []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if len(why) == 0 {
		why = []string{"ok"}
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = fmt.Fprintln(w, strings.Join(why, "\n")) // an error means that nobody reads it
}

// collector reads a source. It implements [prometheus.Collector].
type collector struct{ s Source }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("certquay_"+name, help, labels, nil)
}

var (
	build        = describe("build_info", "The version that runs.", "version")
	owns         = describe("owner", "1 on the process that owns the store, 0 on one that stands by.")
	isSealed     = describe("sealed", "1 while the passphrase of the store was not entered, else 0.")
	writable     = describe("store_writable", "1 while the store accepts writes, else 0.")
	storeBytes   = describe("store_bytes", "Size of the data directory, or in a database of its table or of an etcd node.")
	freeBytes    = describe("store_free_bytes", "Free space of the volume of the data directory; absent for a store in a database.")
	sessions     = describe("sessions", "Dashboards and verbs that run, those over SSH included.")
	certificates = describe("certificates", "Certificates by state.", "state")
	conditions   = describe("certificate_conditions", "Certificates for which a condition holds; several may.", "condition")
	nextExpiry   = describe("next_expiry_seconds",
		"Time until the next certificate expires that is issued and not replaced; absent if there is none.")
	running      = describe("jobs_running", "Jobs that run now.")
	jobs         = describe("jobs_total", "Jobs that have finished since the start, by kind and result.", "kind", "result")
	failures     = describe("job_failures_total", "Failed attempts of jobs since the start, those that are retried included.", "kind")
	deployments  = describe("deployments_total", "Deployments that have finished since the start, by result.", "result")
	openNotices  = describe("notices_open", "Notices that are still to be delivered.")
	notices      = describe("notices_total", "Notices that are done since the start, by outcome.", "outcome")
	noticeErrors = describe("notice_failures_total", "Failed attempts at the delivery of notices since the start.")
	openTasks    = describe("tasks_open",
		fmt.Sprintf("Tasks that wait for a person, counted up to %d.", lifecycle.MaxOpenTasks))
	lastPass = describe("scheduler_last_pass_timestamp_seconds",
		"When the scheduler last finished a pass without an error; 0 for never.")
)

// all are the metrics of certquay itself.
var all = []*prometheus.Desc{
	build, owns, isSealed, writable, storeBytes, freeBytes, sessions, certificates, conditions, nextExpiry, running, jobs, failures,
	deployments, openNotices, notices, noticeErrors, openTasks, lastPass,
}

// Describe sends the metrics.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d
	}
}

// standby measures a process that waits to own the store.
type standby struct{ version string }

// Describe sends the metrics.
func (standby) Describe(ch chan<- *prometheus.Desc) { ch <- build; ch <- owns }

// Collect measures.
func (s standby) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(build, prometheus.GaugeValue, 1, s.version)
	ch <- prometheus.MustNewConstMetric(owns, prometheus.GaugeValue, 0)
}

// unread tells a scrape that something could not be read: it fails, except while the
// database is away. Then certquay_store_writable tells so, and what is known is served.
func (c collector) unread(ch chan<- prometheus.Metric, d *prometheus.Desc, err error) {
	if !c.s.Away() {
		ch <- prometheus.NewInvalidMetric(d, err)
	}
}

// Collect measures.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(build, 1, c.s.Version)
	gauge(owns, 1)
	gauge(isSealed, truth(c.s.Sealed()))
	gauge(writable, truth(c.s.Writable() == nil))
	gauge(sessions, float64(c.s.Sessions()))
	if used, free, err := c.s.Size(); err != nil {
		c.unread(ch, storeBytes, err)
	} else {
		gauge(storeBytes, float64(used))
		if free >= 0 {
			gauge(freeBytes, float64(free))
		}
	}
	m, err := c.s.Engine()
	if err != nil {
		c.unread(ch, certificates, err)
		return
	}
	for _, s := range model.States {
		gauge(certificates, float64(m.Counts.State[s]), string(s))
	}
	for _, d := range model.DerivedValues {
		gauge(conditions, float64(m.Counts.Derived[d]), string(d))
	}
	if !m.NextExpiry.IsZero() {
		gauge(nextExpiry, m.NextExpiry.Sub(m.Now).Seconds())
	}
	gauge(running, float64(m.Running))
	gauge(openNotices, float64(m.OpenNotices))
	gauge(openTasks, float64(m.OpenTasks))
	if m.LastPass.IsZero() {
		gauge(lastPass, 0)
	} else {
		gauge(lastPass, float64(m.LastPass.Unix()))
	}
	collectTally(ch, m.Tally)
}

// collectTally sends the counters. Those that matter begin with 0, so that an increase
// shows from the first one on.
func collectTally(ch chan<- prometheus.Metric, t journal.Tally) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	ended, deployed := map[journal.JobResult]uint64{}, map[string]uint64{}
	for _, kind := range model.JobKinds {
		counter(failures, t.Failures[kind], string(kind))
		ended[journal.JobResult{Kind: kind, Result: journal.ResultOK}] = 0
		ended[journal.JobResult{Kind: kind, Result: journal.ResultFailed}] = 0
	}
	for of, n := range t.Jobs {
		ended[of] = n
	}
	for of, n := range ended {
		counter(jobs, n, string(of.Kind), of.Result)
		if of.Kind == model.JobDeploy {
			deployed[of.Result] = n
		}
	}
	for result, n := range deployed {
		counter(deployments, n, result)
	}
	outcomes := map[string]uint64{}
	for _, known := range outcomeLabels {
		outcomes[known] = 0
	}
	for outcome, n := range t.Notices {
		outcomes[outcomeLabels[outcome]] += n
	}
	for outcome, n := range outcomes {
		counter(notices, n, outcome)
	}
	counter(noticeErrors, t.NoticeFailures)
}

// outcomeLabels are the labels of the outcomes of notices.
var outcomeLabels = map[string]string{
	model.NoticeDelivered: "delivered", model.NoticeWithheld: "withheld", model.NoticeGone: "gone", model.NoticeGivenUp: "given-up",
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
