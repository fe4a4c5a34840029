package bundle

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"

	"certquay/model"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// alias is the name of the key in a Java key store.
const alias = "certquay"

// keyStore is what the files of a key store are made from.
type keyStore struct {
	content  Content
	password string
	key      any // as crypto/x509 has it
	chain    []*x509.Certificate
}

// newKeyStore makes a password for key stores in the format called name. It is
// 26 capital letters and digits, which need no quotes in XML, shells and
// PowerShell, with 128 bits of chance.
func newKeyStore(o Content, name string) (*keyStore, error) {
	return keyStoreWith(o, name, rand.Text())
}

// PKCS12 returns a certificate with its chain and key as a PKCS#12 file.
func PKCS12(o Content, password string) ([]byte, error) {
	s, err := keyStoreWith(o, "pkcs12", password)
	if err != nil {
		return nil, err
	}
	return s.pkcs12()
}

// JKS returns a certificate with its chain and key as a Java key store.
func JKS(o Content, password string) ([]byte, error) {
	s, err := keyStoreWith(o, "jks", password)
	if err != nil {
		return nil, err
	}
	return s.jks()
}

func keyStoreWith(o Content, name, password string) (*keyStore, error) {
	if o.PKCS8.Empty() {
		return nil, &Error{Reason: NotAvailable, Why: model.Say("bundle.needs-key", "format", name), Hint: model.Say("bundle-hint.add-key")}
	}
	key, err := UnmarshalKey(o.PKCS8)
	if err != nil {
		return nil, &Error{Reason: NotAvailable, Why: model.TextOf(err), Hint: model.Say("bundle-hint.as-pem")}
	}
	s := &keyStore{content: o, password: password, key: key}
	for _, der := range o.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, badCertificate("", err)
		}
		s.chain = append(s.chain, c)
	}
	return s, nil
}

func tomcatFiles(o Content, base string) ([]OutFile, error) {
	s, err := newKeyStore(o, "tomcat")
	if err != nil {
		return nil, err
	}
	p12, err := s.pkcs12()
	if err != nil {
		return nil, err
	}
	jks, err := s.jks()
	if err != nil {
		return nil, err
	}
	return []OutFile{
		{Name: base + ".p12", Data: p12, Secret: true},
		{Name: base + ".jks", Data: jks, Secret: true},
		s.passwordFile(base),
	}, nil
}

func iisFiles(o Content, base string) ([]OutFile, error) {
	s, err := newKeyStore(o, "iis")
	if err != nil {
		return nil, err
	}
	pfx, err := s.pkcs12()
	if err != nil {
		return nil, err
	}
	return []OutFile{{Name: base + ".pfx", Data: pfx, Secret: true}, s.passwordFile(base)}, nil
}

// passwordFile is one line, as openssl and keytool read it.
func (s *keyStore) passwordFile(base string) OutFile {
	return OutFile{Name: base + "-password.txt", Data: []byte(s.password + "\n"), Secret: true}
}

// pkcs12 is the newest encoding that openssl 3, Java 12 and Windows Server 2019
// all read.
func (s *keyStore) pkcs12() ([]byte, error) {
	der, err := pkcs12.Modern2023.Encode(s.key, s.chain[0], s.chain[1:], s.password)
	if err != nil {
		return nil, &Error{Reason: NotAvailable, Why: model.Say("bundle.no-pkcs12"), Hint: model.Say("bundle-hint.as-pem")}
	}
	return der, nil
}

// jks has the same password for the store and the key, since Tomcat and keytool
// assume that.
func (s *keyStore) jks() ([]byte, error) {
	store := keystore.New()
	entry := keystore.PrivateKeyEntry{CreationTime: s.chain[0].NotBefore, PrivateKey: s.content.PKCS8.Reveal()}
	for _, c := range s.chain {
		entry.CertificateChain = append(entry.CertificateChain, keystore.Certificate{Type: "X.509", Content: c.Raw})
	}
	var out bytes.Buffer
	err := store.SetPrivateKeyEntry(alias, entry, []byte(s.password))
	if err == nil {
		err = store.Store(&out, []byte(s.password))
	}
	if err != nil {
		return nil, &Error{Reason: NotAvailable, Why: model.Say("bundle.no-jks"), Hint: model.Say("bundle-hint.as-pem")}
	}
	return out.Bytes(), nil
}
