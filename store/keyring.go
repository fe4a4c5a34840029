package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

const (
	keySize = 32
	macSize = 16
)

// keyring holds the keys derived from the file key: one authenticates stored values,
// one chains events, and one wraps the master key. The master key wraps data keys, of
// which every secret has its own. It is safe for concurrent use.
type keyring struct {
	chainKey []byte
	wrapKey  []byte
	macs     sync.Pool // of *macState

	mu     sync.RWMutex
	master []byte // nil while sealed
}

func newKeyring(fileKey []byte) (*keyring, error) {
	k := &keyring{}
	derived := map[string][]byte{"records": nil, "events": nil, "master": nil}
	for use := range derived {
		b, err := hkdf.Key(sha256.New, fileKey, nil, "certquay "+use, keySize)
		if err != nil {
			return nil, err
		}
		derived[use] = b
	}
	k.chainKey, k.wrapKey = derived["events"], derived["master"]
	k.macs.New = func() any { return &macState{hash: hmac.New(sha256.New, derived["records"])} }
	return k, nil
}

// macState is a keyed hash with the memory that it needs.
type macState struct {
	hash hash.Hash
	head []byte // length and storage key
	sum  [sha256.Size]byte
}

// mac appends the authentication code of a storage key and its value to dst.
func (k *keyring) mac(dst []byte, key string, value []byte) []byte {
	m := k.macs.Get().(*macState)
	defer k.macs.Put(m)
	m.hash.Reset()
	m.head = append(binary.BigEndian.AppendUint64(m.head[:0], uint64(len(key))), key...)
	m.hash.Write(m.head)
	m.hash.Write(value)
	return append(dst, m.hash.Sum(m.sum[:0])[:macSize]...)
}

// authenticate returns the value followed by its authentication code.
func (k *keyring) authenticate(key string, value []byte) []byte {
	out := make([]byte, 0, len(value)+macSize)
	return k.mac(append(out, value...), key, value)
}

// verify returns the value if the stored bytes were written under this key.
func (k *keyring) verify(key string, stored []byte) ([]byte, error) {
	if len(stored) < macSize {
		return nil, corruptError(key, "damage.cut")
	}
	value, got := stored[:len(stored)-macSize], stored[len(stored)-macSize:]
	var room [macSize]byte
	if want := k.mac(room[:0], key, value); !hmac.Equal(got, want) {
		return nil, corruptError(key, "damage.authentication")
	}
	return value, nil
}

// chain returns the keyed hash of an encoded event and the previous hash.
func (k *keyring) chain(before, event []byte) []byte {
	h := hmac.New(sha256.New, k.chainKey)
	h.Write(before)
	h.Write(event)
	return h.Sum(nil)
}

// gcm returns AES-256-GCM with random nonces.
func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func seal(key, plain []byte, bound string) ([]byte, error) {
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, []byte(bound)), nil //nolint:gosec // it generates its own nonce
}

func open(key, sealed []byte, bound string) ([]byte, error) {
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return a.Open(nil, nil, sealed, []byte(bound))
}

func randomKey() []byte {
	b := make([]byte, keySize)
	_, _ = rand.Read(b) // never fails
	return b
}

func (k *keyring) setMaster(b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.master = b
}

// masterKey returns the master key, or [ErrSealed].
func (k *keyring) masterKey() ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.master == nil {
		return nil, ErrSealed
	}
	return k.master, nil
}

// sealSecret encrypts a secret under a new data key, bound to the record's storage key.
// The data key is returned wrapped and stored separately; without it the secret cannot
// be decrypted.
func (k *keyring) sealSecret(record string, secret []byte) (sealed, wrapped []byte, err error) {
	master, err := k.masterKey()
	if err != nil {
		return nil, nil, err
	}
	data := randomKey()
	if sealed, err = seal(data, secret, record); err != nil {
		return nil, nil, err
	}
	wrapped, err = seal(master, data, dataKeyOf(record))
	return sealed, wrapped, err
}

// openSecret is the inverse of sealSecret.
func (k *keyring) openSecret(record string, sealed, wrapped []byte) ([]byte, error) {
	master, err := k.masterKey()
	if err != nil {
		return nil, err
	}
	data, err := open(master, wrapped, dataKeyOf(record))
	if err == nil {
		var secret []byte
		if secret, err = open(data, sealed, record); err == nil {
			return secret, nil
		}
	}
	return nil, withCause(corruptError(record, "damage.secret"), err)
}
