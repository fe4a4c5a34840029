package bundle

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"sort"
	"strconv"
	"strings"

	"certquay/lifecycle/names"
	"certquay/model"
)

// maxCSR bounds a signing request; one with 100 names has about 10 kB.
const maxCSR = 64 << 10

// ParseCSR reads a PKCS#10 request in PEM or DER and checks its signature and
// the strength of its key (spec A3). A refusal is an [*Error].
func ParseCSR(data []byte) (*x509.CertificateRequest, error) {
	bad := func(why, hint model.Text) (*x509.CertificateRequest, error) {
		return nil, &Error{Reason: BadRequest, Why: why, Hint: hint}
	}
	again := model.Say("bundle-hint.make-request")
	if len(data) > maxCSR {
		return nil, &Error{Reason: TooLarge, Why: model.Say("bundle.long-request"), Hint: model.Say("bundle-hint.only-request")}
	}
	der := data
	if text := plain(data); bytes.Contains(text, []byte("-----BEGIN ")) {
		blocks, err := pemBlocks("", text)
		if err != nil {
			return nil, err
		}
		if der = nil; len(blocks) == 0 {
			return bad(model.Say("bundle.no-request"), again)
		}
		for _, b := range blocks {
			if b.Type != "CERTIFICATE REQUEST" && b.Type != "NEW CERTIFICATE REQUEST" {
				continue
			}
			if der != nil {
				return bad(model.Say("bundle.several-requests"), model.Say("bundle-hint.one-request"))
			}
			der = b.Bytes
		}
		if der == nil {
			return bad(model.Say("bundle.other-block", "block", cut(blocks[0].Type, 80)), again)
		}
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return bad(model.Say("bundle.request-unreadable"), again)
	}
	if err := CheckRequestKey(r.PublicKey); err != nil {
		return nil, &Error{
			Reason: WeakKey,
			Why:    model.Say("bundle.weak-request-key", "cause", err), Hint: model.Say("bundle-hint.new-key-request"),
		}
	}
	if err := r.CheckSignature(); err != nil {
		return bad(model.Say("bundle.request-signature"), again)
	}
	return r, nil
}

// CheckCSRNames returns an error unless a request is for exactly the names of the
// application (spec A3). The common name may repeat one of them; other kinds of
// names are rejected.
func CheckCSRNames(r *x509.CertificateRequest, want []string) error {
	if len(r.EmailAddresses)+len(r.URIs) > 0 {
		return &Error{Reason: WrongNames, Why: model.Say("bundle.request-other-names"), Hint: model.Say("bundle-hint.only-hosts")}
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
	difference := model.Say("bundle.lacks-and-also", "lacks", sorted(missing), "also", sorted(extra))
	switch {
	case len(extra) == 0:
		difference = model.Say("bundle.lacks", "names", sorted(missing))
	case len(missing) == 0:
		difference = model.Say("bundle.also", "names", sorted(extra))
	}
	return &Error{
		Reason: WrongNames,
		Why:    model.Say("bundle.request-names", "difference", difference), Hint: model.Say("bundle-hint.same-names"),
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

func sorted(quoted []string) model.Text {
	sort.Strings(quoted)
	if len(quoted) > 5 {
		return model.Say("names.more", "names", quoted[:5])
	}
	return model.Quoted("", strings.Join(quoted, ", "))
}

// EncodeCSR is a request as PEM.
func EncodeCSR(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}
