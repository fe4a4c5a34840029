package store

import (
	"bytes"
	"errors"
	"io"

	"filippo.io/age"

	"certquay/model"
)

// Protection is what protects the master key.
type Protection string

// Protections. The key file is needed in both.
const (
	ByFile       Protection = "file"       // the key file and the data suffice to read secrets
	ByPassphrase Protection = "passphrase" // the store opens sealed, and the passphrase is needed to read secrets
)

// master is the stored form of the master key: encrypted with a key derived from the
// key file and, with a passphrase, encrypted again with age.
type master struct {
	By      Protection `cbor:"1,keyasint"`
	Wrapped []byte     `cbor:"2,keyasint"`
	// NeverByFileAlone means that this master key was never stored protected by the key
	// file alone. Files of stores that were given a passphrase by an early version may
	// contain it in that form.
	NeverByFileAlone bool `cbor:"3,keyasint,omitzero"`
}

func (k *keyring) wrapMaster(key []byte, passphrase model.Secret, work int) ([]byte, error) {
	wrapped, err := seal(k.wrapKey, key, metaMaster)
	if err != nil {
		return nil, err
	}
	m := master{By: ByFile, Wrapped: wrapped, NeverByFileAlone: true}
	if !passphrase.Empty() {
		m.By = ByPassphrase
		if m.Wrapped, err = encrypt(wrapped, passphrase, work); err != nil {
			return nil, err
		}
	}
	return enc.Marshal(m)
}

// encrypt encrypts with age and a passphrase (scrypt).
func encrypt(plain []byte, passphrase model.Secret, work int) ([]byte, error) {
	r, err := age.NewScryptRecipient(string(passphrase.Reveal()))
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(work)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func decrypt(b []byte, passphrase model.Secret) ([]byte, error) {
	i, err := age.NewScryptIdentity(string(passphrase.Reveal()))
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(b), i)
	if noMatch := new(age.NoIdentityMatchError); errors.As(err, &noMatch) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (v *view) master() (m master, err error) {
	b, err := v.get(metaMaster)
	if errors.Is(err, model.ErrNotFound) {
		return m, corruptError(metaMaster, "damage.missing")
	}
	if err != nil {
		return m, err
	}
	if err := dec.Unmarshal(b, &m); err != nil {
		return m, withCause(corruptError(metaMaster, "damage.undecoded"), err)
	}
	return m, nil
}

// unwrap decrypts the master key into the keyring. Without a passphrase, a store that
// needs one stays sealed.
func (k *keyring) unwrap(m master, passphrase model.Secret) error {
	wrapped := m.Wrapped
	if m.By == ByPassphrase {
		if passphrase.Empty() {
			return nil
		}
		var err error
		if wrapped, err = decrypt(wrapped, passphrase); err != nil {
			return err
		}
	}
	key, err := open(k.wrapKey, wrapped, metaMaster)
	if err != nil {
		return withCause(corruptError(metaMaster, "damage.master"), err)
	}
	k.setMaster(key)
	return nil
}

// Protection returns what protects the master key, and whether the store is sealed:
// then secrets can be neither read nor written.
func (s *Store) Protection() (by Protection, sealed bool, err error) {
	err = s.view(func(v *view) error {
		m, err := v.master()
		by = m.By
		return err
	})
	_, e := s.keys.masterKey()
	return by, e != nil, err
}

// Unseal decrypts the master key of a store that is protected by a passphrase. A wrong
// passphrase is an error that wraps [ErrPassphrase]. It takes about a second.
func (s *Store) Unseal(passphrase model.Secret) error {
	if passphrase.Empty() {
		return ErrPassphrase
	}
	return s.view(func(v *view) error {
		m, err := v.master()
		if err != nil {
			return err
		}
		return s.keys.unwrap(m, passphrase)
	})
}

// ForgetMasterKey seals a store that is protected by a passphrase: the master key is
// removed from memory.
func (s *Store) ForgetMasterKey() error {
	by, _, err := s.Protection()
	if err != nil {
		return err
	}
	if by != ByPassphrase {
		return model.Fail("store.no-passphrase")
	}
	s.keys.setMaster(nil)
	return nil
}

// Exposed reports whether the store is protected by a passphrase but its files may also
// contain the master key protected by the key file alone, as early versions of certquay
// left it. [Rekey] corrects this.
func (s *Store) Exposed() (exposed bool, err error) {
	err = s.view(func(v *view) error {
		m, err := v.master()
		exposed = m.By == ByPassphrase && !m.NeverByFileAlone
		return err
	})
	return exposed, err
}
