package acmetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Limits are the rate limits of a [Scripted] CA: buckets that refill evenly.
type Limits struct {
	Orders                  int // of an account, in four hours
	NewCertificates         int // for a registered domain, in seven days; renewals are free
	SameNames               int // certificates for the same names, in seven days
	Domain                  func(name string) string
	ordersPer, certificates time.Duration
}

// Scripted is a CA that speaks ACME by a clock of one's own, and counts what it is asked
// against its rate limits by itself. It takes every proof for valid and does not look at
// signatures. Its methods may be called concurrently.
type Scripted struct {
	Directory string // address of the ACME directory
	Transport http.RoundTripper

	now      func() time.Time
	profiles map[string]time.Duration
	limits   Limits
	url      string
	key      *ecdsa.PrivateKey
	root     *x509.Certificate

	mu       sync.Mutex
	nonces   map[string]bool
	accounts map[string]string    // URLs by keys
	proven   map[string]time.Time // until when authorizations of an account for a name hold
	orders   []*scriptedOrder
	buckets  map[string]bucket
	issued   map[string]bool // sets of names of which there was a certificate
	refused  []string        // orders that a limit refused
	requests int
}

// scriptedToken is the token of every challenge.
const scriptedToken = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

type scriptedOrder struct {
	account, profile, status string
	names                    []string
	chain                    []byte
}

// bucket is how many a limit still permits at a time.
type bucket struct {
	left float64
	at   time.Time
}

// StartScripted starts a CA that ends with the test. profiles are the validities of its
// certificates.
func StartScripted(t testing.TB, now func() time.Time, profiles map[string]time.Duration, limits Limits) *Scripted {
	t.Helper()
	limits.ordersPer, limits.certificates = 4*time.Hour, 7*24*time.Hour
	s := &Scripted{
		now: now, profiles: profiles, limits: limits, nonces: map[string]bool{}, accounts: map[string]string{},
		proven: map[string]time.Time{}, buckets: map[string]bucket{}, issued: map[string]bool{},
	}
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Scripted root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now().Add(-24 * time.Hour), NotAfter: now().AddDate(20, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, s.key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	if s.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.url, s.Directory, s.Transport = srv.URL, srv.URL+"/directory", srv.Client().Transport
	return s
}

// Counts returns how many orders were made, how many requests came, and which orders a
// rate limit refused.
func (s *Scripted) Counts() (orders, requests int, refused []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orders), s.requests, slices.Clone(s.refused)
}

// scriptedRequest is a signed request (RFC 8555 section 6.2).
type scriptedRequest struct {
	URL, Nonce, KID string
	JWK             json.RawMessage
	payload         []byte
}

func readRequest(r *http.Request) (q scriptedRequest, err error) {
	var jws struct{ Protected, Payload string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		return q, err
	}
	head, err := base64.RawURLEncoding.DecodeString(jws.Protected)
	if err != nil {
		return q, err
	}
	if err := json.Unmarshal(head, &q); err != nil {
		return q, err
	}
	q.payload, err = base64.RawURLEncoding.DecodeString(jws.Payload)
	return q, err
}

// ServeHTTP answers the requests of RFC 8555.
func (s *Scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	nonce := rand.Text()
	s.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	if r.URL.Path == "/directory" {
		profiles := map[string]string{}
		for p := range s.profiles {
			profiles[p] = "as it is called"
		}
		s.answer(w, http.StatusOK, map[string]any{
			"newNonce": s.url + "/nonce", "newAccount": s.url + "/account", "newOrder": s.url + "/order",
			"revokeCert": s.url + "/revoke", "keyChange": s.url + "/rollover", "meta": map[string]any{"profiles": profiles},
		})
		return
	}
	if r.Method != http.MethodPost {
		return
	}
	q, err := readRequest(r)
	switch {
	case err != nil || q.URL != s.url+r.URL.Path:
		s.refuse(w, http.StatusBadRequest, "malformed", "no request of ACME")
	case !s.nonces[q.Nonce]:
		s.refuse(w, http.StatusBadRequest, "badNonce", "an old nonce")
	default:
		delete(s.nonces, q.Nonce)
		s.post(w, r.URL.Path, &q)
	}
}

func (s *Scripted) post(w http.ResponseWriter, path string, q *scriptedRequest) {
	what, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	id, name, _ := strings.Cut(rest, "/")
	switch n, err := strconv.Atoi(id); {
	case what == "account":
		s.account(w, q)
	case what == "order" && rest == "":
		s.newOrder(w, q)
	case err != nil || n >= len(s.orders):
		s.refuse(w, http.StatusNotFound, "malformed", "nothing is there")
	default:
		s.about(w, what, n, name, q)
	}
}

// about answers a request about an order.
func (s *Scripted) about(w http.ResponseWriter, what string, n int, name string, q *scriptedRequest) {
	o := s.orders[n]
	switch what {
	case "authorization":
		challenge := map[string]any{
			"type":   "http-01",
			"url":    fmt.Sprintf("%s/challenge/%d/%s", s.url, n, name),
			"token":  scriptedToken,
			"status": "pending",
		}
		status := "pending"
		if s.isProven(o, name) {
			status, challenge["status"] = "valid", "valid"
		}
		s.answer(w, http.StatusOK, map[string]any{
			"status": status, "identifier": map[string]any{"type": "dns", "value": name}, "challenges": []any{challenge},
		})
	case "challenge":
		s.proven[o.account+" "+name] = s.now().AddDate(0, 0, 30)
		s.answer(w, http.StatusOK, map[string]any{
			"type": "http-01", "url": fmt.Sprintf("%s/challenge/%d/%s", s.url, n, name), "token": scriptedToken, "status": "valid",
		})
	case "finalize":
		if err := s.sign(o, q.payload); err != nil {
			s.refuse(w, http.StatusBadRequest, "badCSR", err.Error())
			return
		}
		s.show(w, http.StatusOK, n)
	case "certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(o.chain) // the client may be gone
	default:
		s.show(w, http.StatusOK, n)
	}
}

func (s *Scripted) isProven(o *scriptedOrder, name string) bool {
	return s.now().Before(s.proven[o.account+" "+name])
}

func (s *Scripted) account(w http.ResponseWriter, q *scriptedRequest) {
	status := http.StatusOK
	if s.accounts[string(q.JWK)] == "" {
		s.accounts[string(q.JWK)] = fmt.Sprintf("%s/account/%d", s.url, len(s.accounts))
		status = http.StatusCreated
	}
	w.Header().Set("Location", s.accounts[string(q.JWK)])
	s.answer(w, status, map[string]any{"status": "valid"})
}

func (s *Scripted) newOrder(w http.ResponseWriter, q *scriptedRequest) {
	var asked struct {
		Identifiers []struct{ Value string }
		Profile     string
	}
	if err := json.Unmarshal(q.payload, &asked); err != nil || s.profiles[asked.Profile] == 0 {
		s.refuse(w, http.StatusBadRequest, "malformed", "no order")
		return
	}
	o := &scriptedOrder{account: q.KID, profile: asked.Profile}
	for _, i := range asked.Identifiers {
		o.names = append(o.names, i.Value)
	}
	if !s.permits(o) {
		s.refused = append(s.refused, fmt.Sprintf("%s %v", s.now().Format(time.RFC3339), o.names))
		w.Header().Set("Retry-After", "3600")
		s.refuse(w, http.StatusTooManyRequests, "rateLimited", "too many")
		return
	}
	s.orders = append(s.orders, o)
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", s.url, len(s.orders)-1))
	s.show(w, http.StatusCreated, len(s.orders)-1)
}

// permits takes an order from the buckets, if each has one left.
func (s *Scripted) permits(o *scriptedOrder) bool {
	set := strings.Join(o.names, ",")
	take := map[string]bucket{}
	draw := func(subject string, of int, per time.Duration) bool {
		now, full := s.now(), float64(of)
		b, used := s.buckets[subject]
		if !used {
			b = bucket{full, now}
		}
		b.left = min(full, b.left+full*float64(now.Sub(b.at))/float64(per)) - 1
		take[subject] = bucket{b.left, now}
		return b.left > -1e-6
	}
	ok := draw("account "+o.account, s.limits.Orders, s.limits.ordersPer) && draw("set "+set, s.limits.SameNames, s.limits.certificates) &&
		(s.issued[set] || draw("domain "+s.limits.Domain(o.names[0]), s.limits.NewCertificates, s.limits.certificates))
	if ok {
		s.issued[set] = true
		for subject, b := range take {
			s.buckets[subject] = b
		}
	}
	return ok
}

// sign issues what an order is for.
func (s *Scripted) sign(o *scriptedOrder, payload []byte) error {
	var asked struct{ CSR string }
	if err := json.Unmarshal(payload, &asked); err != nil {
		return err
	}
	der, err := base64.RawURLEncoding.DecodeString(asked.CSR)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial, DNSNames: o.names, NotBefore: s.now().UTC(), NotAfter: s.now().UTC().Add(s.profiles[o.profile] - time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, s.root, csr.PublicKey, s.key)
	if err != nil {
		return err
	}
	o.status = "valid"
	for _, c := range [][]byte{signed, s.root.Raw} {
		o.chain = append(o.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return nil
}

// show answers with an order.
func (s *Scripted) show(w http.ResponseWriter, code, n int) {
	o := s.orders[n]
	status, ids, authorizations := o.status, []any{}, []string{}
	for _, name := range o.names {
		ids = append(ids, map[string]any{"type": "dns", "value": name})
		authorizations = append(authorizations, fmt.Sprintf("%s/authorization/%d/%s", s.url, n, name))
		if status == "" && !s.isProven(o, name) {
			status = "pending"
		}
	}
	if status == "" {
		status = "ready"
	}
	s.answer(w, code, map[string]any{
		"status":         status,
		"expires":        s.now().AddDate(0, 0, 7).UTC(),
		"identifiers":    ids,
		"authorizations": authorizations,
		"profile":        o.profile,
		"finalize":       fmt.Sprintf("%s/finalize/%d", s.url, n),
		"certificate":    fmt.Sprintf("%s/certificate/%d", s.url, n),
	})
}

func (s *Scripted) answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func (s *Scripted) refuse(w http.ResponseWriter, code int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": code,
	})
}
