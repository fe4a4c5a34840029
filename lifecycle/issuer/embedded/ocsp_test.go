package embedded_test

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// several is an OCSP request about the certificates of others, with a nonce of
// some bytes if there are to be any.
func several(t *testing.T, nonce int, requests ...[]byte) []byte {
	t.Helper()
	type tbs struct {
		List       []asn1.RawValue
		Extensions []pkix.Extension `asn1:"explicit,tag:2,optional"`
	}
	var all tbs
	for _, der := range requests {
		var one struct{ TBS tbs }
		if _, err := asn1.Unmarshal(der, &one); err != nil {
			t.Fatal(err)
		}
		all.List = append(all.List, one.TBS.List...)
	}
	if nonce >= 0 {
		value, err := asn1.Marshal(bytes.Repeat([]byte{7}, nonce))
		if err != nil {
			t.Fatal(err)
		}
		all.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, Value: value}}
	}
	der, err := asn1.Marshal(struct{ TBS tbs }{all})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// spec: I4
// finding: R-L7
func TestOCSPAnswersSeveralAndGivesTheNonceBack(t *testing.T) {
	c := newCA(t)
	o, good := c.issue(t, request("1", "a.example.com"))
	_, revoked := c.issue(t, request("2", "b.example.com"))
	if err := c.Revoke(context.Background(), revoked, "superseded"); err != nil {
		t.Fatal(err)
	}
	issuing := parse(t, o.Chain[1])
	a, err := ocsp.CreateRequest(good, issuing, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ocsp.CreateRequest(revoked, issuing, nil)
	if err != nil {
		t.Fatal(err)
	}
	fo, other := newCA(t).issue(t, request("1", "www.example.com"))
	foreign, err := ocsp.CreateRequest(other, parse(t, fo.Chain[1]), nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(der []byte) []byte {
		t.Helper()
		resp, err := http.Post(c.url+"/ocsp", "application/ocsp-request", bytes.NewReader(der))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	body := ask(several(t, 32, a, b))
	for _, want := range []struct {
		status int
		of     []byte
	}{{ocsp.Good, good.Raw}, {ocsp.Revoked, revoked.Raw}} {
		r, err := ocsp.ParseResponseForCert(body, parse(t, want.of), issuing)
		if err != nil || r.Status != want.status {
			t.Errorf("of two: %v, %+v, want status %d", err, r, want.status)
		}
	}
	for length, answered := range map[int]bool{-1: true, 0: false, 1: true, 32: true, 128: true, 129: false} {
		body := ask(several(t, length, a))
		if !answered {
			if !bytes.Equal(body, ocsp.MalformedRequestErrorResponse) {
				t.Errorf("a nonce of %d bytes is answered %x", length, body)
			}
			continue
		}
		if _, err := ocsp.ParseResponseForCert(body, good, issuing); err != nil {
			t.Errorf("a nonce of %d bytes: %v", length, err)
		}
		if length > 0 && !bytes.Contains(body, append([]byte{4, byte(length)}, bytes.Repeat([]byte{7}, length)...)) && length < 128 {
			t.Errorf("a nonce of %d bytes is not given back", length)
		}
	}
	if body := ask(several(t, -1, a, foreign)); !bytes.Equal(body, ocsp.UnauthorizedErrorResponse) {
		t.Errorf("of two CAs: %x", body)
	}
	if body := ask(several(t, -1)); !bytes.Equal(body, ocsp.MalformedRequestErrorResponse) {
		t.Errorf("of none: %x", body)
	}
}

// spec: I4
// finding: R-L7
func TestOpensslSeesItsNonceAndSeveralAnswers(t *testing.T) {
	needOpenssl(t)
	c := newCA(t)
	c.clock.t = time.Now() // openssl ocsp knows the real time only
	o, one := c.issue(t, request("1", "a.example.com"))
	_, two := c.issue(t, request("2", "b.example.com"))
	dir := t.TempDir()
	issuing := writePEM(t, dir, "issuing.pem", "CERTIFICATE", o.Chain[1])
	out, err := openssl(t, "ocsp", "-issuer", issuing, "-cert", writePEM(t, dir, "a.pem", "CERTIFICATE", one.Raw), "-cert",
		writePEM(t, dir, "b.pem", "CERTIFICATE", two.Raw),
		"-url", c.url+"/ocsp", "-CAfile", writePEM(t, dir, "both.pem", "CERTIFICATE", o.Chain[1], o.Root), "-nonce")
	for _, want := range []string{"a.pem: good", "b.pem: good", "Response verify OK"} {
		if err != nil || !strings.Contains(out, want) || strings.Contains(out, "no nonce") {
			t.Errorf("%s: %v\n%s", want, err, out)
		}
	}
}
