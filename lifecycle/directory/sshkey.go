package directory

import (
	"crypto/rsa"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// minRSA is the size of the smallest RSA key that may log in, in bits.
const minRSA = 2048

// CheckSSHKey rejects a public key that is too weak to log in with: DSA, short RSA and
// types that are not known.
func CheckSSHKey(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		if c, ok := key.(ssh.CryptoPublicKey); ok {
			if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() >= minRSA {
				return nil
			}
		}
		return model.Fail("keys.short")
	}
	return model.Fail("keys.type", "type", key.Type())
}

// ParseUserKey reads a public key as it is on a line of authorized_keys or in a .pub
// file. Options are refused: a role is set with the user.
func ParseUserKey(line string) (model.UserKey, error) {
	example := model.Say("user.key-like")
	key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(line)))
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.Say("user.private-key"), Example: example}
	case err != nil:
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.Say("user.no-key"), Example: example}
	case len(options) > 0:
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.Say("user.key-options"), Example: example}
	case len(strings.TrimSpace(string(rest))) > 0:
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.Say("user.key-lines"), Example: example}
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.Say("user.certificate"), Example: example}
	}
	if err := CheckSSHKey(key); err != nil {
		return model.UserKey{}, &rules.Invalid{Field: "key", Why: model.TextOf(err), Example: example}
	}
	if rules.CheckPrintable("key", comment, "") != nil || utf8.RuneCountInString(comment) > maxUserName {
		comment = ""
	}
	return model.UserKey{
		Fingerprint: ssh.FingerprintSHA256(key), Comment: comment, Line: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))),
	}, nil
}
