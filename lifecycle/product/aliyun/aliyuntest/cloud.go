// Package aliyuntest stands in for Alibaba Cloud in tests: an HTTP server with the actions
// that package aliyun calls, made from their documentation. It checks signatures, the
// parameters with their positions, and regions; it throttles and fails as it is told; and it
// presents the certificates that are configured, so that handshakes are real.
package aliyuntest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Call is a call that arrived.
type Call struct {
	Service, Region, Action string
	Query, Form             url.Values
	URL                     string
}

// Fault is what goes wrong with a call. The zero value is nothing.
type Fault struct {
	Status int
	Code   string
	After  bool // it acts all the same, and the answer is lost
	Cut    bool // the connection is cut in place of an answer
}

// Cloud is one account. Its exported fields are set before it is used.
type Cloud struct {
	KeyID, Secret string
	Now           func() time.Time // of certificates; calls are signed with the real time
	// Fault, when not nil, says what goes wrong with a call.
	Fault func(Call) Fault
	// Strict means that parameters in the body are not seen by actions that declare them
	// for the query, as signature version 3 is documented.
	Strict bool
	// Inactive are services that the account has not activated.
	Inactive []string
	// JobTime is how long the jobs of ALB and NLB take.
	JobTime time.Duration

	t       testing.TB
	mu      sync.Mutex
	servers map[string]*httptest.Server // by region
	calls   []Call
	nonces  map[string]bool
	state
}

// New makes an account without anything in it.
func New(t testing.TB, now func() time.Time) *Cloud {
	c := &Cloud{
		KeyID: "LTAItest", Secret: "the secret of the access key", Now: now, JobTime: 5 * time.Millisecond,
		t: t, servers: map[string]*httptest.Server{}, nonces: map[string]bool{}, state: newState(),
	}
	return c
}

// Endpoints are the settings with which all services are reached here.
func (c *Cloud) Endpoints(regions ...string) []string {
	all := []string{"cas=" + c.server("cn-hangzhou")}
	for _, service := range []string{"cdn", "dcdn", "scdn"} {
		all = append(all, service+"="+c.server("cn-hangzhou"))
	}
	for _, region := range regions {
		for _, service := range []string{"slb", "alb", "nlb", "waf"} {
			all = append(all, service+"."+region+"="+c.server(region))
		}
	}
	return all
}

func (c *Cloud) server(region string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.servers[region]
	if s == nil {
		s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, region) }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		c.servers[region] = s
		c.t.Cleanup(s.Close)
	}
	return s.URL
}

// Calls are the calls so far.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Count is how often an action was called.
func (c *Cloud) Count(action string) (n int) {
	for _, call := range c.Calls() {
		if call.Action == action {
			n++
		}
	}
	return n
}

// failure is an answer in place of a result.
type failure struct {
	Status    int `json:"-"`
	Code      string
	Message   string
	RequestId string //nolint:revive // as in JSON
}

func refuse(status int, code, format string, args ...any) *failure {
	return &failure{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request, region string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call := Call{Region: region, Action: r.Header.Get("X-Acs-Action"), Query: r.URL.Query(), URL: r.URL.String()}
	call.Form, _ = url.ParseQuery(string(body))
	for service, version := range versions {
		if version == r.Header.Get("X-Acs-Version") {
			call.Service = service
		}
	}
	var fault Fault
	if c.Fault != nil {
		fault = c.Fault(call)
	}
	c.mu.Lock()
	c.calls = append(c.calls, call)
	n := len(c.calls)
	var result any
	bad := c.verify(r, string(body), call)
	if bad == nil && (fault == Fault{} || fault.After) {
		c.settle()
		result, bad = c.act(call)
	}
	c.mu.Unlock()
	if fault.Cut {
		panic(http.ErrAbortHandler)
	}
	if fault.Code != "" && (bad == nil || !fault.After) {
		bad = refuse(fault.Status, fault.Code, "as the test wants")
	}
	id := fmt.Sprintf("REQUEST-%d", n)
	w.Header().Set("Content-Type", "application/json")
	if bad != nil {
		bad.RequestId = id
		w.WriteHeader(bad.Status)
		_ = json.NewEncoder(w).Encode(bad)
		return
	}
	answer := map[string]any{"RequestId": id}
	if more, ok := result.(map[string]any); ok {
		for k, v := range more {
			answer[k] = v
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// verify checks who calls, and what no call may have.
func (c *Cloud) verify(r *http.Request, body string, call Call) *failure {
	for name, values := range call.Query {
		if strings.Contains(strings.Join(values, ""), "PRIVATE KEY") || slices.Contains([]string{"Key", "PrivateKey", "SSLPri"}, name) {
			c.t.Errorf("%s has a private key in its address", call.Action)
			return refuse(http.StatusBadRequest, "InvalidParameter", "a private key in the address")
		}
	}
	credential, signed, given := authorization(r.Header.Get("Authorization"))
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/":
		return refuse(http.StatusMethodNotAllowed, "UnsupportedHTTPMethod", "%s %s", r.Method, r.URL.Path)
	case credential != c.KeyID:
		return refuse(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	case sum(body) != r.Header.Get("X-Acs-Content-Sha256"):
		return refuse(http.StatusBadRequest, "SignatureDoesNotMatch", "the hash of the body is another")
	case given != c.signature(r, signed):
		return refuse(http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")
	case c.nonces[r.Header.Get("X-Acs-Signature-Nonce")]:
		return refuse(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	for _, name := range []string{
		"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256", "content-type",
	} {
		if !slices.Contains(signed, name) && (name != "content-type" || body != "") {
			return refuse(http.StatusBadRequest, "IncompleteSignature", "%s is not signed", name)
		}
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", r.Header.Get("X-Acs-Date"))
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return refuse(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	c.nonces[r.Header.Get("X-Acs-Signature-Nonce")] = true
	return nil
}

var authorizations = regexp.MustCompile(`^ACS3-HMAC-SHA256 Credential=(\S+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})$`)

func authorization(header string) (credential string, signed []string, signature string) {
	m := authorizations.FindStringSubmatch(header)
	if m == nil {
		return "", nil, ""
	}
	return m[1], strings.Split(m[2], ";"), m[3]
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// signature computes a signature as the documentation says, from the request as it arrived.
func (c *Cloud) signature(r *http.Request, signed []string) string {
	var query []string
	for name, values := range r.URL.Query() {
		for _, v := range values {
			query = append(query, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(query)
	headers := ""
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers += name + ":" + strings.TrimSpace(value) + "\n"
	}
	canonical := r.Method + "\n" + r.URL.Path + "\n" + strings.Join(query, "&") + "\n" + headers + "\n" +
		strings.Join(signed, ";") + "\n" + r.Header.Get("X-Acs-Content-Sha256")
	mac := hmac.New(sha256.New, []byte(c.Secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + sum(canonical)))
	return hex.EncodeToString(mac.Sum(nil))
}

// escape is the percent-encoding of RFC 3986.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

var number = regexp.MustCompile(`\.\d+`)

// act checks the parameters of a call by the table, and does what it asks for.
func (c *Cloud) act(call Call) (any, *failure) {
	a, ok := table[call.Service][call.Action]
	if !ok {
		return nil, refuse(http.StatusNotFound, "InvalidAction.NotFound", "%s %s", call.Service, call.Action)
	}
	if slices.Contains(c.Inactive, call.Service) {
		return nil, refuse(http.StatusForbidden, inactive[call.Service], "the service is not activated")
	}
	params, declared := params{}, strings.Fields(a.required+" "+a.optional)
	take := func(from url.Values, seen bool, where string) *failure {
		for name, values := range from {
			if !slices.Contains(declared, number.ReplaceAllString(name, ".N")) {
				return refuse(http.StatusBadRequest, "InvalidParameter", "%s has no parameter %s in the %s", call.Action, name, where)
			}
			if seen {
				params[name] = values[0]
			}
		}
		return nil
	}
	if bad := take(call.Query, !a.body, "query"); bad != nil {
		return nil, bad
	}
	if bad := take(call.Form, a.body || !c.Strict, "body"); bad != nil {
		return nil, bad
	}
	for _, name := range strings.Fields(a.required) {
		if params[strings.ReplaceAll(name, ".N", ".1")] == "" {
			return nil, refuse(http.StatusBadRequest, "Missing"+strings.Split(name, ".")[0], "%s is mandatory for this action.", name)
		}
	}
	if r := params["RegionId"]; r != "" && r != call.Region {
		return nil, refuse(http.StatusBadRequest, "InvalidRegionId", "The specified region %s does not exist here.", r)
	}
	params["region"] = call.Region
	return a.do(c, params)
}

// params are the parameters of a call by name, and "region" where it arrived.
type params map[string]string

func (p params) page(n int) (from, to int) {
	page, size := 1, n
	for _, name := range []string{"PageNumber", "CurrentPage"} {
		if v, err := strconv.Atoi(p[name]); err == nil {
			page = v
		}
	}
	for _, name := range []string{"PageSize", "ShowSize"} {
		if v, err := strconv.Atoi(p[name]); err == nil {
			size = v
		}
	}
	return min(n, (page-1)*size), min(n, page*size)
}

// listen presents certificates on a port of this machine until the test ends.
func (c *Cloud) listen(certificate func(name string) *tls.Certificate) (port int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	s := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a site") }),
		ReadHeaderTimeout: time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{
			SessionTicketsDisabled: true,
			GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.settle()
				return certificate(h.ServerName), nil
			},
		},
	}
	go func() { _ = s.ServeTLS(ln, "", "") }()
	c.t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().(*net.TCPAddr).Port
}
