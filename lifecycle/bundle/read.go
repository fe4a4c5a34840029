package bundle

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"unicode/utf16"

	"certquay/lifecycle/bundle/decode"
	"certquay/model"
)

// found is what the files hold.
type found struct {
	certs []*x509.Certificate // without duplicates, in the order of the files
	key   crypto.Signer       // nil if none
	seen  int                 // certificates, duplicates included

	opened int // key stores and encrypted keys
}

// collect reads every file. What is not about certificates, such as DH
// parameters and the text that openssl prints before a block, is passed over.
func collect(files []File) (*found, error) {
	total := 0
	for _, f := range files {
		if total += len(f.Data); total > MaxBytes {
			return nil, &Error{Reason: TooLarge, Why: model.Say("bundle.files-too-large"), Hint: model.Say("bundle-hint.only-these")}
		}
	}
	out := &found{}
	for _, f := range files {
		f.Name = cut(f.Name, maxName)
		if err := out.file(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *found) file(f File) error {
	text := plain(f.Data)
	if !bytes.Contains(text, []byte("-----BEGIN ")) {
		return o.der(f)
	}
	blocks, err := pemBlocks(f.Name, text)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if err := o.block(f, b); err != nil {
			return err
		}
	}
	return nil
}

// plain undoes what editors and mail do to PEM: byte order marks, UTF-16, line
// endings of other systems and indentation.
func plain(data []byte) []byte {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")) && len(data)%2 == 0:
		data = fromUTF16(data[2:], 1, 0)
	case bytes.HasPrefix(data, []byte("\xfe\xff")) && len(data)%2 == 0:
		data = fromUTF16(data[2:], 0, 1)
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return data
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	lines := bytes.Split(data, []byte("\n"))
	for i, l := range lines {
		lines[i] = bytes.Trim(l, " \t\ufeff\u00a0")
	}
	return append(bytes.Join(lines, []byte("\n")), '\n')
}

func fromUTF16(data []byte, hi, lo int) []byte {
	u := make([]uint16, len(data)/2)
	for i := range u {
		u[i] = uint16(data[2*i+hi])<<8 | uint16(data[2*i+lo])
	}
	return []byte(string(utf16.Decode(u)))
}

// pemBlocks decodes all blocks. The standard decoder silently skips a damaged
// one, which here would turn into a chain without one of its links, so each
// block that begins must also have been read.
func pemBlocks(name string, text []byte) ([]*pem.Block, error) {
	var blocks []*pem.Block
	rest := text
	for {
		b, after := pem.Decode(rest)
		used := rest
		if b != nil {
			used = rest[:len(rest)-len(after)]
		}
		begins := bytes.Count(used, []byte("\n-----BEGIN "))
		if bytes.HasPrefix(used, []byte("-----BEGIN ")) {
			begins++
		}
		if b == nil && begins > 0 || b != nil && begins != 1 {
			at := bytes.Index(used, []byte("-----BEGIN "))
			line := 1 + bytes.Count(text[:len(text)-len(rest)+at], []byte("\n"))
			return nil, &Error{
				Reason: Garbage, File: name,
				Why: model.Say("bundle.damaged-block", "line", line), Hint: model.Say("bundle-hint.copy-block"),
			}
		}
		if b == nil {
			return blocks, nil
		}
		blocks = append(blocks, b)
		rest = after
	}
}

func (o *found) block(f File, b *pem.Block) error {
	name := f.Name
	switch b.Type {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		der := b.Bytes
		if b.Type == "TRUSTED CERTIFICATE" {
			// openssl appends what the certificate is trusted for.
			var first asn1.RawValue
			if _, err := asn1.Unmarshal(der, &first); err == nil {
				der = first.FullBytes
			}
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return badCertificate(name, err)
		}
		return o.cert(name, c)
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		if _, ok := b.Headers["DEK-Info"]; ok || b.Headers["Proc-Type"] == "4,ENCRYPTED" {
			return o.legacyKey(f, b)
		}
		return o.keyDER(name, b.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return o.protected(f, decode.PKCS8, b.Bytes)
	case "PKCS7", "CMS":
		return &Error{Reason: Unsupported, File: name, Why: model.Say("bundle.is-pkcs7"), Hint: model.Say("bundle-hint.pkcs7")}
	case "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK":
		return &Error{Reason: Unsupported, File: name, Why: model.Say("bundle.not-for-tls"), Hint: model.Say("bundle-hint.other-key")}
	}
	return nil
}

func (o *found) cert(name string, c *x509.Certificate) error {
	if o.seen++; o.seen > MaxCertificates {
		return &Error{
			Reason: TooLarge, File: name,
			Why: model.Say("bundle.too-many-certificates"), Hint: model.Say("bundle-hint.one-chain"),
		}
	}
	// Before any signature is checked with it, which for a long one takes minutes.
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxRSA {
		return &Error{
			Reason: WeakKey, File: name,
			Why:  model.Say("bundle.long-key", "certificate", describe(c), "bits", k.N.BitLen(), "most", maxRSA),
			Hint: model.Say("bundle-hint.smaller-key"),
		}
	}
	for _, have := range o.certs {
		if have.Equal(c) {
			return nil
		}
	}
	o.certs = append(o.certs, c)
	return nil
}

func badCertificate(name string, err error) error {
	return &Error{
		Reason: Garbage, File: name,
		Why:  model.Say("bundle.certificate-unreadable", "cause", model.Quoted("", cut(err.Error(), 200))),
		Hint: model.Say("bundle-hint.check-certificate"),
	}
}

func (o *found) keyDER(name string, der []byte) error {
	k, err := keyFromDER(der)
	if err != nil {
		return &Error{Reason: Garbage, File: name, Why: model.Say("bundle.key-unreadable"), Hint: model.Say("bundle-hint.check-key")}
	}
	return o.addKey(name, k)
}

func (o *found) addKey(name string, k crypto.Signer) error {
	if o.key != nil && !SamePublic(o.key.Public(), k.Public()) {
		return &Error{Reason: SeveralKeys, File: name, Why: model.Say("bundle.several-keys"), Hint: model.Say("bundle-hint.one-key")}
	}
	o.key = k
	return nil
}

func encrypted(name string) error {
	return &Error{
		Reason: EncryptedKey, File: name,
		Why: model.Say("bundle.key-encrypted"), Hint: model.Say("bundle-hint.password-or", "else", model.Say("bundle-hint.decrypt")),
	}
}

// der reads a file without PEM: one certificate, one key or a key store.
func (o *found) der(f File) error {
	data := f.Data
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return &Error{Reason: Garbage, File: f.Name, Why: model.Say("bundle.file-empty"), Hint: model.Say("bundle-hint.certificate-as-pem")}
	case bytes.HasPrefix(data, []byte("\xfe\xed\xfe\xed")):
		return o.protected(f, decode.JKS, data)
	case bytes.HasPrefix(data, []byte("\xce\xce\xce\xce")):
		return &Error{Reason: Unsupported, File: f.Name, Why: model.Say("bundle.is-jceks"), Hint: model.Say("bundle-hint.jks")}
	case bytes.HasPrefix(data, []byte{0x30, 0x80}): // BER of indefinite length
		return &Error{
			Reason: Unsupported, File: f.Name,
			Why: model.Say("bundle.is-ber"), Hint: model.Say("bundle-hint.if-pkcs12", "else", model.Say("bundle-hint.pkcs12")),
		}
	}
	if c, err := x509.ParseCertificate(data); err == nil {
		return o.cert(f.Name, c)
	}
	if k, err := keyFromDER(data); err == nil {
		return o.addKey(f.Name, k)
	}
	switch kindOfDER(data) {
	case derPKCS12:
		return o.protected(f, decode.PKCS12, data)
	case derPKCS7:
		return &Error{Reason: Unsupported, File: f.Name, Why: model.Say("bundle.is-pkcs7"), Hint: model.Say("bundle-hint.pkcs7-der")}
	case derEncrypted:
		return o.protected(f, decode.PKCS8, data)
	}
	return &Error{Reason: Garbage, File: f.Name, Why: model.Say("bundle.nothing"), Hint: model.Say("bundle-hint.certificate-as-pem")}
}

type derKind int

const (
	derUnknown derKind = iota
	derPKCS12
	derPKCS7
	derEncrypted
)

// kindOfDER recognizes other formats by how they begin.
func kindOfDER(data []byte) derKind {
	var outer struct {
		First asn1.RawValue
		Rest  asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(data, &outer); err != nil {
		return derUnknown
	}
	switch f := outer.First; {
	case f.Tag == asn1.TagInteger && bytes.Equal(f.Bytes, []byte{3}): // PFX version 3
		return derPKCS12
	case f.Tag == asn1.TagOID: // ContentInfo
		return derPKCS7
	case f.Tag == asn1.TagSequence && outer.Rest.Tag == asn1.TagOctetString: // EncryptedPrivateKeyInfo
		return derEncrypted
	}
	return derUnknown
}

// ParseKey reads the one private key of a file: in PEM or DER, as PKCS#8, PKCS#1
// or SEC 1, or out of a PKCS#12 or JKS key store (spec A4). Certificates beside
// it are passed over. A refusal is an [*Error].
func ParseKey(f File) (crypto.Signer, error) {
	o, err := collect([]File{f})
	if err != nil {
		return nil, err
	}
	if o.key == nil {
		return nil, &Error{Reason: Garbage, File: f.Name, Why: model.Say("bundle.no-key"), Hint: model.Say("bundle-hint.bring-key")}
	}
	if err := CheckPublicKey(o.key.Public()); err != nil {
		return nil, &Error{
			Reason: WeakKey, File: f.Name,
			Why: model.Say("bundle.weak-key", "cause", err), Hint: model.Say("bundle-hint.new-key"),
		}
	}
	return o.key, nil
}
