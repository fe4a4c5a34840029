package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"certquay/model"
	"certquay/store/engine"
)

// dig looks through all files below a directory for a master key that the key
// file alone opens, whether the database still knows of it or not.
func dig(t *testing.T, dir, keyFile string) (found [][]byte) {
	t.Helper()
	file, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	mark := []byte("\x01\x64file\x02\x58") // as CBOR begins a master key by file, before its length
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for at := 0; err == nil; {
			n := bytes.Index(b[at:], mark)
			if n < 0 {
				break
			}
			at += n + len(mark)
			if size := int(b[at]); at+1+size <= len(b) {
				if key, err := open(k.wrapKey, b[at+1:at+1+size], metaMaster); err == nil {
					found = append(found, key)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// opens counts the data keys of a closed store that one of the master keys
// opens.
func opens(t *testing.T, h home, keys [][]byte) (n, of int) {
	t.Helper()
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.view(func(v *view) error {
		for p, err := range v.snap.Scan(engine.Prefix(dataKeySpace)) {
			if err != nil {
				return err
			}
			wrapped, err := v.keys.verify(p.Key, p.Value)
			if err != nil {
				return err
			}
			of++
			for _, key := range keys {
				if _, err := open(key, wrapped, p.Key); err == nil {
					n++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, of
}

func (h home) withSecret(t *testing.T, passphrase string) {
	t.Helper()
	o := h.options()
	o.Passphrase = model.NewSecret([]byte(passphrase))
	s, err := Open(h.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(context.Background(), func(tx model.Tx) error {
		return tx.Put(&model.KV{Namespace: "s", Name: "key", Secret: model.NewSecret([]byte("a private key"))})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// secret reads the secret of a store that is opened with a passphrase.
func (h home) secret(t *testing.T, passphrase string) string {
	t.Helper()
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if passphrase != "" {
		if err := s.Unseal(model.NewSecret([]byte(passphrase))); err != nil {
			t.Fatal(err)
		}
	}
	k := model.KV{Namespace: "s", Name: "key"}
	if err := s.View(func(r model.Reader) error { return r.Get(&k) }); err != nil {
		t.Fatal(err)
	}
	if exposed, err := s.Exposed(); err != nil || exposed {
		t.Errorf("exposed: %v, %v", exposed, err)
	}
	if r, err := s.Fsck(context.Background()); err != nil || !r.Sound() {
		t.Errorf("fsck: %+v, %v", r, err)
	}
	return string(k.Secret.Reveal())
}

// Whoever has the data directory and the key file, and not the passphrase,
// opens no secret: the master key was never there in another form, or is no
// longer.
//
// finding: R-C2
func TestAPassphraseIsTheOnlyWayToTheMasterKey(t *testing.T) {
	h := newHome(t)
	h.withSecret(t, "")
	if n, of := opens(t, h, dig(t, h.dir, h.key)); n != of || of == 0 {
		t.Fatalf("the control finds %d of %d keys, so nothing is tested", n, of)
	}
	none := func(when string) {
		t.Helper()
		if keys := dig(t, h.dir, h.key); len(keys) > 0 {
			n, of := opens(t, h, keys)
			t.Errorf("%s: the key file alone opens %d master keys, and with them %d of %d secrets", when, len(keys), n, of)
		}
	}
	rekey := func(from, to string) {
		t.Helper()
		if err := Rekey(context.Background(), h.dir, h.options(), model.NewSecret([]byte(from)), model.NewSecret([]byte(to))); err != nil {
			t.Fatal(err)
		}
		if got := h.secret(t, to); got != "a private key" {
			t.Errorf("after going from %q to %q the secret is %q", from, to, got)
		}
	}
	rekey("", "first")
	none("protected later")
	rekey("first", "second")
	none("with another passphrase")
	if s, err := Open(h.dir, h.options()); err != nil {
		t.Fatal(err)
	} else {
		if err := s.Unseal(model.NewSecret([]byte("first"))); !errors.Is(err, ErrPassphrase) {
			t.Errorf("the former passphrase: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	rekey("second", "") // back to the key file
	if err := Rekey(context.Background(), h.dir, h.options(), model.NewSecret([]byte("wrong")), model.Secret{}); err != nil {
		t.Errorf("a passphrase that the store does not have is not needed: %v", err)
	}

	h = newHome(t)
	h.withSecret(t, "from the start")
	none("made with a passphrase")
	if got := h.secret(t, "from the start"); got != "a private key" {
		t.Errorf("the secret is %q", got)
	}
	if err := Rekey(
		context.Background(),
		h.dir,
		h.options(),
		model.NewSecret([]byte("wrong")),
		model.Secret{},
	); !errors.Is(
		err,
		ErrPassphrase,
	) {
		t.Errorf("the wrong passphrase: %v", err)
	}
}

// A re-keying that was interrupted leaves the store as it was, or as it is to
// be.
func TestAnInterruptedRekeyingIsFinishedOrForgotten(t *testing.T) {
	for name, interrupt := range map[string]func(db string) error{
		"while copying":           func(db string) error { return os.CopyFS(db+".next", os.DirFS(t.TempDir())) },
		"between the two renames": func(db string) error { return os.Rename(db, db+".next") },
		"before the old one went": func(db string) error { return os.CopyFS(db+".old", os.DirFS(db)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.withSecret(t, "")
			db := filepath.Join(h.dir, databaseName)
			if err := interrupt(db); err != nil {
				t.Fatal(err)
			}
			if got := h.secret(t, ""); got != "a private key" {
				t.Errorf("the secret is %q", got)
			}
			for _, left := range []string{databaseNext, databaseOld} {
				if _, err := os.Stat(filepath.Join(h.dir, left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", left, err)
				}
			}
		})
	}
}
