package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/model"
)

// LoadHostKey reads the server's private key from a file in OpenSSH's format, or
// creates an Ed25519 key with mode 0600 if the file does not exist. Concurrent
// processes get the same key.
func LoadHostKey(path string) (gossh.Signer, error) {
	for range 2 {
		f, err := session.OpenRegular(path)
		if errors.Is(err, fs.ErrNotExist) {
			if err := makeHostKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(f, maxKeysFile))
		st, serr := f.Stat()
		if err := errors.Join(err, serr, f.Close()); err != nil {
			return nil, err
		}
		if st.Mode().Perm()&0o077 != 0 {
			return nil, model.Fail("host-key.readable", "file", path, "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
		k, err := gossh.ParsePrivateKey(text)
		if err != nil {
			return nil, model.Fail("host-key.unusable", "file", path, "cause", err)
		}
		return restrictAlgorithms(k)
	}
	return nil, model.Fail("host-key.vanished", "file", path)
}

// restrictAlgorithms disables SHA-1 signatures for an RSA key, and refuses DSA.
func restrictAlgorithms(k gossh.Signer) (gossh.Signer, error) {
	switch k.PublicKey().Type() {
	case gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521:
		return k, nil
	case gossh.KeyAlgoRSA:
		if a, ok := k.(gossh.AlgorithmSigner); ok {
			return gossh.NewSignerWithAlgorithms(a, []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256})
		}
	}
	return nil, model.Fail("host-key.type", "type", k.PublicKey().Type())
}

// makeHostKey writes a new key. It fails if the name exists.
func makeHostKey(path string) error {
	key, err := NewKeyText()
	if err != nil {
		return err
	}
	return writeHostKey(path, key)
}

// NewKeyText returns a new Ed25519 key in OpenSSH's format.
func NewKeyText() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(key, "certquay")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// KeepHostKey writes a private key in OpenSSH's format to the file for [LoadHostKey], unless
// there is one.
func KeepHostKey(path string, key []byte) error {
	if err := writeHostKey(path, key); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// writeHostKey writes a key and links it to its name, so that it appears complete. It fails
// if the name exists.
func writeHostKey(path string, key []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".host-key.*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
