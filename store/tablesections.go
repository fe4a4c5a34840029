package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// tablePlace says what a table contains: everything up to a commit.
type tablePlace struct {
	highWater
	batch uint64 // the engine's number of that commit
	event uint64 // the engine's number of the commit with the last event; 0 if there is none
}

// errForeignTable means that a file is not of this store as it is now.
var errForeignTable = errors.New("it belongs to another state of the store")

// place returns the commit that a snapshot shows.
func (v *view) place() (p tablePlace, err error) {
	snap, ok := v.snap.(engine.Numbered)
	if !ok {
		return p, errors.ErrUnsupported
	}
	if p.highWater, _, err = v.progress(); err != nil {
		return p, err
	}
	if p.batch, err = snap.Number(metaCommits); err != nil {
		return p, err
	}
	if p.events.seq > 0 {
		p.event, err = snap.Number(eventKey(p.events.seq))
	}
	return p, err
}

func eventKey(seq uint64) string {
	e := model.Event{Seq: seq}
	return recordKey(model.KindEvent, e.RecordKey())
}

// changedSince returns the keys of the instances that have changed since a place, or
// errForeignTable if the snapshot is not of a later state of the same database.
func (v *view) changedSince(p tablePlace) (keys []string, err error) {
	now, err := v.place()
	if err != nil {
		return nil, err
	}
	if err := v.compare(p.highWater); err != nil {
		return nil, err
	}
	snap := v.snap.(engine.Numbered)
	if p.events.seq > 0 {
		if n, err := snap.Number(eventKey(p.events.seq)); err != nil || n != p.event {
			return nil, errors.Join(errForeignTable, err)
		}
	}
	if p.commits == now.commits || p.batch >= now.batch {
		if p.commits != now.commits || p.batch != now.batch {
			return nil, errForeignTable
		}
		return nil, nil
	}
	for key, err := range snap.Since(engine.Prefix(recordKey(model.KindInstance, "")), p.batch) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sectionKey binds the authentication code of a section to the file, which has a random
// name, and to its place in it.
func sectionKey(file []byte, n uint64) string {
	return fmt.Sprintf("%s\x00%x\x00%d", tableFileName, file, n)
}

const tableFileNameSize = 16

// tableWriter writes the sections of a file.
type tableWriter struct {
	w    io.Writer
	keys *keyring
	file []byte // its random name
	n    uint64 // sections so far
	code []byte
}

// begin writes the first section.
func (w *tableWriter) begin(id string, p tablePlace) error {
	file := randomKey()[:tableFileNameSize]
	b := append([]byte{search.Layout}, file...)
	b = binary.BigEndian.AppendUint64(b, p.batch)
	b = binary.BigEndian.AppendUint64(b, p.event)
	b = append(b, p.encode()...)
	b = append(b, id...)
	if err := w.write(b); err != nil {
		return err
	}
	w.file = file
	return nil
}

// write writes a section.
func (w *tableWriter) write(section []byte) error {
	w.code = w.keys.mac(w.code[:0], sectionKey(w.file, w.n), section)
	w.n++
	for _, part := range [][]byte{binary.BigEndian.AppendUint32(nil, uint32(len(section))), section, w.code} {
		if _, err := w.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// tableReader reads the sections of a file.
type tableReader struct {
	r    io.Reader
	left int64 // bytes of the file
	keys *keyring
	file []byte
	n    uint64
	room []byte
}

// begin reads the first section, which must be of the store with an ID, in the present
// layout.
func (r *tableReader) begin(id string) (p tablePlace, err error) {
	b, err := r.next(context.Background())
	if err != nil {
		return p, err
	}
	const fixed = 1 + tableFileNameSize + 8 + 8 + markBytes
	if len(b) < fixed || b[0] != search.Layout || string(b[fixed:]) != id {
		return p, errForeignTable
	}
	file, b := append([]byte(nil), b[1:1+tableFileNameSize]...), b[1+tableFileNameSize:]
	p.batch, p.event = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	p.highWater, err = decodeMark(b[16 : 16+markBytes])
	r.file = file
	return p, err
}

// next reads a section, which is valid until the next call.
func (r *tableReader) next(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(r.r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:])) + macSize
	if r.left -= int64(len(size) + n); r.left < 0 {
		return nil, corruptError(tableFileName, "damage.cut")
	}
	if cap(r.room) < n {
		r.room = make([]byte, n)
	}
	b := r.room[:n]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return nil, err
	}
	section, err := r.keys.verify(sectionKey(r.file, r.n), b)
	r.n++
	return section, err
}

// end reads the last section, behind which nothing may follow.
func (r *tableReader) end() error {
	b, err := r.next(context.Background())
	if err == nil && (len(b) > 0 || r.left > 0) {
		err = corruptError(tableFileName, "damage.cut")
	}
	return err
}
