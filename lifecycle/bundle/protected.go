package bundle

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strconv"

	"certquay/lifecycle/bundle/decode"
	"certquay/model"
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
			Reason: SeveralKeys, File: f.Name,
			Why: model.Say("bundle.too-many-protected", "most", maxProtected), Hint: model.Say("bundle-hint.one-key"),
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
		return &Error{
			Reason: Unsupported, File: f.Name,
			Why: model.Say("bundle.encryption-unknown"), Hint: model.Say("bundle-hint.decrypt"),
		}
	}
	k, keyErr := keyFromDER(der)
	if err != nil || keyErr != nil { // its padding is right for one wrong password in 256
		return wrongPassword(f.Name, model.Say("bundle.private-key"))
	}
	return o.addKey(f.Name, k)
}

// kindName says what is to be opened, and what to do instead.
func kindName(kind decode.Kind) (name, hint model.Text) {
	switch kind {
	case decode.PKCS12:
		return model.Say("bundle.pkcs12-file"), model.Say("bundle-hint.pkcs12")
	case decode.JKS:
		return model.Say("bundle.java-store"), model.Say("bundle-hint.jks")
	}
	return model.Say("bundle.private-key"), model.Say("bundle-hint.decrypt")
}

// protectedRefusal says in words why a file was not opened.
func protectedRefusal(f File, kind decode.Kind, err error) error {
	name, hint := kindName(kind)
	refuse := func(r Reason, code string, hint model.Text, args ...any) error {
		return &Error{Reason: r, File: f.Name, Why: model.Say(code, append(args, "file", name)...), Hint: hint}
	}
	var e *decode.Error
	if !errors.As(err, &e) {
		return refuse(Unsupported, "bundle.unopened", hint)
	}
	switch e.Problem {
	case decode.WrongPassword:
		if f.Password.Empty() {
			return refuse(EncryptedKey, "bundle.protected", model.Say("bundle-hint.password-or", "else", hint))
		}
		return wrongPassword(f.Name, name)
	case decode.KeyPassword:
		return refuse(WrongPassword, "bundle.key-password", model.Say("bundle-hint.key-password"))
	case decode.SeveralKeys:
		if len(e.Names) > 0 {
			return refuse(SeveralKeys, "bundle.keys-in-file-named", model.Say("bundle-hint.each-key"), "names", quoted(e.Names))
		}
		return refuse(SeveralKeys, "bundle.keys-in-file", model.Say("bundle-hint.each-key"))
	case decode.NoKey:
		return refuse(Unsupported, "bundle.file-no-key", model.Say("bundle-hint.certificates-as-pem"))
	case decode.NoCertificate:
		return refuse(Unsupported, "bundle.file-no-certificate", model.Say("bundle-hint.key-as-pem"))
	case decode.NoMAC:
		return refuse(Unsupported, "bundle.file-no-mac", hint)
	case decode.Unsupported:
		return refuse(Unsupported, "bundle.file-unsupported", hint, "what", short(e.What))
	case decode.Expensive:
		return refuse(TooExpensive, "bundle.file-expensive", model.Say("bundle-hint.iterations-or", "else", hint))
	case decode.Unavailable:
		return refuse(NotAvailable, "bundle.file-unavailable", model.Say("bundle-hint.again-or", "else", hint), "why", e.What)
	}
	return refuse(Garbage, "bundle.file-damaged", model.Say("bundle-hint.copy-again"))
}

func wrongPassword(file string, name model.Text) error {
	return &Error{
		Reason: WrongPassword, File: file,
		Why: model.Say("bundle.wrong-password", "file", name), Hint: model.Say("bundle-hint.check-password"),
	}
}

// short is what a file asks for, with what stands in the file cut.
func short(t model.Text) model.Text {
	return t.Map(func(s string) string { return cut(s, 80) })
}

// quoted lists untrusted text for a message, cut and escaped.
func quoted(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strconv.Quote(cut(s, 80)))
	}
	return out
}
