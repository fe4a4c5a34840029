package storetest

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// written are stores that earlier versions wrote and closed cleanly, which every later
// version must open. They are never regenerated. Each contains data/ (the data
// directory) and config/ (configuration and key file).
//
//go:embed written
var written embed.FS

// The stores that [Written] unpacks.
const (
	// WrittenFleet is a sandbox store with the fleet of the demo: 58 instances in every
	// state, with a history of fourteen months. Schema 1.
	WrittenFleet = "fleet"
	// WrittenDismissed is a small sandbox store with dismissed tasks. Schema 1.
	WrittenDismissed = "dismissed"
	// WrittenPassphrase is a small store that was created with a key file and later
	// protected by [WrittenPassphraseWords]. Schema 1.
	WrittenPassphrase = "passphrase"
	// WrittenPassphraseWords is the passphrase of [WrittenPassphrase].
	WrittenPassphraseWords = "correct horse"
)

// WrittenStores are the names of all these stores.
var WrittenStores = []string{WrittenFleet, WrittenDismissed, WrittenPassphrase}

// Written unpacks a store and returns its data directory, key file and configuration.
func Written(t testing.TB, name string) (data, key, config string) {
	t.Helper()
	dir := t.TempDir()
	if err := unpack(name, dir); err != nil {
		t.Fatalf("unpack the store %q: %v", name, err)
	}
	c := filepath.Join(dir, "config")
	return filepath.Join(dir, "data"), filepath.Join(c, "master.key"), filepath.Join(c, "config.yaml")
}

func unpack(name, dir string) error {
	b, err := written.ReadFile("written/" + name + ".tar.zst")
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}
