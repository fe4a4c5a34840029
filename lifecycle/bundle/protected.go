package bundle

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"certquay/lifecycle/bundle/decode"
)

// maxProtected is how many files and keys with a password one upload may have,
// since each costs a child process and up to seconds (see package decode).
const maxProtected = 3

// protected opens a key store or an encrypted key and takes what is in it.
func (o *found) protected(f File, kind decode.Kind, data []byte) error {
	if kind == decode.PKCS8 && f.Password.Empty() {
		return encrypted(f.Name)
	}
	if o.opened++; o.opened > maxProtected {
		return &Error{
			Reason: SeveralKeys,
			File:   f.Name,
			Why:    fmt.Sprintf("there are more than %d encrypted keys and key stores", maxProtected),
			Hint:   "leave only the key of this certificate",
		}
	}
	got, err := decode.Open(context.Background(), kind, data, f.Password)
	if err != nil {
		return protectedRefusal(f, kind, err)
	}
	for _, der := range got.Certs {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return badCertificate(f.Name, err)
		}
		if err := o.cert(f.Name, c); err != nil {
			return err
		}
	}
	if got.Key.Empty() {
		return nil
	}
	return o.keyDER(f.Name, got.Key.Reveal())
}

// legacyKey opens a key encrypted as RFC 1423 has it, which openssl did before
// version 1.0. One round of MD5 makes its key, so it needs no child.
func (o *found) legacyKey(f File, b *pem.Block) error {
	if f.Password.Empty() {
		return encrypted(f.Name)
	}
	der, err := x509.DecryptPEMBlock(b, f.Password.Reveal()) //nolint:staticcheck // deprecated as weak, but to be read
	if err != nil && !errors.Is(err, x509.IncorrectPasswordError) {
		return &Error{Reason: Unsupported, File: f.Name, Why: "the private key is encrypted in a way that is not read", Hint: decryptHint}
	}
	k, keyErr := keyFromDER(der)
	if err != nil || keyErr != nil { // its padding is right for one wrong password in 256
		return wrongPassword(f.Name, "the private key")
	}
	return o.addKey(f.Name, k)
}

// What to do instead, for each kind of file.
const (
	decryptHint = "decrypt it first: openssl pkey -in KEY -out PLAIN, and remove PLAIN afterwards"
	pkcs12Hint  = "turn it into PEM with: openssl pkcs12 -in FILE -nodes -out PEM, and remove PEM afterwards"
	jksHint     = "turn it into PKCS#12 with: keytool -importkeystore -srckeystore FILE -destkeystore NEW -deststoretype PKCS12"
)

func kindName(kind decode.Kind) (name, hint string) {
	switch kind {
	case decode.PKCS12:
		return "the PKCS#12 file", pkcs12Hint
	case decode.JKS:
		return "the Java key store", jksHint
	}
	return "the private key", decryptHint
}

// protectedRefusal says in words why a file was not opened.
func protectedRefusal(f File, kind decode.Kind, err error) error {
	name, hint := kindName(kind)
	refuse := func(r Reason, why, hint string) error {
		return &Error{Reason: r, File: f.Name, Why: why, Hint: hint}
	}
	var e *decode.Error
	if !errors.As(err, &e) {
		return refuse(Unsupported, name+" cannot be opened", hint)
	}
	switch e.Problem {
	case decode.WrongPassword:
		if f.Password.Empty() {
			return refuse(EncryptedKey, name+" is protected by a password", "give the password with it, or "+hint)
		}
		return wrongPassword(f.Name, name)
	case decode.KeyPassword:
		return refuse(WrongPassword, "the password opens "+name+" but not the key in it",
			"give the key the same password as the store, with keytool -keypasswd or by making the file again")
	case decode.SeveralKeys:
		why := "there are several private keys in " + name
		if len(e.Details) > 0 {
			why += ": " + quoted(e.Details)
		}
		return refuse(SeveralKeys, why, "bring each key with its certificate in a file of its own")
	case decode.NoKey:
		return refuse(Unsupported, name+" has no private key", "bring its certificates in PEM: openssl pkcs12 -in FILE -nokeys -out PEM")
	case decode.NoCertificate:
		return refuse(Unsupported, name+" has no certificate", "bring its key in PEM: openssl pkcs12 -in FILE -nodes -nocerts -out PEM")
	case decode.NoMAC:
		return refuse(Unsupported, name+" has no check value (MAC), so whether it is whole cannot be told", hint)
	case decode.Unsupported:
		return refuse(Unsupported, name+" uses what is not read here: "+quoted(e.Details), hint)
	case decode.Expensive:
		return refuse(TooExpensive,
			name+" is too expensive to open: it asks for more than 2 seconds of work or 64 MB of memory",
			"make it again with an ordinary number of iterations, or "+hint)
	case decode.Unavailable:
		return refuse(NotAvailable, name+" cannot be opened at the moment: "+quoted(e.Details), "try again, or "+hint)
	}
	return refuse(Garbage, name+" is damaged or cut off", "copy it again as a whole")
}

func wrongPassword(file, name string) error {
	return &Error{
		Reason: WrongPassword,
		File:   file,
		Why:    "the password does not open " + name,
		Hint:   "check the password; if it is right, the file is damaged",
	}
}

// quoted lists untrusted text for a message, cut and escaped.
func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, strconv.Quote(cut(s, 80)))
	}
	return strings.Join(out, ", ")
}
