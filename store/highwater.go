package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"certquay/model"
)

// markName is the file with the high-water mark, which records how much was committed.
// A database cannot detect that its newest part is missing, because it truncates its
// log at the first unreadable entry. The mark is stored separately, so that a store
// with missing data refuses to open.
const markName = "high-water"

// highWater is the progress of a store. The zero value is that of a new store.
type highWater struct {
	commits uint64 // number of committed groups
	events  eventHead
}

const (
	markSlots = 2
	slotSize  = 4096 // a torn write of one slot leaves the other intact
	markBytes = 1 + 8 + 8 + chainSize
	chainSize = 32
	// markEvery is how old the mark on disk can be after a loss of power. When only the
	// process dies, nothing is lost.
	markEvery = time.Second
)

// markKey returns the key that binds the authentication code to the slot.
func markKey(slot int) string { return fmt.Sprintf("%s\x00%d", markName, slot) }

func (h highWater) encode() []byte {
	b := make([]byte, 0, markBytes)
	b = append(b, 1) // version
	b = binary.BigEndian.AppendUint64(b, h.commits)
	b = binary.BigEndian.AppendUint64(b, h.events.seq)
	return append(b, append(bytes.Clone(h.events.chain), make([]byte, chainSize)...)[:chainSize]...)
}

func decodeMark(b []byte) (h highWater, err error) {
	if len(b) != markBytes || b[0] != 1 {
		return h, model.Fail("damage.version")
	}
	h.commits = binary.BigEndian.Uint64(b[1:])
	h.events = eventHead{binary.BigEndian.Uint64(b[9:]), bytes.Clone(b[17:])}
	return h, nil
}

// highWaterFile is the open file. The committer writes it after each group and before
// it returns the results; a goroutine syncs it.
type highWaterFile struct {
	file     *os.File
	keys     *keyring
	log      *slog.Logger
	nextSlot int // that is written next

	mu      sync.Mutex // guards unsaved
	unsaved bool
	stop    chan struct{}
	stopped chan struct{}
}

// readMark reads the high-water mark of a store. Without a file the error wraps
// [fs.ErrNotExist].
func readMark(path string, k *keyring) (newest highWater, err error) {
	b, err := readRegular(path)
	if err != nil {
		return newest, err
	}
	found := false
	for slot := range markSlots {
		from := slot * slotSize
		if len(b) < from+markBytes+macSize {
			break
		}
		value, err := k.verify(markKey(slot), b[from:from+markBytes+macSize])
		if err != nil {
			continue // torn or never written; use the other one
		}
		h, err := decodeMark(value)
		if err != nil {
			return newest, err
		}
		if !found || h.commits > newest.commits {
			newest, found = h, true
		}
	}
	if !found {
		return newest, model.Fail("damage.changed")
	}
	return newest, nil
}

// openMark opens the file for writing, creating it if necessary, and writes the
// progress.
func openMark(path string, k *keyring, at highWater, log *slog.Logger) (*highWaterFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m := &highWaterFile{file: f, keys: k, log: log, stop: make(chan struct{}), stopped: make(chan struct{})}
	// The whole file is written now, so that its blocks are allocated before the disk
	// is full.
	if info, err := f.Stat(); err != nil || info.Size() < markSlots*slotSize {
		_, err = f.WriteAt(make([]byte, markSlots*slotSize), 0)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	for range markSlots {
		if err := m.write(at); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(f.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	go m.syncLoop()
	return m, nil
}

// write records the progress. It is visible to every process that opens the file from
// now on, even if this process is killed.
func (m *highWaterFile) write(at highWater) error {
	if m == nil {
		return nil
	}
	if _, err := m.file.WriteAt(m.keys.authenticate(markKey(m.nextSlot), at.encode()), int64(m.nextSlot)*slotSize); err != nil {
		return err
	}
	m.nextSlot = (m.nextSlot + 1) % markSlots
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsaved = true
	return nil
}

func (m *highWaterFile) syncLoop() {
	defer close(m.stopped)
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
			if err := m.sync(); err != nil {
				m.log.Error("the high-water mark could not be synced", "error", err)
			}
		}
	}
}

func (m *highWaterFile) sync() error {
	m.mu.Lock()
	unsaved := m.unsaved
	m.unsaved = false
	m.mu.Unlock()
	if !unsaved {
		return nil
	}
	return m.file.Sync()
}

func (m *highWaterFile) close() error {
	if m == nil {
		return nil
	}
	close(m.stop)
	<-m.stopped
	return errors.Join(m.sync(), m.file.Close())
}

// progress returns the progress of the database. Stores from before there was a mark do
// not count commits; marked reports that this one does.
func (v *view) progress() (at highWater, marked bool, err error) {
	if at.events, err = v.head(); err != nil {
		return at, false, err
	}
	b, err := v.get(metaCommits)
	if errors.Is(err, model.ErrNotFound) {
		return at, false, nil
	}
	if err != nil {
		return at, false, err
	}
	n, w := binary.Uvarint(b)
	if w <= 0 {
		return at, false, corruptError(metaCommits, "damage.undecoded")
	}
	at.commits = n
	return at, true, nil
}

// DataMissingError reports that the newest part of the database is missing. Nothing was
// changed.
type DataMissingError struct {
	Commits uint64 // number of missing commits
	// From and To are the first and the last missing event; both are 0 if none is
	// missing.
	From, To uint64
}

func (e *DataMissingError) Error() string { return e.AsText().String() }

// AsText returns the message.
func (e *DataMissingError) AsText() model.Text {
	if e.To == 0 {
		return model.Say("damage.less", "n", e.Commits)
	}
	return model.Say("damage.less-events", "n", e.Commits, "from", e.From, "to", e.To)
}

// compare returns an error unless the database is as far as the mark says.
func (v *view) compare(want highWater) error {
	at, _, err := v.progress()
	if err != nil {
		return err
	}
	if at.commits < want.commits || at.events.seq < want.events.seq {
		e := &DataMissingError{Commits: want.commits - min(at.commits, want.commits)}
		if at.events.seq < want.events.seq {
			e.From, e.To = at.events.seq+1, want.events.seq
		}
		return e
	}
	if want.events.seq == 0 {
		return nil
	}
	// The last event of that time must still be there, unchanged.
	var e model.Event
	e.Seq = want.events.seq
	_, err = v.load(recordKey(model.KindEvent, e.RecordKey()), &e)
	if err == nil && !bytes.Equal(e.Chain, want.events.chain) {
		err = model.Fail("damage.event", "event", want.events.seq)
	}
	return err
}
