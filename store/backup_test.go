package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"filippo.io/age"

	"certquay/model"
)

// rounds is how many backups the tests make under load: 3, or what
// CERTQUAY_BACKUPS says.
func rounds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("CERTQUAY_BACKUPS"))
	if err != nil {
		return 3
	}
	return n
}

// fastPassphrase returns a passphrase with a low work factor.
func fastPassphrase(t *testing.T, passphrase string) (age.Recipient, age.Identity) {
	t.Helper()
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(2)
	i, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return r, i
}

// step writes what belongs together in one transaction: a cell with a secret,
// named by the number of the event that is written with it, and a ledger entry.
func step(s *Store, marker string) error {
	return s.update(context.Background(), func(t *tx) error {
		head, err := t.head()
		if err != nil {
			return err
		}
		n := head.seq + 1
		a := model.Account{Name: "bank", Unit: "EUR"}
		b := model.Account{Name: "spent", Unit: "EUR"}
		for _, acc := range []*model.Account{&a, &b} {
			if err := t.Get(acc); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
		}
		a.Sum, b.Sum = a.Sum-int64(n), b.Sum+int64(n)
		entry := &model.Entry{ID: fmt.Sprint("purchase/", n), Order: "o", Postings: []model.Posting{
			{Account: "bank", Unit: "EUR", Amount: -int64(n)}, {Account: "spent", Unit: "EUR", Amount: int64(n)},
		}}
		return errors.Join(
			t.Put(&model.Order{ID: "o"}), t.Put(entry), t.Put(&a), t.Put(&b),
			t.Put(&model.KV{
				Namespace: "step", Name: fmt.Sprint(n),
				Data: bytes.Repeat([]byte{byte(n)}, 700), Secret: model.NewSecret([]byte(marker + fmt.Sprint(n))),
			}),
			t.Append(model.Event{Actor: "test", Action: "step", Result: "ok"}),
		)
	})
}

// checkMoment checks that a restored store has the state that the backup describes.
func checkMoment(t *testing.T, s *Store, sum Summary, marker string) {
	t.Helper()
	report, err := s.Fsck(context.Background())
	if err != nil || !report.Sound() {
		t.Fatalf("fsck: %v %v", err, report.Problems)
	}
	err = s.view(func(v *view) error {
		head, err := v.head()
		if err != nil {
			return err
		}
		if head.seq != sum.Events || uint64(report.Events) != sum.Events {
			t.Errorf("the last event is %d of %d, the backup says %d", head.seq, report.Events, sum.Events)
		}
		cells := uint64(0)
		for c, err := range model.All[model.KV](v, model.Scan{}) {
			if err != nil {
				return err
			}
			cells++
			if n, err := strconv.ParseUint(c.Name, 10, 64); err != nil || n == 0 || n > sum.Events {
				t.Errorf("the cell %q is of another moment than event %d", c.Name, sum.Events)
			}
			if got := string(c.Secret.Reveal()); got != marker+c.Name {
				t.Errorf("the secret of cell %s is %q", c.Name, got)
			}
		}
		spent := model.Account{Name: "spent", Unit: "EUR"}
		if err := v.Get(&spent); err != nil {
			return err
		}
		if want := int64(sum.Events * (sum.Events + 1) / 2); spent.Sum != want {
			t.Errorf("the account says %d, at event %d it was %d", spent.Sum, sum.Events, want)
		}
		if cells != sum.Events {
			t.Errorf("%d cells at event %d", cells, sum.Events)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// absent checks that a restore that failed left nothing that could be taken for
// a store, nor a key.
func (h home) absent(t *testing.T) {
	t.Helper()
	if Exists(h.dir) {
		t.Error("there is a store")
	}
	if entries, err := os.ReadDir(h.dir); err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		t.Errorf("the directory holds %v (%v)", entries, err)
	}
	if _, err := os.Stat(h.key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key file: %v", err)
	}
}

func (h home) open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// filledStore returns a store after some steps, the passphrase of its backups, and one
// backup.
func filledStore(t *testing.T, steps int) (s *Store, h home, r age.Recipient, i age.Identity, backup []byte) {
	t.Helper()
	h = newHome(t)
	s = h.open(t)
	for range steps {
		if err := step(s, "hidden-"); err != nil {
			t.Fatal(err)
		}
	}
	r, i = fastPassphrase(t, "correct horse")
	var b bytes.Buffer
	if _, err := s.Backup(context.Background(), &b, r); err != nil {
		t.Fatal(err)
	}
	return s, h, r, i, b.Bytes()
}

// While others write, each backup is one moment of the store, and can be
// restored where there is nothing of it.
// spec: O1
func TestBackupsUnderLoadAreMomentsOfTheStore(t *testing.T) {
	ctx, marker := context.Background(), "hidden-from-all-"
	h := newHome(t)
	s := h.open(t)
	key, err := os.ReadFile(h.key)
	if err != nil {
		t.Fatal(err)
	}
	r, i := fastPassphrase(t, "correct horse")
	last := uint64(0)
	for n := range rounds(t) {
		var writers sync.WaitGroup
		begun := make(chan struct{}, 240)
		for range 4 {
			writers.Go(func() {
				for range 60 {
					if err := step(s, marker); err != nil {
						t.Error(err)
					}
					begun <- struct{}{}
				}
			})
		}
		for range 5 {
			<-begun
		}
		var b bytes.Buffer
		sum, err := s.Backup(ctx, &b, r)
		writers.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if sum.Events <= last {
			t.Errorf("backup %d ends with event %d, the one before with %d", n, sum.Events, last)
		}
		last = sum.Events
		if bytes.Contains(b.Bytes(), key) || bytes.Contains(b.Bytes(), []byte(marker)) {
			t.Error("a key can be read in the backup")
		}
		told, report, err := VerifyBackup(ctx, bytes.NewReader(b.Bytes()), "", t.TempDir(), i)
		if err != nil || told != sum || !report.Sound() {
			t.Fatalf("verifying: %v, %+v for %+v, %+v", err, told, sum, report)
		}
		to := newHome(t)
		if told, err = Restore(ctx, bytes.NewReader(b.Bytes()), to.dir, to.options(), i); err != nil || told != sum {
			t.Fatalf("restoring: %v, %+v for %+v", err, told, sum)
		}
		if there, err := os.ReadFile(to.key); err != nil || !bytes.Equal(there, key) {
			t.Errorf("the key file is another one (%v)", err)
		}
		checkMoment(t, to.open(t), sum, marker)
	}
}

// A backup that is cut off, changed or encrypted to others is refused, whether
// it is verified or restored, and leaves nothing behind.
// spec: O1
func TestSpoiltBackupsAreRefused(t *testing.T) {
	ctx := context.Background()
	_, _, _, i, whole := filledStore(t, 250)
	_, wrong := fastPassphrase(t, "wrong horse")
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to := newHome(t)
	refused := func(what string, b []byte, want error, ids ...age.Identity) {
		t.Helper()
		if _, _, err := VerifyBackup(ctx, bytes.NewReader(b), to.key, "", ids...); !errors.Is(err, want) {
			t.Errorf("%s: verifying says %v", what, err)
		}
		if _, err := Restore(ctx, bytes.NewReader(b), to.dir, to.options(), ids...); !errors.Is(err, want) {
			t.Errorf("%s: restoring says %v", what, err)
		}
		if Exists(to.dir) {
			t.Fatalf("%s: there is a store", what)
		}
	}
	const ageChunk = 64<<10 + 16
	body := bytes.LastIndex(whole[:1000], []byte("--- ")) + 48 + 16 // header and nonce of age
	if chunks := (len(whole) - body) / ageChunk; chunks < 4 {
		t.Fatalf("only %d chunks", chunks)
	}
	cuts := []int{0, 1, 10, body - 1, body, len(whole) - 1}
	for at := body; at < len(whole); at += ageChunk {
		cuts = append(cuts, at-1, at, at+1)
	}
	for _, at := range cuts {
		refused(fmt.Sprintf("cut at %d of %d", at, len(whole)), whole[:at], ErrBackup, i)
	}
	refused("one byte more", append(bytes.Clone(whole), 0), ErrBackup, i)
	refused("twice", append(bytes.Clone(whole), whole...), ErrBackup, i)
	random := rand.New(rand.NewPCG(1, 2))
	for at := body; at < len(whole); at += 1 + random.IntN(ageChunk/2) {
		b := bytes.Clone(whole)
		b[at] ^= 1 << random.IntN(8)
		refused(fmt.Sprintf("bit flipped at %d", at), b, ErrBackup, i)
	}
	for at := range body { // in the header it may also look like another passphrase
		b := bytes.Clone(whole)
		b[at] ^= 1 << random.IntN(8)
		if _, _, err := VerifyBackup(ctx, bytes.NewReader(b), "", "", i); !errors.Is(err, ErrBackup) && !errors.Is(err, ErrNoIdentity) {
			t.Errorf("bit flipped at %d of the header: %v", at, err)
		}
	}
	refused("the wrong passphrase", whole, ErrNoIdentity, wrong)
	refused("the wrong identity", whole, ErrNoIdentity, other)
	refused("something else", []byte("-----BEGIN CERTIFICATE-----\n"), ErrBackup, i)
	to.absent(t)
}

// The bare copy of an upgrade is not encrypted by age. Whoever edits it, leaves
// pairs out or puts others in does not have the file key, and so is found out.
// spec: O1
func TestBareCopyMissesNothing(t *testing.T) {
	ctx := context.Background()
	s, h, _, _, _ := filledStore(t, 250)
	if err := s.backupBeforeUpgrade(ctx, h.dir, h.options().filled(), schema); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(h.dir, upgradeBackupName(schema+1)))
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for rest := whole[len(backupMagic):]; len(rest) > 0; {
		n := 4 + binary.BigEndian.Uint32(rest)
		frames, rest = append(frames, rest[:n]), rest[n:]
	}
	if len(frames) < 4 {
		t.Fatalf("only %d frames", len(frames))
	}
	join := func(frames ...[]byte) []byte { return append([]byte(backupMagic), bytes.Join(frames, nil)...) }
	if sum, report, err := VerifyBackup(
		ctx,
		bytes.NewReader(join(frames...)),
		h.key,
		"",
	); err != nil || !report.Sound() ||
		sum.Events != 250 {
		t.Fatalf("the whole one: %v, %+v", err, sum)
	}
	end := frames[len(frames)-1]
	large := binary.BigEndian.AppendUint32(nil, 1<<31)
	for what, b := range map[string][]byte{
		"without its end":         join(frames[:len(frames)-1]...),
		"without its first pairs": join(append([][]byte{frames[0]}, frames[2:]...)...),
		"without any pairs":       join(frames[0], end),
		"with pairs twice":        join(append([][]byte{frames[0], frames[1]}, frames[1:]...)...),
		"in another order":        join(frames[0], frames[2], frames[1], end),
		"without a header":        join(frames[1:]...),
		"with a huge frame":       join(frames[0], large),
		"with two ends":           join(append(frames[:len(frames):len(frames)], end)...),
	} {
		if _, _, err := VerifyBackup(ctx, bytes.NewReader(b), h.key, ""); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for at := 0; at < len(whole); at += 997 {
		b := bytes.Clone(whole)
		b[at] ^= 1
		if _, _, err := VerifyBackup(ctx, bytes.NewReader(b), h.key, ""); !errors.Is(err, ErrBackup) && !errors.Is(err, ErrNewerSchema) {
			t.Errorf("bit flipped at %d: %v", at, err)
		}
	}
	if _, _, err := VerifyBackup(ctx, bytes.NewReader(whole), newHome(t).key, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the key file: %v", err)
	}
}

// A store that is too large to be held in memory is checked in a directory, where
// nothing is left of it. Where it cannot be put there the
// backup is read to its end all the same, and the error says why no more was done.
// spec: O1
func TestALargeBackupIsCheckedInADirectory(t *testing.T) {
	ctx := context.Background()
	was, only := maxInMemory, maxMemoryOnly
	t.Cleanup(func() { maxInMemory, maxMemoryOnly = was, only })
	maxInMemory, maxMemoryOnly = 64<<10, 64<<10
	s, _, r, i, whole := filledStore(t, 600)
	place := t.TempDir()
	peeked := 0
	sum, report, err := VerifyBackup(ctx, &peeking{bytes.NewReader(whole), func() {
		peeked += len(filesBelow(t, place))
	}}, "", place, i)
	if err != nil || !report.Sound() || report.Records == 0 || sum.Events != 600 {
		t.Errorf("%v, %+v of %+v", err, report, sum)
	}
	if peeked == 0 {
		t.Error("nothing was put into the directory")
	}
	// A problem in it is found.
	if err := s.Update(ctx, func(tx model.Tx) error {
		return tx.Put(&model.Job{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Instance: "01ARZ3NDEKTSV4RRFFQ69G5FAW"})
	}); err != nil {
		t.Fatal(err)
	}
	var lame bytes.Buffer
	if _, err := s.Backup(ctx, &lame, r); err != nil {
		t.Fatal(err)
	}
	if _, report, err := VerifyBackup(ctx, &lame, "", place, i); err != nil || report.Sound() {
		t.Errorf("a job of no instance: %v, %+v", err, report)
	}
	for what, at := range map[string]string{"no directory": "", "one that is not there": filepath.Join(place, "none")} {
		var unchecked *UncheckedError
		if told, _, err := VerifyBackup(ctx, bytes.NewReader(whole), "", at, i); !errors.As(err, &unchecked) || told != sum {
			t.Errorf("%s: %v, %+v", what, err, told)
		}
		if _, _, err := VerifyBackup(ctx, bytes.NewReader(whole[:len(whole)-1]), "", at, i); !errors.Is(err, ErrBackup) {
			t.Errorf("%s, cut off: %v", what, err)
		}
	}
	if left := filesBelow(t, place); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// peeking calls look before each read.
type peeking struct {
	io.Reader
	look func()
}

func (p *peeking) Read(b []byte) (int, error) {
	p.look()
	return p.Reader.Read(b)
}

// filesBelow returns the files below a directory.
func filesBelow(t *testing.T, dir string) (all []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// What an interrupted restore left is never taken for a store, and restoring
// again makes one of it.
// spec: O1
func TestInterruptedRestoreIsNoStore(t *testing.T) {
	_, _, _, i, backup := filledStore(t, 50)
	cut := &cutOff{r: bytes.NewReader(backup), left: len(backup) / 2}
	for _, c := range []struct {
		name  string
		leave func(home)
	}{
		{"while pairs are read", func(h home) {
			if _, err := Restore(context.Background(), cut, h.dir, h.options(), i); !errors.Is(err, errCut) {
				t.Errorf("got %v", err)
			}
			h.absent(t)
			write(t, filepath.Join(h.dir, restoringName, databaseName, "MANIFEST"), "half")
		}},
		{"before the mark is put in place", func(h home) {
			if _, err := Restore(context.Background(), bytes.NewReader(backup), h.dir, h.options(), i); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(h.dir, restoringName, idName), "id")
			remove(t, filepath.Join(h.dir, idName))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			c.leave(h)
			before := h.tree(t)
			var refused *OpenError
			if _, err := Open(h.dir, h.options()); !errors.As(err, &refused) || refused.Hint == "" {
				t.Errorf("opening: %v", err)
			}
			if after := h.tree(t); fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("opening changed %v to %v", before, after)
			}
			sum, err := Restore(context.Background(), bytes.NewReader(backup), h.dir, h.options(), i)
			if err != nil {
				t.Fatal(err)
			}
			checkMoment(t, h.open(t), sum, "hidden-")
		})
	}
}

var errCut = errors.New("the reader is cut off")

// cutOff fails after some bytes.
type cutOff struct {
	r    io.Reader
	left int
}

func (c *cutOff) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errCut
	}
	n, err := c.r.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// A restore takes nothing away from anybody: neither a store that is there, nor
// other files, nor the key of another store.
// spec: O1
func TestRestoreReplacesNothing(t *testing.T) {
	_, from, _, i, backup := filledStore(t, 5)
	refused := func(what string, h home) {
		t.Helper()
		before := h.tree(t)
		var open *OpenError
		if _, err := Restore(
			context.Background(),
			bytes.NewReader(backup),
			h.dir,
			h.options(),
			i,
		); !errors.As(err, &open) ||
			open.Hint == "" {
			t.Errorf("%s: %v", what, err)
		}
		if after := h.tree(t); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("%s changed %v to %v", what, before, after)
		}
	}
	refused("a store", newHome(t).made(t))
	foreign := newHome(t)
	write(t, filepath.Join(foreign.dir, "thesis.tex"), "years of work")
	refused("a foreign file", foreign)
	other := newHome(t)
	write(t, other.key, string(randomKey()))
	write(t, filepath.Join(other.dir, "owner.lock"), "")
	refused("another key file", other)

	same := newHome(t)
	same.key = from.key
	if _, err := Restore(context.Background(), bytes.NewReader(backup), same.dir, same.options(), i); err != nil {
		t.Errorf("with the same key file: %v", err)
	}
}

// Before a store of an earlier version is changed, a copy of it is kept, from
// which it can be restored; without room for it nothing is changed.
// spec: O1
func TestACopyIsKeptBeforeAnUpgrade(t *testing.T) {
	ctx := context.Background()
	s, h, _, _, _ := filledStore(t, 20)
	steps := map[int]migration{schema: func(t *tx, _ string) (string, error) {
		return "", t.Put(&model.KV{Namespace: "step", Name: "upgraded"})
	}}
	version := func() (n int) {
		err := s.view(func(v *view) (err error) {
			n, err = v.schema()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	o := h.options().filled()
	full := o
	full.Free = func() (int64, error) { return 1, nil }
	name := filepath.Join(h.dir, upgradeBackupName(schema+1))
	var refused *OpenError
	err := s.migrate(
		ctx,
		schema+1,
		steps,
		func(ctx context.Context, from int) error { return s.backupBeforeUpgrade(ctx, h.dir, full, from) },
	)
	if !errors.As(err, &refused) || !errors.Is(err, ErrDiskFull) || version() != schema {
		t.Errorf("on a full volume: %v, schema %d", err, version())
	}
	if entries, err := filepath.Glob(name + "*"); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
	err = s.migrate(ctx, schema+1, steps, func(ctx context.Context, from int) error { return s.backupBeforeUpgrade(ctx, h.dir, o, from) })
	if err != nil || version() != schema+1 {
		t.Fatalf("upgrading: %v, schema %d", err, version())
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v", info, err)
	}
	if _, err := inspectDir(h.dir, o); err != nil {
		t.Errorf("the copy makes the directory foreign: %v", err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	to := newHome(t)
	to.key = h.key
	sum, err := Restore(ctx, f, to.dir, to.options())
	if err != nil {
		t.Fatal(err)
	}
	checkMoment(t, to.open(t), sum, "hidden-")
}

// A backup of a newer certquay is refused as its store would be, and so is one
// of a store whose key file was exchanged meanwhile.
// spec: O1
func TestBackupOfANewerStoreAndOfAnotherKey(t *testing.T) {
	ctx := context.Background()
	s, h, r, i, _ := filledStore(t, 1)
	if err := s.update(ctx, func(t *tx) error { return t.putSchema(schema + 1) }); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := s.Backup(ctx, &b, r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := VerifyBackup(ctx, &b, "", "", i); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer one: %v", err)
	}
	write(t, h.key, string(randomKey()))
	if _, err := s.Backup(ctx, &b, r); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with another key file: %v", err)
	}
}

// A backup that is stopped, or whose store is closed, leaves no file.
// spec: O1
func TestAStoppedBackupLeavesNothing(t *testing.T) {
	s, _, r, _, _ := filledStore(t, 1)
	stopped, stop := context.WithCancel(context.Background())
	stop()
	name := filepath.Join(t.TempDir(), "a.backup")
	err := WriteWhole(name, func(w io.Writer) error {
		_, err := s.Backup(stopped, w, r)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that was stopped: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}
