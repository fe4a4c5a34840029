package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

const word = "correct horse"

// source writes a certificate, its chain and key for openssl to work on.
func source(t *testing.T, leaf *node) string {
	t.Helper()
	dir := t.TempDir()
	p := shared()
	put(t, dir, "leaf.pem", leaf.pem())
	put(t, dir, "chain.pem", append(p.inter.pem(), p.upper.pem()...))
	put(t, dir, "key.pem", leaf.keyPEM(t, "PKCS8"))
	put(t, dir, "word", []byte(word+"\n"))
	return dir
}

// judge checks a file with its password, another and none: what is right goes
// in, and the two refusals differ from each other and from garbage.
func judge(t *testing.T, leaf *node, more []bundle.File, f bundle.File) {
	t.Helper()
	with := func(p model.Secret) []bundle.File {
		f.Password = p
		return append([]bundle.File{f}, more...)
	}
	holds(t, leaf, with(secret(word))...)
	for password, want := range map[string]bundle.Reason{"incorrect": bundle.WrongPassword, "": bundle.EncryptedKey} {
		_, err := opts(nil).Parse(with(secret(password))...)
		if reasonOf(err) != want {
			t.Errorf("%s with password %q: %v, want %s", f.Name, password, err, want)
		} else if !strings.Contains(said(err), "password") || strings.Contains(said(err), "incorrect") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// spec: I3
func TestKeyStoresOfOpenssl(t *testing.T) {
	ssl := openssl(t)
	for name, args := range map[string][]string{
		"modern":     nil,
		"legacy":     {"-legacy"},
		"3DES":       {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
		"AES-128":    {"-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512"},
		"named":      {"-name", "bücher \u202e", "-caname", "a"},
		"clear":      {"-certpbe", "NONE"},
		"iterations": {"-iter", "30000"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kt := range []model.KeyType{model.ECDSAP256, model.RSA2048} {
				leaf := leaves()[kt]
				dir := source(t, leaf)
				args := append([]string{"pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", "-certfile", "chain.pem", "-passout",
					"file:word", "-out", "a.p12"}, args...)
				run(t, dir, ssl, args...)
				judge(t, leaf, nil, load(t, dir, "a.p12", word))
			}
		})
	}
}

// spec: I3
func TestKeyStoresWithoutPassword(t *testing.T) {
	ssl, leaf := openssl(t), leaves()[model.ECDSAP256]
	dir := source(t, leaf)
	export := func(args ...string) bundle.File {
		run(t, dir, ssl, append([]string{"pkcs12", "-export", "-in", "leaf.pem", "-certfile", "chain.pem", "-out", "a.p12"}, args...)...)
		return load(t, dir, "a.p12", "")
	}
	holds(t, leaf, export("-inkey", "key.pem", "-passout", "pass:"))
	holds(t, leaf, export("-inkey", "key.pem", "-passout", "pass:", "-keypbe", "NONE", "-certpbe", "NONE", "-nomac"))
	for want, args := range map[string][]string{
		"MAC":            {"-inkey", "key.pem", "-passout", "file:word", "-nomac"},
		"no private key": {"-nokeys", "-passout", "file:word"},
	} {
		f := export(args...)
		f.Password = secret(word)
		if _, err := opts(nil).Parse(f); reasonOf(err) != bundle.Unsupported || !strings.Contains(said(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	// A key is taken out of a key store (spec A4).
	f := export("-inkey", "key.pem", "-passout", "file:word")
	f.Password = secret(word)
	if k, err := bundle.ParseKey(f); err != nil || !bundle.SamePublic(k.Public(), leaf.key.Public()) {
		t.Errorf("the key alone: %v", err)
	}
}

// spec: I3
func TestKeyStoresOfKeytool(t *testing.T) {
	ssl, java, leaf := openssl(t), keytool(t), leaves()[model.RSA2048]
	dir := source(t, leaf)
	run(t, dir, ssl, "pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", "-certfile", "chain.pem", "-name", "site", "-passout",
		"file:word", "-out", "a.p12")
	from := []string{"-importkeystore", "-noprompt", "-srckeystore", "a.p12", "-srcstorepass:file", "word", "-deststorepass:file", "word"}
	for _, kind := range []string{"PKCS12", "JKS", "JCEKS"} {
		run(t, dir, java, append(slices.Clone(from), "-destkeystore", kind, "-deststoretype", kind)...)
	}
	judge(t, leaf, nil, load(t, dir, "PKCS12", word))
	judge(t, leaf, nil, load(t, dir, "JKS", word))
	if _, err := opts(nil).Parse(load(t, dir, "JCEKS", word)); reasonOf(err) != bundle.Unsupported ||
		!strings.Contains(said(err), "keytool -importkeystore") {
		t.Errorf("JCEKS: %v", err)
	}
	// A CA trusted beside the key does not get in the way.
	stranger := newPKI(t)
	put(t, dir, "ca.pem", stranger.root.pem())
	run(t, dir, java, "-importcert", "-noprompt", "-alias", "stranger", "-file", "ca.pem", "-keystore", "JKS", "-storepass:file", "word")
	holds(t, leaf, load(t, dir, "JKS", word))
	// A key with a password of its own.
	put(t, dir, "other", []byte("another one\n"))
	run(t, dir, java, "-keypasswd", "-alias", "site", "-keystore", "JKS", "-storepass:file", "word", "-keypass:file", "word", "-new:file",
		"other")
	if _, err := opts(nil).Parse(load(t, dir, "JKS", word)); reasonOf(err) != bundle.WrongPassword ||
		!strings.Contains(said(err), "the key in it") {
		t.Errorf("another password for the key: %v", err)
	}
	// Two keys: their names are in the message, escaped.
	run(t, dir, java, "-genkeypair", "-alias", "se\u202econd", "-keyalg", "EC", "-dname", "CN=second.example.com", "-keystore", "JKS",
		"-storepass:file", "word", "-keypass:file", "word")
	if _, err := opts(nil).Parse(load(t, dir, "JKS", word)); reasonOf(err) != bundle.SeveralKeys ||
		!strings.Contains(said(err), `"site"`) || !strings.Contains(said(err), `"se\u202econd"`) {
		t.Errorf("two keys: %v", err)
	}
	run(t, dir, java, "-genkeypair", "-alias", "second", "-keyalg", "EC", "-dname", "CN=second.example.com", "-keystore", "PKCS12",
		"-storepass:file", "word")
	if _, err := opts(nil).Parse(load(t, dir, "PKCS12", word)); reasonOf(err) != bundle.SeveralKeys {
		t.Errorf("two keys in PKCS#12: %v", err)
	}
	// Certificates only.
	run(t, dir, java, "-importcert", "-noprompt", "-alias", "leaf", "-file", "leaf.pem", "-keystore", "trusted", "-storetype", "JKS",
		"-storepass:file", "word")
	b, err := opts(nil).Parse(load(t, dir, "trusted", word))
	if err != nil || codes(b) != "no-key incomplete-chain" {
		t.Errorf("certificates only: %v, %q", err, codes(b))
	}
}

// spec: I3
func TestEncryptedKeysAreOpenedWithTheirPassword(t *testing.T) {
	ssl := openssl(t)
	pkcs8 := func(args ...string) []string {
		return append([]string{"pkcs8", "-topk8", "-in", "key.pem", "-passout", "file:word"}, args...)
	}
	for name, c := range map[string]struct {
		key  model.KeyType
		args []string
	}{
		"default":       {model.RSA2048, pkcs8()},
		"DER":           {model.ECDSAP256, pkcs8("-outform", "DER")},
		"AES-128":       {model.ECDSAP384, pkcs8("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1")},
		"AES-192":       {model.ECDSAP256, pkcs8("-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA384")},
		"3DES":          {model.RSA2048, pkcs8("-v2", "des3", "-v2prf", "hmacWithSHA512", "-iter", "50000")},
		"SHA-224":       {model.RSA2048, pkcs8("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA224")},
		"scrypt":        {model.ECDSAP256, pkcs8("-scrypt")},
		"traditional":   {model.RSA2048, []string{"rsa", "-in", "key.pem", "-aes256", "-traditional", "-passout", "file:word"}},
		"traditional 2": {model.ECDSAP256, []string{"ec", "-in", "key.pem", "-des3", "-passout", "file:word"}},
	} {
		leaf := leaves()[c.key]
		dir := source(t, leaf)
		run(t, dir, ssl, append(c.args, "-out", "protected")...)
		f := load(t, dir, "protected", word)
		f.Name = name
		judge(t, leaf, []bundle.File{{Data: chainPEM(leaf)}}, f)
	}
	leaf := leaves()[model.RSA2048]
	dir := source(t, leaf)
	run(t, dir, ssl, append(pkcs8("-v1", "PBE-SHA1-3DES"), "-out", "old")...)
	if _, err := opts(nil).Parse(load(t, dir, "old", word)); reasonOf(err) != bundle.Unsupported {
		t.Errorf("PBES1: %v", err)
	}
}
