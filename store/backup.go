package store

import (
	"bufio"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"certquay/model"
	"certquay/store/engine"
)

// A backup is a line that identifies the format, followed by frames. A frame is its
// length in four bytes, big-endian, and one [frame] in CBOR: first the header, then the
// pairs of one engine snapshot, in key order and as stored, then the trailer.
// [Store.Backup] includes the file key and encrypts the stream with age. The copy that
// is kept before an upgrade is the plain stream without that key; it is protected like
// the database itself.
const (
	backupMagic  = "certquay backup\n"
	backupFormat = 1
	// frameFill is the approximate size of the pairs in a frame. frameMax is the
	// longest frame that is accepted; it exceeds the largest pair an engine takes.
	frameFill = 256 << 10
	frameMax  = 8 << 20
)

// ErrBackup is returned, wrapped, for data that is not a complete, unmodified backup.
var ErrBackup error = model.Fail("backup.not-whole")

// ErrNoIdentity is returned, wrapped, for a backup that was encrypted to other
// recipients or with another passphrase.
var ErrNoIdentity error = model.Fail("backup.no-identity")

// ErrNoKeyFile is returned for a store without a key file, such as that of a demo. A
// backup of it could not be opened.
var ErrNoKeyFile error = model.Fail("backup.no-key-file")

// badBackup returns an error that wraps [ErrBackup] and errs, with the reason.
func badBackup(why model.Text, errs ...error) error {
	return model.Fail("backup.because", "why", why).Wrapping(append(errs, ErrBackup)...)
}

// Summary describes a backup, and the moment of the store that it holds.
type Summary struct {
	Store      string    // the store's ID
	Made       time.Time // by the system clock, in UTC
	Schema     int
	Events     uint64 // the number of the last event
	Protection Protection
	Pairs      int   // number of key-value pairs
	Bytes      int64 // total size of the pairs
}

// header is the first frame.
type header struct {
	Format int        `cbor:"1,keyasint"`
	Store  string     `cbor:"2,keyasint"`
	Made   time.Time  `cbor:"3,keyasint"`
	Schema int        `cbor:"4,keyasint"`
	Events uint64     `cbor:"5,keyasint"`
	Chain  []byte     `cbor:"6,keyasint"` // chain hash of the last event
	By     Protection `cbor:"7,keyasint"`
	// FileKey is the content of the key file; absent in the copy of an upgrade.
	FileKey []byte `cbor:"8,keyasint,omitempty"`
}

type frame struct {
	Header  *header       `cbor:"1,keyasint,omitempty"`
	Pairs   []backedPair  `cbor:"2,keyasint,omitempty"`
	Trailer *backupResult `cbor:"3,keyasint,omitempty"`
}

type backedPair struct {
	_     struct{} `cbor:",toarray"`
	Key   []byte
	Value []byte
}

// backupResult is the trailer. Sum is an authentication code over everything before it,
// keyed by the file key, so that no pair can be removed even from an unencrypted copy.
type backupResult struct {
	Pairs int    `cbor:"1,keyasint"`
	Sum   []byte `cbor:"2,keyasint"`
}

// backupSum returns the hash that computes [backupResult].Sum.
func backupSum(fileKey []byte) (hash.Hash, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nil, "certquay backup", keySize)
	if err != nil {
		return nil, err
	}
	return hmac.New(sha256.New, key), nil
}

// Backup writes the present state of the store, encrypted to the recipients, while
// other callers go on writing. The backup contains the file key, so it can be restored
// on another machine; the passphrase of a protected store is still needed, and a sealed
// store can be backed up. Memory use does not depend on the size of the store. It
// returns an error when ctx ends or the store is closed; what was written until then is
// not a valid backup.
func (s *Store) Backup(ctx context.Context, w io.Writer, recipients ...age.Recipient) (Summary, error) {
	if s.keyFile == "" {
		return Summary{}, ErrNoKeyFile
	}
	fileKey, err := readKey(s.keyFile)
	if err != nil {
		return Summary{}, err
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return Summary{}, model.Fail("backup.encrypting", "cause", err)
	}
	var sum Summary
	err = s.view(func(v *view) error {
		sum, err = s.writeBackup(ctx, sealed, v, fileKey, true)
		return err
	})
	if err != nil {
		return Summary{}, err // the stream is not closed, so age will refuse it
	}
	return sum, sealed.Close()
}

// backupBeforeUpgrade writes an unencrypted copy of the database beside it, before it
// is migrated from one schema to the next.
func (s *Store) backupBeforeUpgrade(ctx context.Context, dir string, o Options, from int) error {
	fileKey, err := readKey(o.KeyFile)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, upgradeBackupName(from+1))
	err = WriteWhole(name, func(w io.Writer) error {
		return s.view(func(v *view) error {
			_, err := s.writeBackup(ctx, &spaceCheckedWriter{w: w, space: newDiskSpace(dir, o)}, v, fileKey, false)
			return err
		})
	})
	if err != nil {
		return &OpenError{What: name, Why: model.Say("open.no-copy"),
			Hint: model.Say("open-hint.upgrade-room", "dir", dir), Err: err}
	}
	s.log.Info("a copy of the store was kept before it is upgraded", "file", name)
	return nil
}

// upgradeBackupName is the name of the copy in the data directory that is made before
// an upgrade to a schema.
func upgradeBackupName(schema int) string { return fmt.Sprintf("before-schema-%d.backup", schema) }

// isUpgradeBackupName reports whether a file is such a copy, complete or not.
func isUpgradeBackupName(name string) bool {
	var n int
	_, err := fmt.Sscanf(name, "before-schema-%d.backup", &n)
	return err == nil && (name == upgradeBackupName(n) || name == upgradeBackupName(n)+PartSuffix)
}

// spaceCheckedWriter refuses to write once the volume is nearly full, because a write
// to a mapped page of the database without a disk block would kill the process.
type spaceCheckedWriter struct {
	w     io.Writer
	space *diskSpace
}

func (r *spaceCheckedWriter) Write(b []byte) (int, error) {
	if err := r.space.check(); err != nil {
		return 0, err
	}
	return r.w.Write(b)
}

// writeBackup writes the stream for a view.
func (s *Store) writeBackup(ctx context.Context, w io.Writer, v *view, fileKey []byte, withKey bool) (Summary, error) {
	h, err := v.backupHeader(fileKey)
	if err != nil {
		return Summary{}, err
	}
	if withKey {
		h.FileKey = fileKey
	}
	mac, err := backupSum(fileKey)
	if err != nil {
		return Summary{}, err
	}
	b := &backupWriter{to: bufio.NewWriterSize(w, 64<<10), mac: mac}
	if _, err := io.WriteString(io.MultiWriter(b.to, b.mac), backupMagic); err != nil {
		return Summary{}, err
	}
	if err := b.frame(frame{Header: &h}); err != nil {
		return Summary{}, err
	}
	sum := h.summary()
	var pairs []backedPair
	filled := 0
	for p, err := range v.snap.Scan(engine.Range{}) {
		if err != nil {
			return Summary{}, model.Fail("store.reading", "cause", err)
		}
		pairs = append(pairs, backedPair{Key: []byte(p.Key), Value: p.Value})
		size := len(p.Key) + len(p.Value)
		sum.Pairs, sum.Bytes, filled = sum.Pairs+1, sum.Bytes+int64(size), filled+size
		if filled < frameFill {
			continue
		}
		if err := b.frame(frame{Pairs: pairs}); err != nil {
			return Summary{}, err
		}
		pairs, filled = pairs[:0], 0
		if err := s.stopReason(ctx); err != nil {
			return Summary{}, err
		}
	}
	if len(pairs) > 0 {
		if err := b.frame(frame{Pairs: pairs}); err != nil {
			return Summary{}, err
		}
	}
	if err := s.stopReason(ctx); err != nil {
		return Summary{}, err
	}
	if err := b.frame(frame{Trailer: &backupResult{Pairs: sum.Pairs, Sum: b.mac.Sum(nil)}}); err != nil {
		return Summary{}, err
	}
	return sum, b.to.Flush()
}

// stopReason returns why a long operation should end, or nil.
func (s *Store) stopReason(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.closing:
		return ErrClosed
	default:
		return nil
	}
}

// backupHeader returns the header of a backup, after checking that the file key belongs
// to the store.
func (v *view) backupHeader(fileKey []byte) (header, error) {
	k, err := newKeyring(fileKey)
	if err != nil {
		return header{}, err
	}
	v = &view{keys: k, snap: v.snap}
	about, err := v.meta()
	if err != nil {
		return header{}, model.Fail("backup.other-key", "cause", err)
	}
	n, err := v.schema()
	if err != nil {
		return header{}, err
	}
	head, err := v.head()
	if err != nil {
		return header{}, err
	}
	m, err := v.master()
	if err != nil {
		return header{}, err
	}
	return header{
		Format: backupFormat, Store: about.ID, Made: time.Now().UTC().Truncate(time.Second),
		Schema: n, Events: head.seq, Chain: head.chain, By: m.By,
	}, nil
}

func (h *header) summary() Summary {
	return Summary{Store: h.Store, Made: h.Made, Schema: h.Schema, Events: h.Events, Protection: h.By}
}

type backupWriter struct {
	to  *bufio.Writer
	mac hash.Hash
}

// frame writes a frame and adds it to the authentication code.
func (b *backupWriter) frame(f frame) error {
	body, err := enc.Marshal(f)
	if err != nil {
		return err
	}
	if len(body) > frameMax {
		return model.Fail("backup.too-large", "bytes", len(body))
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(body)))
	for _, part := range [][]byte{size[:], body} {
		b.mac.Write(part)
		if _, err := b.to.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// PartSuffix is the suffix of a file while it is being written.
const PartSuffix = ".part"

// WriteWhole writes a file with mode 0600 atomically: the complete, synced file
// replaces one of the same name, or nothing changes.
func WriteWhole(name string, write func(io.Writer) error) error {
	part := name + PartSuffix
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return syncDir(filepath.Dir(name))
}
