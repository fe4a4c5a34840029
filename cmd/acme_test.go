package cmd_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"certquay/cmd/waittest"
	"certquay/lifecycle/issuer/acme/acmetest"
)

// cmdPebble starts a CA that speaks ACME, with the network it validates in, whose names
// are all at 127.0.0.1:
//
//	pebble [-eab] [-blocked DOMAIN] [-clock SPAN] [-hurry] [-refuse PROBLEM] PREFIX
//
// With -eab it asks for an external account, for -blocked it does not issue, its clock is
// off by -clock, with -hurry it advises to renew the first certificate at once (RFC 9773),
// and it answers each order with the -refuse problem of RFC 8555. What certquay must know
// is set in variables: PREFIX_DIR, PREFIX_ROOTS (a file), PREFIX_DNS, PREFIX_HTTP (address
// for http-01), PREFIX_HTTP_PORT, and the external account's PREFIX_KID and PREFIX_MAC (a
// file).
func cmdPebble(ts *testscript.TestScript, neg bool, args []string) {
	f := flag.NewFlagSet("pebble", flag.ContinueOnError)
	eab := f.Bool("eab", false, "")
	blocked := f.String("blocked", "", "")
	clock := f.Duration("clock", 0, "")
	hurry := f.Bool("hurry", false, "")
	refuse := f.String("refuse", "", "")
	if err := f.Parse(args); err != nil || neg || f.NArg() != 1 {
		ts.Fatalf("usage: pebble [-eab] [-blocked DOMAIN] [-clock SPAN] [-hurry] [-refuse PROBLEM] PREFIX")
	}
	prefix, port := f.Arg(0), acmetest.FreePort()
	ca, err := acmetest.New(acmetest.Options{EAB: *eab, Blocked: *blocked, HTTP: port, Wrap: func(h http.Handler) http.Handler {
		return (&hostile{next: h, clock: *clock, hurry: *hurry, refuse: *refuse})
	}})
	ts.Check(err)
	ts.Defer(ca.Close)
	pebbles.Store(ca.Directory, ca)
	roots, mac := strings.ToLower(prefix)+"-roots.pem", strings.ToLower(prefix)+"-mac.txt"
	write(ts, roots, ca.Roots)
	write(ts, mac, []byte(acmetest.MAC+"\n"))
	for name, value := range map[string]string{
		"DIR": ca.Directory, "ROOTS": ts.MkAbs(roots), "DNS": acmetest.Internet().DNS,
		"HTTP": fmt.Sprintf("127.0.0.1:%d", port), "HTTP_PORT": strconv.Itoa(port),
		"KID": acmetest.KeyID, "MAC": ts.MkAbs(mac),
	} {
		ts.Setenv(prefix+"_"+name, value)
	}
}

// pebbles are the CAs of scripts by their directories.
var pebbles sync.Map

// cmdCA asks a CA that pebble started about a certificate:
//
//	[!] ca PREFIX revoked|replaced SERIAL
func cmdCA(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: ca PREFIX revoked|replaced SERIAL")
	}
	found, _ := pebbles.Load(ts.Getenv(args[0] + "_DIR"))
	ca := found.(*acmetest.CA)
	serial, ok := new(big.Int).SetString(args[2], 16)
	if !ok {
		ts.Fatalf("%q is no serial", args[2])
	}
	var is bool
	switch args[1] {
	case "revoked":
		is = ca.Store.GetRevokedCertificateBySerial(serial) != nil
	case "replaced":
		o, err := ca.Store.GetOrderByIssuedSerial(fmt.Sprintf("%016x", serial))
		ts.Check(err)
		o.RLock()
		defer o.RUnlock()
		is = o.IsReplaced
	default:
		ts.Fatalf("unknown question %q", args[1])
	}
	if is == neg {
		ts.Fatalf("%s is %s: %v", args[2], args[1], is)
	}
}

// hostile is a CA that behaves as the flags of pebble say.
type hostile struct {
	next   http.Handler
	clock  time.Duration
	hurry  bool
	refuse string

	mu    sync.Mutex
	first string // path of the first certificate's renewal information
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.clock != 0 {
		w.Header().Set("Date", time.Now().Add(h.clock).UTC().Format(http.TimeFormat))
	}
	switch {
	case h.refuse != "" && r.URL.Path == "/"+acmetest.PathOrder:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
			"type": "urn:ietf:params:acme:error:" + h.refuse, "detail": "the CA's own words", "status": http.StatusForbidden,
		})
	case h.hurry && strings.Contains(r.URL.Path, "/renewalInfo/") && h.isFirst(r.URL.Path):
		_ = json.NewEncoder(w).Encode(map[string]any{"suggestedWindow": map[string]any{
			"start": time.Now().Add(-2 * time.Hour).UTC(), "end": time.Now().Add(-time.Hour).UTC(),
		}})
	default:
		h.next.ServeHTTP(w, r)
	}
}

func (h *hostile) isFirst(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first == "" {
		h.first = path
	}
	return h.first == path
}

// cmdUntil runs a program until what it prints matches:
//
//	until REGEXP program [args...]
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP program [args...]")
	}
	want := regexp.MustCompile(args[0])
	if !waittest.Eventually(time.Minute, func() bool {
		ts.Check(ts.Exec(args[1], args[2:]...))
		return want.MatchString(ts.ReadFile("stdout"))
	}) {
		ts.Fatalf("it never printed %s", args[0])
	}
}

// cmdExpand copies a file with the values of the variables in it: expand OUT FILE
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: expand OUT FILE")
	}
	write(ts, args[0], []byte(os.Expand(ts.ReadFile(args[1]), ts.Getenv)))
}

// cmdDNSAPI starts the interface of a DNS provider, as lego's httpreq speaks to it. It
// changes the records of the network that pebble validates in, for whom its account
// knows. What certquay must know is in the file PREFIX.env, and the same with another password in PREFIX-wrong.env:
//
//	dns-api PREFIX PASSWORD
func cmdDNSAPI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dns-api PREFIX PASSWORD")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != args[1] {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		var record struct{ FQDN, Value string }
		if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.URL.Path == "/present" {
			acmetest.Internet().AddDNSTXTRecord(record.FQDN, record.Value)
		} else {
			acmetest.Internet().DeleteDNSTXTRecord(record.FQDN)
		}
	}))
	ts.Defer(srv.Close)
	for name, password := range map[string]string{args[0]: args[1], args[0] + "-wrong": "canary-dns-wrong"} {
		write(ts, name+".env", []byte("HTTPREQ_ENDPOINT="+srv.URL+"\nHTTPREQ_USERNAME=certquay\nHTTPREQ_PASSWORD="+password+"\n"))
	}
}
