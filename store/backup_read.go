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

// ageMagic begins every file that age has encrypted.
const ageMagic = "age-encryption.org/"

// backupReader reads the stream of a backup, and hands out nothing of the store
// that the file key does not authenticate.
type backupReader struct {
	from *bufio.Reader
	mac  hash.Hash
	keys *keyring
	key  []byte // the file key
	h    header
	bare bool // the file key was not in it
	Summary
}

// openBackup reads up to the header. The key of a bare copy comes from keyFile.
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

// read reads the next frame, and its bytes.
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

// pairs hands out the pairs in the order of their keys, authenticated, and
// returns nil only when all that the backup was written with were there.
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
			if len(p.Value) > 0 || key[:1] != indexSpace { // such an entry says nothing that its record does not say
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

// end checks the trailer, after which nothing may come.
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

// VerifyBackup reads a whole backup, authenticates everything in it, checks that
// nothing is missing, and then checks the store that is in it as [Store.Fsck] does.
// Up to 64 MiB it holds that in memory and writes nothing. A larger one lies in a
// directory meanwhile that is made in temporary, encrypted with a key that nobody
// keeps, and is removed. With temporary "" nothing is written, and a store of more
// than 256 MiB is not checked. keyFile is used for the bare copy of an upgrade alone.
//
// The error wraps [ErrNoIdentity] when no identity opens the backup,
// [ErrBackup] when it is not whole, [ErrNewerSchema] when a newer certquay
// wrote it, and is an [UncheckedError] when all that is missing is the report.
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

// loader writes pairs into an engine, as many at a time as it takes.
type loader struct {
	to    engine.Engine
	batch engine.Batch
}

func newLoader(e engine.Engine) *loader { return &loader{to: e} }

func (l *loader) put(ctx context.Context, key string, value []byte) error {
	if l.batch.Size()+engine.Size(key, value) > l.to.Limit() || len(l.batch.Writes) == loadPairs {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	l.batch.Put(key, value)
	return nil
}

// loadPairs is how many pairs are written at a time at most.
const loadPairs = 4096

func (l *loader) flush(ctx context.Context) error {
	err := l.to.Apply(ctx, &l.batch)
	l.batch = engine.Batch{}
	return err
}
