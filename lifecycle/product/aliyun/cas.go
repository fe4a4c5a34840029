package aliyun

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a fingerprint, as the service tells it
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// namePrefix begins the names of the certificates that certquay uploads, by which it knows
// that it may remove them.
const namePrefix = "certquay-"

// flexible is a value that the services tell as a number or as a text.
type flexible string

// UnmarshalJSON implements [json.Unmarshaler].
func (f *flexible) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = strings.TrimSpace(string(data))
	}
	if s == "null" || s == "0" {
		s = ""
	}
	*f = flexible(s)
	return nil
}

// certificate is one of the certificate service (CAS).
type certificate struct {
	id          string // a number
	region      string
	name        string
	serial      string // hexadecimal; the service pads it with zeros
	fingerprint string // of the leaf
	sha1        string
	names       []string
	added       time.Time
}

// identifier is how ALB, NLB and WAF refer to a certificate.
func (c certificate) identifier() string { return c.id + "-" + c.region }

// isLeaf reports whether the service's certificate has this leaf. The service tells serial
// number and fingerprints. Its text can be had only together with the private key, which is
// not asked for.
func (c certificate) isLeaf(leaf *x509.Certificate) bool {
	plain := func(s string) string { return strings.TrimLeft(strings.ToLower(s), "0") }
	if plain(c.serial) != plain(bundle.Serial(leaf.SerialNumber)) {
		return false
	}
	sum := sha1.Sum(leaf.Raw) //nolint:gosec // see above
	return c.fingerprint == bundle.Fingerprint(leaf.Raw) || strings.EqualFold(c.sha1, hex.EncodeToString(sum[:]))
}

// uploadName is the name of a pair in the certificate service. Names are unique in an
// account, and say leaf and chain.
func uploadName(pair ports.KeyPair) string {
	chain := sha256.Sum256(bytes.Join(pair.Chain, nil))
	return namePrefix + pair.Fingerprint[:24] + "-" + hex.EncodeToString(chain[:4])
}

// list returns the certificates of the certificate service for which keep holds; expired
// ones are told by a list of their own.
func (d *Driver) list(ctx context.Context, expired bool, keep func(certificate) bool) (all []certificate, err error) {
	region := d.opt.Settings.CertificateRegion
	for page := 1; ; page++ {
		var answer struct {
			TotalCount           int
			CertificateOrderList []struct {
				CertificateId                     flexible //nolint:revive // as in JSON
				Name, SerialNo, Fingerprint, Sha2 string
				Sans                              string
				CertStartTime                     int64
			}
		}
		query := url.Values{"OrderType": {"CERT"}, "CurrentPage": {strconv.Itoa(page)}, "ShowSize": {"50"}}
		if expired {
			query.Set("Status", "EXPIRED")
		}
		if err := d.call(ctx, "cas", region, "ListUserCertificateOrder", query, nil, &answer); err != nil {
			return nil, err
		}
		for _, o := range answer.CertificateOrderList {
			c := certificate{
				id: string(o.CertificateId), region: region, name: o.Name, serial: o.SerialNo, sha1: o.Fingerprint,
				fingerprint: strings.ToLower(o.Sha2), names: splitNames(o.Sans),
			}
			if o.CertStartTime > 0 {
				c.added = time.UnixMilli(o.CertStartTime).UTC()
			}
			if c.id != "" && keep(c) {
				all = append(all, c)
			}
		}
		if len(answer.CertificateOrderList) == 0 || page*50 >= answer.TotalCount {
			return all, nil
		}
	}
}

func splitNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// find returns the certificate with this leaf, the one with the name given first; nil if
// the service has none.
func (d *Driver) find(ctx context.Context, leaf *x509.Certificate, name string) (*certificate, error) {
	all, err := d.list(ctx, false, func(c certificate) bool { return c.isLeaf(leaf) })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if n := slices.IndexFunc(all, func(c certificate) bool { return c.name == name }); n >= 0 {
		return &all[n], nil
	}
	return &all[0], nil
}

// upload brings a pair to the certificate service, unless it is there. It is the only call
// that sends a private key, and sends it in the body.
func (d *Driver) upload(ctx context.Context, pair ports.KeyPair, leaf *x509.Certificate) (c *certificate, err error) {
	d.uploads.Lock()
	defer d.uploads.Unlock()
	name, region := uploadName(pair), d.opt.Settings.CertificateRegion
	const call = "UploadUserCertificate"
	err = d.ensure(ctx, func() (bool, error) {
		c, err = d.find(ctx, leaf, name)
		return c != nil, err
	}, func() error {
		key, err := keyPEM(pair.Key)
		if err != nil {
			return err
		}
		form := url.Values{"Name": {name}, "Cert": {chainPEM(pair.Chain)}, "Key": {key}}
		if d.opt.Settings.ResourceGroup != "" {
			form.Set("ResourceGroupId", d.opt.Settings.ResourceGroup)
		}
		var answer struct{ CertId flexible } //nolint:revive // as in JSON
		err = d.once(ctx, "cas", region, call, nil, form, &answer)
		c = &certificate{
			id: string(answer.CertId), region: region, name: name, fingerprint: pair.Fingerprint, names: bundle.Names(leaf),
		}
		return err
	})
	switch {
	case missesParameter(err):
		return nil, permanent("aliyun.key-not-taken", "cause", err)
	case isCode(err, "NameRepeat"):
		return nil, permanent("aliyun.name-taken", "name", name, "cause", err)
	}
	return c, explain(ctx, "cas", region, call, err)
}

// detail returns what the certificate service tells of a certificate, without its text and
// key; nil if it has none of this ID.
func (d *Driver) detail(ctx context.Context, id, region string) (*certificate, error) {
	if c, ok := d.known.Load(id + "-" + region); ok {
		return c.(*certificate), nil
	}
	var answer struct {
		Name, SerialNo, Fingerprint, Sha2, Sans string
	}
	query := url.Values{"CertId": {id}, "CertFilter": {"true"}}
	err := d.repeat(ctx, "cas", region, "GetUserCertificateDetail", query, nil, &answer)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(ctx, "cas", region, "GetUserCertificateDetail", err)
	}
	c := &certificate{
		id: id, region: region, name: answer.Name, serial: answer.SerialNo, sha1: answer.Fingerprint,
		fingerprint: strings.ToLower(answer.Sha2), names: splitNames(answer.Sans),
	}
	d.known.Store(id+"-"+region, c)
	return c, nil
}

// byIdentifier is [Driver.detail] by "ID-region", or by an ID alone.
func (d *Driver) byIdentifier(ctx context.Context, identifier string) (*certificate, error) {
	id, region, ok := strings.Cut(identifier, "-")
	if !ok {
		region = d.opt.Settings.CertificateRegion
	}
	return d.detail(ctx, id, region)
}

func chainPEM(chain [][]byte) string {
	var b strings.Builder
	for _, der := range chain {
		// Writing to memory cannot fail, and there are no headers.
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.String()
}

// parsePEM returns the certificates of a text, leaf first.
func parsePEM(text string) (chain [][]byte) {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	return chain
}

// keyPEM writes a key in the form that the documentation asks for, by its algorithm.
func keyPEM(secret model.Secret) (string, error) {
	key, err := bundle.UnmarshalKey(secret)
	if err != nil {
		return "", err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})), nil
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return "", err
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), nil
	}
	return "", permanent("aliyun.key-type", "type", bundle.KeyTypeName(key.Public()))
}
