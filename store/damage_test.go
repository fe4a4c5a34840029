package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/model"
)

// long is how often something is repeated: n, or what an environment variable
// says, for the long runs that ROBUSTNESS.md names.
func long(t testing.TB, variable string, n int) int {
	t.Helper()
	if v := os.Getenv(variable); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// damagedStore is a store as a killed process left it, and what had been
// acknowledged by then.
type damagedStore struct {
	home
	acknowledged int
}

// killed makes a store whose process is killed while it writes: a copy of its
// files, taken while the store is open, the high-water mark first, since a copy
// is not of one moment.
func killed(t *testing.T, root string, lives int) damagedStore {
	t.Helper()
	h := home{filepath.Join(root, "data"), filepath.Join(root, "config", "key")}
	acknowledged := 0
	write := func(s *Store, n int) {
		t.Helper()
		for range n {
			err := s.Update(context.Background(), func(tx model.Tx) error {
				name := fmt.Sprintf("%06d", acknowledged)
				return errors.Join(
					tx.Put(
						&model.KV{Namespace: "s", Name: name, Data: bytes.Repeat([]byte(name), 40), Secret: model.NewSecret([]byte(name))},
					),
					tx.Append(model.Event{Action: "buy", Detail: model.Quoted("", name), Result: "ok"}),
				)
			})
			if err != nil {
				t.Fatal(err)
			}
			acknowledged++
		}
	}
	for range lives {
		s, err := Open(h.dir, h.options())
		if err != nil {
			t.Fatal(err)
		}
		write(s, 60)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write(s, 60)
	v := damagedStore{home{h.dir + "-killed", h.key}, acknowledged}
	copySparse(t, h.dir, v.dir)
	return v
}

// copySparse copies a directory; what is zero at the end of a file stays a
// hole.
func copySparse(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, rel), bytes.TrimRight(b, "\x00"), 0o600); err != nil {
			return err
		}
		return os.Truncate(filepath.Join(to, rel), int64(len(b)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outcome is what became of a damaged store.
type outcome int

const (
	refused outcome = iota // a file is named and nothing was changed
	whole                  // it opens and holds everything
	less                   // it opens and holds less, or wrong things, and does not say so
	unclear                // it is refused without saying where
)

var outcomes = []string{"refused", "whole", "less", "unclear"}

// openDamaged opens a damaged store and returns the outcome.
func (v damagedStore) openDamaged(t *testing.T, o Options) (outcome, error) {
	t.Helper()
	before := v.contents(t)
	s, err := Open(v.dir, o)
	if err != nil {
		var e *OpenError
		switch {
		case !errors.As(err, &e) || !strings.HasPrefix(e.What, filepath.Dir(v.dir)):
			return unclear, err
		case v.contents(t) != before:
			return unclear, fmt.Errorf("files were changed, and then: %w", err)
		}
		return refused, err
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for n := range v.acknowledged {
		name := fmt.Sprintf("%06d", n)
		c := model.KV{Namespace: "s", Name: name}
		err := s.View(func(r model.Reader) error { return r.Get(&c) })
		if err != nil || string(c.Secret.Reveal()) != name {
			return less, fmt.Errorf("of %d records, number %d: %w", v.acknowledged, n, err)
		}
	}
	r, err := s.Fsck(context.Background())
	if err != nil || !r.Sound() || r.Events < v.acknowledged {
		return less, fmt.Errorf("fsck: %+v, %w", r, err)
	}
	return whole, nil
}

// contents describes all files: name, size and non-zero content.
func (v damagedStore) contents(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %d %x\n", path, len(b), sha256.Sum256(bytes.TrimRight(b, "\x00")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// files returns the files of a store, including the key file, relative to its root.
func (v damagedStore) files(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"data-killed/*", "data-killed/db/*", "config/*"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(v.dir), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && filepath.Base(name) != reserveName {
				names = append(names, name)
			}
		}
	}
	return names
}

// fresh returns a new copy of the store.
func (v damagedStore) fresh(t *testing.T) damagedStore {
	t.Helper()
	root := t.TempDir()
	copySparse(t, filepath.Dir(v.dir), root)
	return damagedStore{home{filepath.Join(root, filepath.Base(v.dir)), filepath.Join(root, "config", "key")}, v.acknowledged}
}

// One flipped bit, in whichever file of a store that was killed while it was
// writing: it is refused with the file named, or it holds everything. Without
// the high-water mark some hold less and do not say so, which shows that the
// test would find it. CERTQUAY_FLIPS=200 for the long run.
//
// finding: R-C3
func TestAFlippedBitNeverMakesAStoreSilentlyLess(t *testing.T) {
	v := killed(t, t.TempDir(), 3)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	count, control := map[outcome]int{}, map[outcome]int{}
	files := v.files(t)
	for n := range long(t, "CERTQUAY_FLIPS", 40) {
		name := files[n%len(files)]
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		written := len(bytes.TrimRight(b, "\x00"))
		at := rnd.IntN(max(1, min(len(b), written+64)))
		if len(b) == 0 {
			continue
		}
		damage := func() damagedStore {
			w := v.fresh(t)
			path := filepath.Join(filepath.Dir(w.dir), strings.TrimPrefix(name, filepath.Dir(v.dir)))
			flip(t, path, at, 1<<rnd.IntN(8))
			return w
		}
		w := damage()
		got, err := w.openDamaged(t, w.options())
		count[got]++
		if got == less || got == unclear {
			t.Errorf("seed %d, flip %d, byte %d of %s: %s: %v", seed, n, at, filepath.Base(name), outcomes[got], err)
		}
		if strings.HasSuffix(name, ".mem") {
			w := damage()
			o := w.options()
			o.AcceptLoss = true
			got, _ := w.openDamaged(t, o)
			control[got]++
		}
	}
	t.Logf(
		"refused %d, whole %d, silently less %d; without the mark, of flips in the log, %d hold less",
		count[refused],
		count[whole],
		count[less],
		control[less],
	)
	if control[less] == 0 {
		t.Error("without the mark nothing was lost either, so nothing was tested")
	}
}

func flip(t *testing.T, path string, at, bits int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, int64(at)); err != nil {
		t.Fatal(err)
	}
	one[0] ^= byte(bits)
	_, err = f.WriteAt(one, int64(at))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// damages are what happens to files besides single bits.
var damages = map[string]func(path string) error{
	"deleted":        os.Remove,
	"emptied":        func(path string) error { return os.Truncate(path, 0) },
	"cut in half":    func(path string) error { return resize(path, func(n int64) int64 { return n / 2 }) },
	"without an end": func(path string) error { return resize(path, func(n int64) int64 { return max(0, n-1) }) },
	"with an end of zeros": func(path string) error {
		return resize(path, func(n int64) int64 { return n + 4096 })
	},
	"with a beginning of zeros": func(path string) error { return overwrite(path, 0, make([]byte, 4096)) },
	"with zeros in the middle":  func(path string) error { return overwrite(path, 0.5, make([]byte, 512)) },
	"with noise in the middle":  func(path string) error { return overwrite(path, 0.5, bytes.Repeat([]byte{0xa5, 0x3c}, 64)) },
	"with noise at the end": func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(bytes.Repeat([]byte("noise"), 20))
		return errors.Join(err, f.Close())
	},
	"a directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	"a pipe":      func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
	"a link to nothing": func(path string) error {
		return errors.Join(os.Remove(path), os.Symlink(path+"-gone", path))
	},
}

func resize(path string, to func(int64) int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, to(info.Size()))
}

// overwrite replaces a part of the non-zero content.
func overwrite(path string, where float64, with []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n := len(bytes.TrimRight(b, "\x00"))
	copy(b[int(where*float64(n)):], with)
	return os.WriteFile(path, b, 0o600)
}

// Each kind of damage to each file of a store that was killed.
//
// finding: R-C3
// finding: R-M1
func TestNoDamageMakesAStoreSilentlyLess(t *testing.T) {
	v := killed(t, t.TempDir(), 3)
	count := map[outcome]int{}
	for _, name := range v.files(t) {
		for what, damage := range damages {
			w := v.fresh(t)
			path := filepath.Join(filepath.Dir(w.dir), strings.TrimPrefix(name, filepath.Dir(v.dir)))
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			got, err := w.openDamaged(t, w.options())
			count[got]++
			if got == less || got == unclear {
				t.Errorf("%s is %s: %s: %v", filepath.Base(name), what, outcomes[got], err)
			}
		}
	}
	t.Logf("refused %d, whole %d, silently less %d", count[refused], count[whole], count[less])
	if slices.Min([]int{count[refused], count[whole]}) == 0 {
		t.Error("all ended alike, so little was tested")
	}
}

// What a store holds less is named, and nothing is changed until somebody
// gives it up; then copies of the files are kept and it goes on.
//
// finding: R-C3
func TestWhatIsMissingIsNamedAndCanBeGivenUp(t *testing.T) {
	v := killed(t, t.TempDir(), 1)
	log, err := filepath.Glob(filepath.Join(v.dir, "db", "*.mem"))
	if err != nil || len(log) != 1 {
		t.Fatal(log, err)
	}
	b, err := os.ReadFile(log[0])
	if err != nil {
		t.Fatal(err)
	}
	flip(t, log[0], bytes.Index(b, []byte("000100")), 1)
	_, err = Open(v.dir, v.options())
	var missing *DataMissingError
	if !errors.As(err, &missing) || missing.Commits != 20 || missing.From != 101 || missing.To != 120 {
		t.Fatalf("got %v (%+v)", err, missing)
	}
	if model.TextOf(err).Message().Texts["hint"].Code() != "open-hint.accept-loss" {
		t.Errorf("the message: %v", err)
	}
	o := v.options()
	o.AcceptLoss = true
	s, err := Open(v.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		s.Update(context.Background(), func(tx model.Tx) error { return tx.Append(model.Event{Action: "x"}) }),
		s.Close(),
	); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(v.dir, cutOffName, "*", "*.mem"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("copies: %v, %v", kept, err)
	}
	if c, err := os.ReadFile(kept[0]); err != nil || !bytes.Contains(c, []byte("000119")) {
		t.Errorf("the copy does not hold what was cut off: %v", err)
	}
	if s, err = Open(v.dir, v.options()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
