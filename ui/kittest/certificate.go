package kittest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/lifecycletest"
	"certquay/model"
)

// certificate is a certificate for a version, with its chain and key.
type certificate struct {
	version model.Version
	chain   [][]byte
	key     *model.Key
}

// cache keeps the certificates of all fleets of a process, which are the same in each.
type cache struct {
	sync.Mutex
	made  map[string]*certificate // by parameters
	known map[string]*certificate // by fingerprint
}

var certificates = cache{made: map[string]*certificate{}, known: map[string]*certificate{}}

func (c *cache) of(fingerprint string) *certificate {
	c.Lock()
	defer c.Unlock()
	return c.known[fingerprint]
}

// Version returns a version that was issued ago days ago and is valid for days.
func Version(now time.Time, number, ago, days int, names ...string) model.Version {
	from := now.Add(-time.Duration(ago) * day).Truncate(24 * time.Hour)
	to := from.Add(time.Duration(days)*day - time.Second)
	seed := sha256.Sum256(fmt.Appendf(nil, "%s/%d", names[0], number))
	certificates.Lock()
	defer certificates.Unlock()
	spec := fmt.Sprint(number, from, to, names)
	c := certificates.made[spec]
	if c == nil {
		c = &certificate{key: key(spec)}
		public, err := x509.ParsePKIXPublicKey(c.key.Public)
		if err != nil {
			panic(err)
		}
		der, err := lifecycletest.Sign(public, new(big.Int).SetBytes(append([]byte{4}, seed[:15]...)), from, to, names...)
		if err != nil {
			panic(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		c.chain, c.version = [][]byte{der, lifecycletest.Root().Raw}, bundle.Version(leaf)
		v := &c.version
		v.Number, v.Issued, v.Issuer, v.KeyID = number, from, "embedded", model.ID("01K0KEY"+hex.EncodeToString(seed[:])[:19])
		certificates.made[spec], certificates.known[v.Fingerprint] = c, c
	}
	v := c.version
	v.Domains = append([]string(nil), names...)
	return v
}

// key returns a key that depends on the seed only.
func key(seed string) *model.Key {
	secret := sha256.Sum256([]byte(seed))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret[:])
	if err != nil {
		panic(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		panic(err)
	}
	return &model.Key{Type: model.ECDSAP256, Public: public, PKCS8: model.NewSecret(pkcs8)}
}

// versionRecords returns the records of a version: its chain, and its key if it has
// one.
func versionRecords(i *model.Instance, v *model.Version) []model.Record {
	c := certificates.of(v.Fingerprint)
	if c == nil {
		return nil // issued by the engine, or made up by a test
	}
	all := []model.Record{&model.Chain{Instance: i.ID, Number: v.Number, Certificates: c.chain[:1], Root: c.chain[1]}}
	if v.KeyID != "" {
		k := *c.key
		k.ID, k.Instance = v.KeyID, i.ID
		all = append(all, &k)
	}
	return all
}

// PEM returns a currently valid certificate for names with its key, as a file to
// upload.
func PEM(now time.Time, names ...string) []byte {
	c := certificates.of(Version(now, 1, 30, 365, names...).Fingerprint)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.chain[0]}), keyPEM(c)...)
}

// KeyPEM returns the key of a certificate of the fleet, whether or not the store has
// it.
func KeyPEM(v *model.Version) []byte { return keyPEM(certificates.of(v.Fingerprint)) }

func keyPEM(c *certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: c.key.PKCS8.Reveal()})
}
