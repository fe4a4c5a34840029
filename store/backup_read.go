package store

import (
	"bufio"
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"filippo.io/age"

	"certquay/model"
	"certquay/store/engine"
)

// ageMagic is the beginning of every file encrypted with age.
const ageMagic = "age-encryption.org/"

// backupReader reads the stream of a backup. It returns only pairs that the file key
// authenticates.
type backupReader struct {
	from *bufio.Reader
	mac  hash.Hash
	keys *keyring
	key  []byte // the file key
	h    header
	bare bool // the backup does not contain the file key
	Summary
}

// openBackup reads up to the header. The file key of an upgrade's copy is read from
// keyFile.
func openBackup(r io.Reader, keyFile string, identities []age.Identity) (*backupReader, error) {
	b := &backupReader{from: bufio.NewReaderSize(r, 64<<10)}
	if start, _ := b.from.Peek(len(ageMagic)); string(start) == ageMagic {
		plain, err := age.Decrypt(b.from, identities...)
		switch noMatch := new(age.NoIdentityMatchError); {
		case errors.As(err, &noMatch):
			return nil, withCause(ErrNoIdentity, err)
		case err != nil:
			return nil, badBackup(model.TextOf(err), err)
		}
		b.from = bufio.NewReaderSize(plain, 64<<10)
	}
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(b.from, magic); err != nil {
		return nil, badBackup(model.Say("backup.empty"), err)
	}
	if string(magic) != backupMagic {
		return nil, badBackup(model.Say("backup.no-magic"))
	}
	f, raw, err := b.read()
	if err != nil {
		return nil, err
	}
	if f.Header == nil {
		return nil, badBackup(model.Say("backup.no-header"))
	}
	b.h = *f.Header
	if b.h.Format > backupFormat || b.h.Schema > schema {
		return nil, model.Fail("store.newer-backup", "format", b.h.Format, "schema", b.h.Schema, "knows", backupFormat, "and", schema).
			Wrapping(ErrNewerSchema)
	}
	if b.key = b.h.FileKey; b.key == nil {
		b.bare = true
		if b.key, err = readKey(keyFile); err != nil {
			return nil, err
		}
	}
	if len(b.key) != keySize {
		return nil, badBackup(model.Say("backup.key-size", "bytes", len(b.key)))
	}
	if b.mac, err = backupSum(b.key); err != nil {
		return nil, err
	}
	if b.keys, err = newKeyring(b.key); err != nil {
		return nil, err
	}
	b.Summary = b.h.summary()
	b.mac.Write(magic)
	b.mac.Write(raw)
	return b, nil
}

// read returns the next frame, decoded and as bytes.
func (b *backupReader) read() (f frame, raw []byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(b.from, size[:]); err != nil {
		return f, nil, badBackup(model.Say("backup.cut", "cause", err), err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > frameMax {
		return f, nil, badBackup(model.Say("backup.claims", "bytes", n))
	}
	raw = make([]byte, 4+n)
	copy(raw, size[:])
	if _, err := io.ReadFull(b.from, raw[4:]); err != nil {
		return f, nil, badBackup(model.Say("backup.cut", "cause", err), err)
	}
	if err := dec.Unmarshal(raw[4:], &f); err != nil {
		return f, nil, badBackup(model.Say("backup.undecoded", "cause", err), err)
	}
	return f, raw, nil
}

// pairs calls fn for every pair, in key order, after authenticating it. It returns nil
// only if the backup is complete.
func (b *backupReader) pairs(ctx context.Context, fn func(key string, value []byte) error) error {
	last := ""
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, raw, err := b.read()
		if err != nil {
			return err
		}
		if f.Trailer != nil {
			return b.end(f.Trailer)
		}
		b.mac.Write(raw)
		for _, p := range f.Pairs {
			key := string(p.Key)
			if key <= last {
				return badBackup(model.Say("backup.order", "key", key, "last", last))
			}
			last = key
			if len(p.Value) > 0 || key[:1] != indexSpace { // an empty index entry repeats its record and is not authenticated
				if _, err := b.keys.verify(key, p.Value); err != nil {
					return badBackup(model.TextOf(err), err)
				}
			}
			b.Pairs++
			b.Bytes += int64(len(p.Key) + len(p.Value))
			if err := fn(key, p.Value); err != nil {
				return err
			}
		}
	}
}

// end checks the trailer, and that nothing follows it.
func (b *backupReader) end(t *backupResult) error {
	if t.Pairs != b.Pairs || !hmac.Equal(t.Sum, b.mac.Sum(nil)) {
		return badBackup(model.Say("backup.other-end"))
	}
	switch _, err := b.from.ReadByte(); {
	case err == nil:
		return badBackup(model.Say("backup.trailing"))
	case !errors.Is(err, io.EOF):
		return badBackup(model.Say("backup.cut", "cause", err), err)
	}
	return nil
}

// VerifyBackup reads a whole backup, authenticates its content, checks that it is
// complete, and checks the store in it as [Store.Fsck] does. Up to 64 MiB are held in
// memory. A larger store is written to a directory made in temporary, encrypted with a
// key that is only in memory, and removed afterwards. If temporary is "", nothing is
// written, and a store of more than 256 MiB is not checked. keyFile is used only for
// the copy of an upgrade.
//
// The error wraps [ErrNoIdentity] if no identity decrypts the backup, [ErrBackup] if it
// is not complete and unmodified, or [ErrNewerSchema] if a newer certquay wrote it. It
// is an [UncheckedError] if the backup is complete but the store in it was not checked.
func VerifyBackup(
	ctx context.Context, r io.Reader, keyFile, temporary string, identities ...age.Identity,
) (sum Summary, report Report, err error) {
	b, err := openBackup(r, keyFile, identities)
	if err != nil {
		return sum, report, err
	}
	held, err := newScratch(temporary)
	if err != nil {
		return sum, report, err
	}
	defer func() { err = errors.Join(err, held.close()) }()
	err = b.pairs(ctx, func(key string, value []byte) error {
		held.put(ctx, key, value)
		return nil
	})
	if err == nil {
		report, err = held.check(ctx, b)
	}
	return b.Summary, report, err
}

// loader writes pairs into an engine in batches.
type loader struct {
	to    engine.Engine
	batch engine.Batch
}

func newLoader(e engine.Engine) *loader { return &loader{to: e} }

func (l *loader) put(ctx context.Context, key string, value []byte) error {
	if !l.to.Limit().Holds(l.batch.Size()+engine.Size(key, value), len(l.batch.Writes)+1) {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	l.batch.Put(key, value)
	return nil
}

func (l *loader) flush(ctx context.Context) error {
	err := l.to.Apply(ctx, &l.batch)
	l.batch = engine.Batch{}
	return err
}
