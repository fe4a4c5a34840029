package store

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// Options of [Open] and [With].
type Options struct {
	// KeyFile is the path of a file with 32 random bytes, which authenticate records
	// and wrap the master key. It is created with mode 0600 together with a store if it
	// does not exist. If it is "", which only [With] allows, the key is random and lost
	// with the Store.
	KeyFile string
	// Passphrase, if not empty, protects the master key of a store that is created. It
	// is not used to open one; see [Store.Unseal].
	Passphrase model.Secret
	// WorkFactor is the scrypt work factor, as a power of two; 0 means 18.
	WorkFactor int
	// OnTableBuilt, if not nil, is called from a goroutine of the store once the search
	// table is built. The caller can then return the memory that building it used.
	OnTableBuilt func()
	Logger       *slog.Logger     // nil for none
	Now          func() time.Time // the creation time of a new store; nil means time.Now
	// MinFree is the free space on the volume, in bytes, below which writes are
	// refused; 0 means 128 MiB, a negative value means no limit.
	MinFree int64
	// Reserve is the size, in bytes, of a file that is deleted if its space is needed
	// to close the store cleanly; 0 means 16 MiB, a negative value means no such file.
	Reserve int64
	// Free returns the free space on the volume in bytes; nil means asking the
	// operating system.
	Free func() (int64, error)
	// AcceptLoss opens a store that contains less than its high-water mark says, or
	// whose mark is missing. The missing data is given up. Copies of files that the
	// database truncates are kept in the data directory.
	AcceptLoss bool
	// Copies is the directory for the copy that is kept before the store in an engine is
	// upgraded; "" means none. [Open] keeps it in the data directory.
	Copies string
	// CloseTimeout is how long Close waits for the database; 0 means 8 s.
	CloseTimeout time.Duration
}

const (
	defaultMinFree = 128 << 20
	defaultReserve = 16 << 20
	// defaultCloseTimeout is ample for a flush of 16 MiB. On a volume that accepts no
	// writes the database would retry forever.
	defaultCloseTimeout = 8 * time.Second
)

func (o Options) filled() Options {
	if o.WorkFactor == 0 {
		o.WorkFactor = 18
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.CloseTimeout == 0 {
		o.CloseTimeout = defaultCloseTimeout
	}
	return o
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	eng  engine.Engine
	keys *keyring
	log  *slog.Logger
	work int // scrypt work factor, as a power of two
	// keyFile is read again for each backup, so that the key does not stay in memory.
	keyFile      string
	space        *diskSpace     // nil without a directory
	highWater    *highWaterFile // nil without a directory
	reached      highWater      // how far the store has come; the committer's
	closeTimeout time.Duration  // for the engine to close
	feed         feed
	table        *search.Table
	contacts     atomic.Pointer[map[model.ID]string] // their names; nil until read
	build        tableBuild
	tableFile    *tableFile // nil without a directory

	// groups is how many groups were committed, recent are the last of them, and current is
	// the transaction that runs. Only the committer writes them.
	groups  atomic.Uint64
	recent  [recentGroups]*overlay
	current *tx

	requests chan *request
	closing  chan struct{} // closed when Close begins
	stopped  chan struct{} // closed when the committer has ended
	failed   atomic.Pointer[error]

	mu     sync.Mutex // guards closed, and readers.Add against readers.Wait
	closed bool
	// readers are snapshots in use, which the engine must outlive.
	readers sync.WaitGroup
}

// start starts the goroutines of a store over an engine that has been checked.
func start(e engine.Engine, k *keyring, l *dirState, o Options) (*Store, error) {
	s := &Store{
		eng: e, keys: k, log: o.Logger, work: o.WorkFactor, closeTimeout: o.CloseTimeout, keyFile: o.KeyFile, table: search.New(),
		tableFile: newTableFile(l),
		requests:  make(chan *request, maxGroupCallers),
		closing:   make(chan struct{}), stopped: make(chan struct{}),
	}
	// The table is built from this snapshot and then updated by the committer, which
	// does not run yet, so no change is missed.
	snap, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	if s.reached, _, err = (&view{keys: k, snap: snap}).progress(); err != nil {
		snap.Close()
		return nil, err
	}
	s.startBuild(snap, o.OnTableBuilt)
	go s.commitLoop()
	return s, nil
}

// View runs fn on one consistent snapshot. Calls may be nested.
func (s *Store) View(fn func(model.Reader) error) error {
	return s.view(func(v *view) error { return fn(v) })
}

func (s *Store) view(fn func(*view) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.readers.Done()
	snap, err := s.eng.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	return fn(&view{keys: s.keys, snap: snap})
}

func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.readers.Add(1)
	return nil
}

// Close finishes the running write, refuses queued ones, saves the search table if it has
// changed much, ends all subscriptions, waits for readers, and closes the engine. Closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()

	close(s.closing)
	<-s.stopped
	s.build.stop()
	<-s.build.ended
	s.saveTable(s.afterCommits)
	s.feed.close()
	s.readers.Wait()
	return errors.Join(s.space.releaseReserve(), s.closeEngine(), s.highWater.close())
}

// closeEngine closes the engine, unless the volume has no room for the final flush or
// closing takes too long. Acknowledged writes are in the log, which is replayed when
// the store is opened again.
func (s *Store) closeEngine() error {
	if err := s.space.roomToClose(); err != nil {
		s.log.Warn("the database is left as it is; its log is read at the next start", "reason", err)
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- s.eng.Close() }()
	select {
	case err := <-done:
		return err
	case <-time.After(s.closeTimeout):
		if err := s.space.checkDir(); err != nil {
			return err
		}
		return model.Fail("store.not-closed")
	}
}
