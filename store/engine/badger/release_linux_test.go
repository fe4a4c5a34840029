package badger

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"certquay/store/engine"
)

// mappedTables is how many bytes of the tables in a directory are mapped and in memory.
func mappedTables(t *testing.T, dir string) (bytes int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kB int
		switch line := lines.Text(); {
		case strings.HasSuffix(line, ".sst"):
			table = strings.Contains(line, dir+"/")
		case table && strings.HasPrefix(line, "Rss:"):
			if _, err := fmt.Sscanf(line, "Rss: %d kB", &kB); err != nil {
				t.Fatal(err)
			}
			bytes += kB << 10
		}
	}
	return bytes
}

func readAll(t *testing.T, e *Engine) (pairs int) {
	t.Helper()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for p, err := range s.Scan(engine.Range{}) {
		if err != nil {
			t.Error(err)
			return pairs
		}
		if n := len(p.Key); len(p.Value) != 1000 || string(p.Value[:n]) != p.Key || string(p.Value[1000-n:]) != p.Key {
			t.Errorf("%q is %q", p.Key, p.Value)
		}
		pairs++
	}
	return pairs
}

func fillFrom(t *testing.T, e *Engine, from, to int) {
	t.Helper()
	for ; from < to; from += 1000 {
		var b engine.Batch
		for n := from; n < min(to, from+1000); n++ {
			key := fmt.Sprintf("%08d", n*7919%100_000)
			value := bytes.Repeat([]byte("-"), 1000)
			copy(value, key)
			copy(value[1000-len(key):], key)
			b.Put(key, value)
		}
		if err := e.Apply(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever reads the whole database leaves only a part of it mapped, and what others read
// while tables are written, compacted and removed is right.
func TestReadingEverythingLeavesLittleMapped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	start := func(create bool) *Engine {
		e, err := Open(dir, Options{Create: create})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		return e
	}
	e := start(true)
	fillFrom(t, e, 0, 10_000)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = start(false)
	if n := readAll(t, e); n != 10_000 {
		t.Fatalf("%d pairs", n)
	}
	whole := mappedTables(t, dir)
	if whole < 10_000*1000 {
		t.Fatalf("only %d bytes are mapped, so this proves little", whole)
	}
	e.maxRead = 1 << 20
	got := whole
	for range 20 { // Badger may map tables meanwhile, which it writes or compacts
		readAll(t, e)
		if got = mappedTables(t, dir); got < whole*3/4 { // the kernel may map 2 MiB for each byte
			break
		}
	}
	if got >= whole*3/4 {
		t.Errorf("%d of %d bytes are mapped", got, whole)
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for range 2 {
				readAll(t, e)
				if err := e.Verify(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	fillFrom(t, e, 5_000, 20_000)
	readers.Wait()
	if n := readAll(t, e); n != 20_000 {
		t.Errorf("%d pairs", n)
	}
}
