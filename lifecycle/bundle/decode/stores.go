package decode

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"golang.org/x/crypto/cryptobyte"
	"software.sslmate.com/src/go-pkcs12"

	"certquay/model"
)

// openPKCS12 opens a file of RFC 7292 with one key.
func openPKCS12(data, password []byte) (Contents, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(data, string(password))
	if err != nil {
		return Contents{}, pkcs12Problem(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Contents{}, unsupported("decode.key-algorithm")
	}
	c := Contents{Key: model.NewSecret(der), Certs: [][]byte{leaf.Raw}}
	for _, cert := range chain {
		c.Certs = append(c.Certs, cert.Raw)
	}
	return c, nil
}

// pkcs12Problem classifies the library's errors, some of which differ only in
// their text.
func pkcs12Problem(err error) error {
	var not pkcs12.NotImplementedError
	text := err.Error()
	has := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case errors.As(err, &not):
		return &Error{Problem: Unsupported, What: model.Quoted("", string(not))}
	case has("shrouded key bag: " + pkcs12.ErrDecryption.Error()):
		return &Error{Problem: KeyPassword}
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption), has("encoded in UCS-2"):
		return &Error{Problem: WrongPassword}
	case has("shrouded key bag: pkcs12: "):
		return unsupported("decode.key-encryption")
	case has("no MAC in data"):
		return &Error{Problem: NoMAC}
	case has("exactly one key bag"):
		return &Error{Problem: SeveralKeys}
	case has("private key missing"):
		return &Error{Problem: NoKey}
	case has("certificate missing"):
		return &Error{Problem: NoCertificate}
	}
	return &Error{Problem: Damaged}
}

// openJKS opens a key store with one key, or with certificates only. What is
// trusted beside a key is not taken: it need not have to do with it.
func openJKS(data, password []byte) (Contents, error) {
	if !honestJKS(data) {
		return Contents{}, &Error{Problem: Damaged}
	}
	// Java takes characters as UTF-16, the library bytes as Latin-1.
	password, ok := latin1(password)
	if !ok {
		return Contents{}, unsupported("decode.password")
	}
	store := keystore.New(keystore.WithCaseExactAliases(), keystore.WithOrderedAliases())
	if err := store.Load(strings.NewReader(string(data)), password); err != nil {
		if strings.Contains(err.Error(), "invalid digest") {
			return Contents{}, &Error{Problem: WrongPassword}
		}
		return Contents{}, &Error{Problem: Damaged}
	}
	keys := slices.DeleteFunc(store.Aliases(), func(a string) bool { return !store.IsPrivateKeyEntry(a) })
	var c Contents
	switch len(keys) {
	case 0:
		for _, alias := range store.Aliases() {
			entry, err := store.GetTrustedCertificateEntry(alias)
			if err != nil {
				return Contents{}, err
			}
			c.Certs = append(c.Certs, entry.Certificate.Content)
		}
	case 1:
		entry, err := store.GetPrivateKeyEntry(keys[0], password)
		if err != nil {
			return Contents{}, &Error{Problem: KeyPassword}
		}
		c.Key = model.NewSecret(entry.PrivateKey)
		for _, cert := range entry.CertificateChain {
			c.Certs = append(c.Certs, cert.Content)
		}
	default:
		return Contents{}, &Error{Problem: SeveralKeys, Names: keys[:min(len(keys), 10)]}
	}
	return c, nil
}

// honestJKS checks lengths and counts against the bytes that are there, since
// the library sets memory aside for whatever they say. The layout is that of
// sun.security.provider.JavaKeyStore: magic, version, count, entries, SHA-1.
func honestJKS(data []byte) bool {
	s := cryptobyte.String(data)
	var version, entries uint32
	if !s.Skip(4) || !s.ReadUint32(&version) || !s.ReadUint32(&entries) {
		return false
	}
	short := func() bool {
		var skipped cryptobyte.String
		return s.ReadUint16LengthPrefixed(&skipped)
	}
	long := func() bool {
		var n uint32
		return s.ReadUint32(&n) && s.Skip(int(n))
	}
	certificate := func() bool { return (version < 2 || short()) && long() }
	for range entries {
		var tag, count uint32
		if !s.ReadUint32(&tag) || !short() || !s.Skip(8) {
			return false
		}
		count = 1
		if tag == 1 && (!long() || !s.ReadUint32(&count)) {
			return false
		}
		// A certificate takes four bytes at least, so this ends with the data.
		if uint64(count)*4 > uint64(len(s)) {
			return false
		}
		for range count {
			if !certificate() {
				return false
			}
		}
	}
	return len(s) == 20
}

// latin1 is UTF-8 text with one byte for each character.
func latin1(utf8 []byte) ([]byte, bool) {
	var out []byte
	for _, r := range string(utf8) {
		if r > 0xff {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}
