package embedded

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

// Paths below the base URL. Later issuing CAs have their number in theirs.
const (
	rootCRLPath  = "/crl/root.crl"
	rootCertPath = "/ca/root.cer"
	ocspPath     = "/ocsp"
)

func issuingCRLPath(n int) string  { return "/crl/issuing" + suffix(n) + ".crl" }
func issuingCertPath(n int) string { return "/ca/issuing" + suffix(n) + ".cer" }

func suffix(n int) string {
	if n <= 1 {
		return ""
	}
	return "-" + strconv.Itoa(n)
}

// Ages that caches may keep answers for. They are short because a revocation
// must be seen soon, and caches live on the real clock, not on the injected.
const (
	crlAge  = 5 * time.Minute
	ocspAge = time.Minute
	certAge = 24 * time.Hour
	// ocspLife is how long an OCSP answer is valid.
	ocspLife = 24 * time.Hour
	// maxOCSP bounds a request; real ones have about 100 bytes.
	maxOCSP = 16 << 10
)

// Handler serves the CRLs, the OCSP responder (RFC 6960) and the certificates
// of the CAs (RFC 5280 section 4.2.2.1) over plain HTTP, as is usual: all of it
// is signed. Until the first certificate is issued there is nothing to serve.
func (i *Issuer) Handler() http.Handler { return http.HandlerFunc(i.serve) }

// serve does not use a ServeMux: that would redirect OCSP GET requests whose
// base64 has two slashes in a row.
func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case path == ocspPath || strings.HasPrefix(path, ocspPath+"/"):
		i.serveOCSP(w, r)
	case !get:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case strings.HasPrefix(path, "/crl/"):
		i.serveCRL(w, r, path)
	case strings.HasPrefix(path, "/ca/"):
		i.serveCert(w, r, path)
	default:
		http.NotFound(w, r)
	}
}

// byPath finds the CA whose path, made by of, was asked for.
func (i *Issuer) byPath(path, root string, of func(int) string) (int, bool) {
	if path == root {
		_, err := i.known(rootCA)
		return rootCA, err == nil
	}
	n := 1
	if path != of(1) {
		_, num, _ := strings.Cut(path, "-")
		num, _, _ = strings.Cut(num, ".")
		var err error
		if n, err = strconv.Atoi(num); err != nil || n < 2 || path != of(n) {
			return 0, false
		}
	}
	_, err := i.known(n)
	return n, err == nil
}

func (i *Issuer) serveCRL(w http.ResponseWriter, r *http.Request, path string) {
	ca, ok := i.byPath(path, rootCRLPath, issuingCRLPath)
	if !ok {
		http.NotFound(w, r)
		return
	}
	rec, err := i.crl(r.Context(), ca)
	if err != nil {
		http.Error(w, "the CRL is not available", http.StatusServiceUnavailable)
		return
	}
	send(w, r, "application/pkix-crl", rec.DER, unix(rec.ThisUpdate), crlAge)
}

func (i *Issuer) serveCert(w http.ResponseWriter, r *http.Request, path string) {
	ca, ok := i.byPath(path, rootCertPath, issuingCertPath)
	if !ok {
		http.NotFound(w, r)
		return
	}
	as, err := i.known(ca)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	c := as.root.cert
	if ca != rootCA {
		c = as.issuing[ca].cert
	}
	send(w, r, "application/pkix-cert", c.Raw, c.NotBefore, certAge)
}

func send(w http.ResponseWriter, r *http.Request, typ string, data []byte, modified time.Time, age time.Duration) {
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", typ)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", fmt.Sprintf("public, no-transform, must-revalidate, max-age=%d", int(age.Seconds())))
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

func (i *Issuer) serveOCSP(w http.ResponseWriter, r *http.Request) {
	var req []byte
	var err error
	switch r.Method {
	case http.MethodPost:
		req, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxOCSP))
	case http.MethodGet, http.MethodHead:
		// RFC 6960 appendix A.1: base64, then URL-encoded. Not every client
		// does the latter, and some leave out the padding.
		text := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, ocspPath), "/")
		if len(text) > maxOCSP {
			err = errors.New("too long")
			break
		}
		text = strings.ReplaceAll(strings.TrimRight(text, "="), " ", "+")
		req, err = base64.RawStdEncoding.DecodeString(text)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var answer []byte
	if err != nil {
		answer = ocsp.MalformedRequestErrorResponse
	} else {
		answer = i.ocsp(req)
	}
	now := i.now()
	if r.Method == http.MethodPost {
		w.Header().Set("Content-Type", "application/ocsp-response")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(answer)
		return
	}
	send(w, r, "application/ocsp-response", answer, now, ocspAge)
}

// ocsp answers a request about one certificate, the first that it names, as
// RFC 5019 section 2.1.1 has it. Failures are answers too (RFC 6960 section 2.3).
func (i *Issuer) ocsp(der []byte) []byte {
	req, err := ocsp.ParseRequest(der)
	if err != nil {
		return ocsp.MalformedRequestErrorResponse
	}
	as, err := i.known(1)
	if err != nil {
		return ocsp.TryLaterErrorResponse
	}
	for n, ca := range as.issuing {
		if !asksFor(req, ca.cert) {
			continue
		}
		answer, err := i.status(n, ca, req)
		if err != nil {
			return ocsp.InternalErrorErrorResponse
		}
		return answer
	}
	// Not one of our CAs: a responder answers only for those it speaks for
	// (RFC 5019 section 2.2.3).
	return ocsp.UnauthorizedErrorResponse
}

// asksFor compares the hashes by which a request names its CA.
func asksFor(req *ocsp.Request, ca *x509.Certificate) bool {
	key, err := subjectPublicKey(ca.RawSubjectPublicKeyInfo)
	if err != nil || !req.HashAlgorithm.Available() {
		return false
	}
	return bytes.Equal(hash(req.HashAlgorithm, ca.RawSubject), req.IssuerNameHash) && bytes.Equal(hash(req.HashAlgorithm, key), req.IssuerKeyHash)
}

func hash(a crypto.Hash, data []byte) []byte {
	h := a.New()
	_, _ = h.Write(data) // never fails
	return h.Sum(nil)
}

func (i *Issuer) status(n int, ca *authority, req *ocsp.Request) ([]byte, error) {
	now := i.now()
	t := ocsp.Response{
		Status: ocsp.Unknown, SerialNumber: req.SerialNumber, IssuerHash: req.HashAlgorithm,
		ThisUpdate: now, NextUpdate: now.Add(ocspLife),
	}
	serial := bundle.Serial(req.SerialNumber)
	err := i.store.View(func(r model.Reader) error {
		var s serialRecord
		err := get(r, "serial/"+serial, &s)
		if errors.Is(err, model.ErrNotFound) || err == nil && s.CA != n {
			return nil
		}
		if err != nil {
			return err
		}
		var rev revokedRecord
		switch err = get(r, "revoked/"+serial, &rev); {
		case errors.Is(err, model.ErrNotFound):
			t.Status = ocsp.Good
			return nil
		case err != nil:
			return err
		}
		t.Status, t.RevokedAt, t.RevocationReason = ocsp.Revoked, unix(rev.At), rev.Reason
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ocsp.CreateResponse(ca.cert, ca.cert, t, ca.key)
}
