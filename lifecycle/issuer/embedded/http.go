package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Paths below the base URL. Later roots and issuing CAs have their number in
// theirs.
const (
	ocspPath = "/ocsp"
)

func rootCRLPath(n int) string     { return "/crl/root" + suffix(n) + ".crl" }
func rootCertPath(n int) string    { return "/ca/root" + suffix(n) + ".cer" }
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
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	case strings.HasPrefix(path, "/crl/"):
		i.serveCRL(w, r, path)
	case strings.HasPrefix(path, "/ca/"):
		i.serveCert(w, r, path)
	default:
		http.NotFound(w, r)
	}
}

// byPath returns the CA whose path, formed by ofRoot or ofIssuing, was requested,
// and the number of its CRL.
func (i *Issuer) byPath(path string, ofRoot, ofIssuing func(int) string) (ca int, a *authority) {
	n := 1
	if _, num, later := strings.Cut(path, "-"); later {
		num, _, _ = strings.Cut(num, ".")
		var err error
		if n, err = strconv.Atoi(num); err != nil || n < 2 {
			return 0, nil
		}
	}
	switch path {
	case ofRoot(n):
		ca = rootCA(n)
	case ofIssuing(n):
		ca = n
	default:
		return 0, nil
	}
	as, err := i.known(func(as *authorities) bool { return as.byNumber(ca) != nil })
	if err != nil {
		return 0, nil
	}
	return ca, as.byNumber(ca)
}

func (i *Issuer) serveCRL(w http.ResponseWriter, r *http.Request, path string) {
	ca, a := i.byPath(path, rootCRLPath, issuingCRLPath)
	if a == nil {
		http.NotFound(w, r)
		return
	}
	rec, err := i.crl(r.Context(), ca)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	send(w, r, "application/pkix-crl", rec.DER, unix(rec.ThisUpdate), crlAge)
}

func (i *Issuer) serveCert(w http.ResponseWriter, r *http.Request, path string) {
	_, a := i.byPath(path, rootCertPath, issuingCertPath)
	if a == nil {
		http.NotFound(w, r)
		return
	}
	send(w, r, "application/pkix-cert", a.cert.Raw, a.cert.NotBefore, certAge)
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
			err = &http.MaxBytesError{Limit: maxOCSP}
			break
		}
		text = strings.ReplaceAll(strings.TrimRight(text, "="), " ", "+")
		req, err = base64.RawStdEncoding.DecodeString(text)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
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
