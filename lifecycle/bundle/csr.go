package bundle

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"sort"
	"strconv"
	"strings"

	"certquay/lifecycle/names"
)

// maxCSR bounds a signing request; one with 100 names has about 10 kB.
const maxCSR = 64 << 10

// ParseCSR reads a PKCS#10 request in PEM or DER and checks its signature and
// the strength of its key (spec A3). A refusal is an [*Error].
func ParseCSR(data []byte) (*x509.CertificateRequest, error) {
	bad := func(text, hint string) (*x509.CertificateRequest, error) {
		return nil, &Error{Reason: BadRequest, Why: text, Hint: hint}
	}
	const again = "make it with: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes " +
		"-subj /CN=NAME -addext subjectAltName=DNS:NAME"
	if len(data) > maxCSR {
		return nil, &Error{Reason: TooLarge, Why: "the signing request has more than 64 kB", Hint: "bring only the request"}
	}
	der := data
	if text := plain(data); bytes.Contains(text, []byte("-----BEGIN ")) {
		blocks, err := pemBlocks("", text)
		if err != nil {
			return nil, err
		}
		if der = nil; len(blocks) == 0 {
			return bad("there is no signing request in it", again)
		}
		for _, b := range blocks {
			if b.Type != "CERTIFICATE REQUEST" && b.Type != "NEW CERTIFICATE REQUEST" {
				continue
			}
			if der != nil {
				return bad("there are several signing requests in it", "bring one")
			}
			der = b.Bytes
		}
		if der == nil {
			return bad("there is no signing request in it but a block "+strconv.Quote(cut(blocks[0].Type, 80)), again)
		}
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return bad("the signing request cannot be read", again)
	}
	if err := CheckRequestKey(r.PublicKey); err != nil {
		return nil, &Error{
			Reason: WeakKey,
			Why:    "the key of the signing request is too weak: " + err.Error(),
			Hint:   "make a new key, ECDSA P-256 or RSA 2048 at least, and a request for it",
		}
	}
	if err := r.CheckSignature(); err != nil {
		return bad("the signature of the signing request is wrong, so it was not made with its key or was changed since", again)
	}
	return r, nil
}

// CheckCSRNames says whether a request is for exactly the names of the
// application (spec A3). The common name may repeat one of them; other kinds of
// names are refused.
func CheckCSRNames(r *x509.CertificateRequest, want []string) error {
	if len(r.EmailAddresses)+len(r.URIs) > 0 {
		return &Error{Reason: WrongNames, Why: "the signing request asks for e-mail addresses or URIs", Hint: "ask for host names only"}
	}
	have := append([]string(nil), r.DNSNames...)
	for _, ip := range r.IPAddresses {
		have = append(have, ip.String())
	}
	if r.Subject.CommonName != "" {
		have = append(have, r.Subject.CommonName)
	}
	a, b := nameSet(have), nameSet(want)
	var missing, extra []string
	for n := range b {
		if !a[n] {
			missing = append(missing, strconv.Quote(cut(n, 80)))
		}
	}
	for n := range a {
		if !b[n] {
			extra = append(extra, strconv.Quote(cut(n, 80)))
		}
	}
	if len(missing)+len(extra) == 0 {
		return nil
	}
	var text []string
	if len(missing) > 0 {
		text = append(text, "it lacks "+sorted(missing))
	}
	if len(extra) > 0 {
		text = append(text, "it also asks for "+sorted(extra))
	}
	return &Error{
		Reason: WrongNames,
		Why:    "the signing request is not for the names applied for: " + strings.Join(text, " and "),
		Hint:   "make a request with exactly these names, or change the names",
	}
}

func nameSet(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		if n, err := names.Parse(s); err == nil {
			s = n.ASCII
		}
		set[s] = true
	}
	return set
}

func sorted(quoted []string) string {
	sort.Strings(quoted)
	if len(quoted) > 5 {
		quoted = append(quoted[:5:5], "and more")
	}
	return strings.Join(quoted, ", ")
}

// EncodeCSR is a request as PEM.
func EncodeCSR(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}
