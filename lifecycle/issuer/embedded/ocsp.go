package embedded

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

// The messages of RFC 6960 section 4. The library x/crypto/ocsp, which has the
// failures and the words, knows neither several certificates nor the nonce.
type (
	ocspRequest struct {
		TBS       tbsRequest
		Signature asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	tbsRequest struct {
		Version    int              `asn1:"explicit,tag:0,default:0,optional"`
		Requestor  asn1.RawValue    `asn1:"explicit,tag:1,optional"`
		List       []singleRequest  // at least one
		Extensions []pkix.Extension `asn1:"explicit,tag:2,optional"`
	}
	singleRequest struct {
		Cert       certID
		Extensions []pkix.Extension `asn1:"explicit,tag:0,optional"`
	}
	// certID names a certificate by hashes of its issuer and its serial number.
	certID struct {
		Hash     pkix.AlgorithmIdentifier
		NameHash []byte
		KeyHash  []byte
		Serial   *big.Int
	}
	ocspResponse struct {
		Status asn1.Enumerated
		Bytes  responseBytes `asn1:"explicit,tag:0"`
	}
	responseBytes struct {
		Type     asn1.ObjectIdentifier
		Response []byte
	}
	basicResponse struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	responseData struct {
		Responder  asn1.RawValue
		ProducedAt time.Time `asn1:"generalized"`
		Responses  []singleResponse
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
	}
	singleResponse struct {
		Cert       certID
		Good       asn1.Flag   `asn1:"tag:0,optional"`
		Revoked    revokedInfo `asn1:"tag:1,optional"`
		Unknown    asn1.Flag   `asn1:"tag:2,optional"`
		ThisUpdate time.Time   `asn1:"generalized"`
		NextUpdate time.Time   `asn1:"generalized,explicit,tag:0"`
	}
	revokedInfo struct {
		At     time.Time       `asn1:"generalized"`
		Reason asn1.Enumerated `asn1:"explicit,tag:0,optional"`
	}
)

var (
	oidOCSPBasic   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidOCSPNonce   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidECDSASHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// ocspHashes are those by which a request may name the issuer.
var ocspHashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// maxNonce bounds a nonce in bytes (RFC 9654 section 2.1).
const maxNonce = 128

var errMalformed = errors.New("malformed request")

// ocsp answers a request about one or several certificates of one CA; a nonce is
// given back. Failures are answers too (RFC 6960 section 2.3).
func (i *Issuer) ocsp(der []byte) []byte {
	var req ocspRequest
	if rest, err := asn1.Unmarshal(der, &req); err != nil || len(rest) > 0 || len(req.TBS.List) == 0 {
		return ocsp.MalformedRequestErrorResponse
	}
	echo, err := nonce(req.TBS.Extensions)
	if err != nil {
		return ocsp.MalformedRequestErrorResponse
	}
	as, err := i.known(func(as *authorities) bool { return len(as.issuing) > 0 })
	if err != nil {
		return ocsp.TryLaterErrorResponse
	}
	for n, ca := range as.issuing {
		if !req.TBS.List[0].Cert.of(ca.cert) {
			continue
		}
		for _, r := range req.TBS.List[1:] {
			if !r.Cert.of(ca.cert) { // one answer has one signature
				return ocsp.UnauthorizedErrorResponse
			}
		}
		answer, err := i.statuses(n, ca, req.TBS.List, echo)
		if err != nil {
			return ocsp.InternalErrorErrorResponse
		}
		return answer
	}
	// Not one of our CAs: a responder answers only for those it speaks for
	// (RFC 5019 section 2.2.3).
	return ocsp.UnauthorizedErrorResponse
}

// nonce is the nonce among the extensions of a request, to be given back; none
// if there is none.
func nonce(of []pkix.Extension) (echo []pkix.Extension, err error) {
	for _, e := range of {
		if !e.Id.Equal(oidOCSPNonce) {
			continue
		}
		var value []byte
		rest, err := asn1.Unmarshal(e.Value, &value)
		if err != nil || len(rest) > 0 || len(value) == 0 || len(value) > maxNonce || len(echo) > 0 {
			return nil, errMalformed
		}
		echo = append(echo, pkix.Extension{Id: e.Id, Value: e.Value})
	}
	return echo, nil
}

// of reports whether a CA issued the requested certificate, by the hashes of its
// name and key.
func (id *certID) of(ca *x509.Certificate) bool {
	a, ok := ocspHashes[id.Hash.Algorithm.String()]
	key, err := subjectPublicKey(ca.RawSubjectPublicKeyInfo)
	if err != nil || !ok || !a.Available() {
		return false
	}
	return bytes.Equal(hash(a, ca.RawSubject), id.NameHash) && bytes.Equal(hash(a, key), id.KeyHash)
}

func hash(a crypto.Hash, data []byte) []byte {
	h := a.New()
	_, _ = h.Write(data) // never fails
	return h.Sum(nil)
}

// statuses makes the signed answer of issuing CA number n.
func (i *Issuer) statuses(n int, ca *authority, list []singleRequest, echo []pkix.Extension) ([]byte, error) {
	now := i.now()
	data := responseData{
		Responder:  asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: ca.cert.RawSubject},
		ProducedAt: now, Extensions: echo,
	}
	err := i.store.View(func(r model.Reader) error {
		for _, asked := range list {
			s := singleResponse{Cert: asked.Cert, ThisUpdate: now, NextUpdate: now.Add(ocspLife)}
			if err := status(r, n, &s); err != nil {
				return err
			}
			data.Responses = append(data.Responses, s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	key, err := i.signer(ca)
	if err != nil {
		return nil, err
	}
	tbs, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	basic, err := asn1.Marshal(basicResponse{
		TBS: asn1.RawValue{FullBytes: tbs}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256},
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(ocspResponse{Status: asn1.Enumerated(ocsp.Success), Bytes: responseBytes{oidOCSPBasic, basic}})
}

// status fills in what became of a certificate of issuing CA number n.
func status(r model.Reader, n int, s *singleResponse) error {
	serial := bundle.Serial(s.Cert.Serial)
	var rec serialRecord
	err := get(r, "serial/"+serial, &rec)
	if errors.Is(err, model.ErrNotFound) || err == nil && rec.CA != n {
		s.Unknown = true
		return nil
	}
	if err != nil {
		return err
	}
	var rev revokedRecord
	switch err = get(r, "revoked/"+serial, &rev); {
	case errors.Is(err, model.ErrNotFound):
		s.Good = true
		return nil
	case err != nil:
		return err
	}
	s.Revoked = revokedInfo{At: unix(rev.At), Reason: asn1.Enumerated(rev.Reason)}
	return nil
}
