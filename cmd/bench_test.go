package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"certquay/cmd/config"
	"certquay/cmd/waittest"
	"certquay/model"
	"certquay/store"
	"certquay/ui/widget"
)

// filled fills the person's store with n issued instances.
func (p *person) filled(n int) {
	p.t.Helper()
	key := filepath.Join(p.home, ".config", "certquay", "master.key")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		p.t.Fatal(err)
	}
	s, err := store.Open(p.data, store.Options{KeyFile: key})
	if err != nil {
		p.t.Fatal(err)
	}
	fillStore(p.t, s, n, nil)
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// filledID is the ID of the kth instance that [fillStore] writes.
func filledID(k int) model.ID { return model.ID(fmt.Sprintf("01M80000000000000000%06d", k)) }

// fillStore writes n issued instances, each with a chain unless that is nil.
func fillStore(t testing.TB, s *store.Store, n int, chain [][]byte) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	// As an engine leaves it: whom to tell when and the tasks are planned, and the CA was
	// asked today. Else all of that is made up for while it is measured.
	var before []time.Duration
	for _, days := range config.Default().Notify.ExpiryDays {
		before = append(before, time.Duration(days)*24*time.Hour)
	}
	if err := s.Update(context.Background(), func(tx model.Tx) error {
		return errors.Join(
			tx.Put(&model.KV{Namespace: "notify", Name: "plan", Data: fmt.Append(nil, before)}),
			tx.Put(&model.KV{Namespace: "engine", Name: "tasks", Data: []byte("2")}),
		)
	}); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < n; from += 250 {
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k := from; k < min(from+250, n); k++ {
				name := fmt.Sprintf("n%06d.example.com", k)
				start := now.Add(-time.Duration(k%190) * 24 * time.Hour)
				i := model.Instance{
					ID:                  filledID(k),
					Name:                name,
					State:               model.Issued,
					Origin:              model.OriginBought,
					Years:               1,
					Spec:                model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Free},
					Created:             start,
					Application:         model.Application{Domains: []string{name}, KeyType: model.ECDSAP256},
					ServiceStart:        start,
					ServiceEnd:          start.AddDate(1, 0, 0),
					RevocationCheckedAt: now,
					Versions: []model.Version{
						{
							Number:      1,
							Serial:      fmt.Sprintf("%032x", k+1),
							Fingerprint: fmt.Sprintf("%064x", k+1),
							Subject:     name,
							Domains:     []string{name},
							KeyType:     "ecdsa-p256",
							NotBefore:   start,
							NotAfter:    start.Add(300*24*time.Hour - time.Second),
							Issued:      start,
							Issuer:      "embedded",
						},
					},
				}
				if err := tx.Put(&i); err != nil {
					return err
				}
				if chain == nil {
					continue
				}
				if err := tx.Put(&model.Chain{Instance: i.ID, Number: 1, Certificates: chain}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// cpu is what the threads of a process have used, in milliseconds, as the
// scheduler counts it: /proc/PID/stat counts ticks, which are longer than a key.
func cpu(t testing.TB, pid int) (used float64) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		used += ns / 1e6
	}
	return used
}

// emptyProgram builds the baseline program for comparison with the dashboard.
func emptyProgram(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "empty")
	if out, err := exec.Command("go", "build", "-o", bin, "./testdata/empty").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// perKey types so many keys and finds how long a frame takes to follow one, at the
// 95th percentile, and what one costs the process, in milliseconds.
func (s *screen) perKey(keys int, key func(n int) string) (frame, own float64) {
	s.t.Helper()
	var took []float64
	used := cpu(s.t, s.cmd.Process.Pid)
	for n := range keys {
		s.mu.Lock()
		s.first = time.Time{}
		s.mu.Unlock()
		begun := time.Now()
		if _, err := io.WriteString(s.keys, key(n)); err != nil {
			s.t.Fatal(err)
		}
		waittest.Pause(50 * time.Millisecond) // a quick person
		var at time.Time
		if !waittest.Eventually(patience/4, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			at = s.first
			return !at.IsZero()
		}) {
			s.t.Fatalf("key %d: nothing was drawn:\n%s", n, s.text())
		}
		took = append(took, ms(at.Sub(begun)))
	}
	own = (cpu(s.t, s.cmd.Process.Pid) - used) / float64(keys)
	slices.Sort(took)
	return took[keys*95/100], own
}

// waitIdle waits until a process uses no more CPU for a while, but at most for some time. On
// a loaded machine even one that works may get little.
func (s *screen) waitIdle(most time.Duration) {
	s.t.Helper()
	end := time.Now().Add(most)
	waittest.Pause(time.Second)
	settled := cpu(s.t, s.cmd.Process.Pid)
	for calm := 0; calm < 4 && time.Now().Before(end); {
		waittest.Pause(500 * time.Millisecond)
		now := cpu(s.t, s.cmd.Process.Pid)
		if calm++; now-settled >= 8 {
			calm = 0
		}
		settled = now
	}
}

// resident is how much memory a process has, in MiB: its own, and pages of files
// that it has mapped, which the kernel takes back when it needs them.
func resident(t testing.TB, pid int) (own, file float64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		var kB float64
		if _, err := fmt.Sscanf(l, "RssAnon: %g kB", &kB); err == nil {
			own = kB / 1024
		}
		if _, err := fmt.Sscanf(l, "RssFile: %g kB", &kB); err == nil {
			file = kB / 1024
		}
	}
	if own == 0 || file == 0 {
		t.Fatalf("the kernel does not say what process %d has:\n%s", pid, b)
	}
	return own, file
}

// filtered pastes a filter and finds how long it takes until its first row is
// shown, and until the answer is whole, in milliseconds. Of n instances it lets
// one in a hundred thousand pass, others for each row, of 1,000 from the first on.
func (s *screen) filtered(n, row int) (shown, whole float64) {
	s.t.Helper()
	s.typeKeys("/")
	begun := time.Now()
	if _, err := fmt.Fprintf(s.keys, "\x1b[200~%05d.ex\x1b[201~", row); err != nil {
		s.t.Fatal(err)
	}
	s.waitFor(fmt.Sprintf("n%06d", row))
	shown = s.since(begun)
	all := fmt.Sprintf("%d of %s ", max(1, n/100_000), widget.Count(n))
	if !waittest.Eventually(patience, func() bool { return !strings.Contains(s.waitFor(all), "so far") }) {
		s.t.Fatalf("the answer does not become whole:\n%s", s.text())
	}
	whole = s.since(begun)
	s.typeKeys(enter, esc)
	waittest.Pause(time.Second) // esc and a key at once are that key with alt
	return shown, whole
}

// since is how long after begun what stands on the screen was read, in
// milliseconds: looking at the screen takes longer than that.
func (s *screen) since(begun time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ms(s.last.Sub(begun))
}

// keyed types a filter letter by letter and finds for each how long it takes
// until the rows that are left of n are counted, in milliseconds. Letters that
// leave as many as there were are not to be seen, and do not count.
func (s *screen) keyed(n, row int) (took []float64) {
	s.t.Helper()
	s.typeKeys("/")
	name, left := fmt.Sprintf("n%06d", row), n
	for k := range name {
		before := left
		left = 0
		for row := range n {
			if strings.HasPrefix(fmt.Sprintf("n%06d", row), name[:k+1]) {
				left++
			}
		}
		begun := time.Now()
		if _, err := io.WriteString(s.keys, name[k:k+1]); err != nil {
			s.t.Fatal(err)
		}
		s.waitFor(fmt.Sprintf("%s of %s ", widget.Count(left), widget.Count(n)))
		if left != before {
			took = append(took, s.since(begun))
		}
		waittest.Pause(100 * time.Millisecond)
	}
	s.typeKeys(enter, esc)
	waittest.Pause(time.Second)
	return took
}

// idleCPU returns the CPU time of a process whose screen is not used, in milliseconds a
// minute.
func (s *screen) idleCPU() float64 {
	s.waitIdle(10 * time.Minute)
	const while = 20 * time.Second // the times that are shown are refreshed twice
	before := cpu(s.t, s.cmd.Process.Pid)
	waittest.Pause(while)
	return (cpu(s.t, s.cmd.Process.Pid) - before) * float64(time.Minute/while)
}

// starts is how often a program is started; the median counts.
const starts = 5

func median(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }

// BenchmarkDashboard starts the real program in a real terminal: how long until
// its first frame and until rows are shown, what one cursor key costs, how long
// a filter over all rows takes, pasted at once and once the search table is
// there, and for each letter of it, what it uses while nobody does anything, and
// what memory it has after all that, beside a Bubble Tea program that does
// nothing. A million instances take minutes to write, and are measured only
// when they are asked for:
//
//	CERTQUAY_BENCH_MILLION=1 go test ./cmd -run xxx -bench Dashboard -benchtime 1x -timeout 40m
func BenchmarkDashboard(b *testing.B) {
	var first, own, idle float64
	b.Run("empty", func(b *testing.B) {
		p := newPerson(b)
		p.bin = emptyProgram(b)
		var firsts []float64
		var frame float64
		for b.Loop() {
			for n := range starts {
				begun := time.Now()
				s := p.timed(120, 40, []string{"empty"})
				firsts = append(firsts, ms(s.timeOf(begun, "empty")))
				if n == starts-1 {
					frame, own = s.perKey(200, func(int) string { return "j" })
					idle = s.idleCPU()
				}
				s.quit()
			}
		}
		first = median(firsts)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(first, "ms-frame")
		b.ReportMetric(frame, "ms-key-95")
		b.ReportMetric(own, "ms-cpu/key")
		b.ReportMetric(idle, "ms-cpu/min-idle")
	})
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			if n == 1_000_000 && os.Getenv("CERTQUAY_BENCH_MILLION") == "" {
				b.Skip("CERTQUAY_BENCH_MILLION is not set")
			}
			p := newPerson(b)
			begun := time.Now()
			p.filled(n)
			b.Logf("filled in %v", time.Since(begun).Round(time.Second))
			p.must("balance") // the very first start makes the CA
			benchDashboard(b, p, n, first, own, idle)
		})
	}
}

// benchDashboard starts the program over a person's store of n instances.
func benchDashboard(b *testing.B, p *person, n int, emptyFirst, emptyOwn, emptyIdle float64) {
	const row = "n000189" // the first to expire
	var frames, rows, filters, keys []float64
	var frame, own, idle, early, whole, memory, file float64
	for b.Loop() {
		for k := range starts {
			begun := time.Now()
			s := p.timed(120, 40, []string{"certquay", row})
			frames = append(frames, ms(s.timeOf(begun, "certquay")))
			rows = append(rows, ms(s.timeOf(begun, row)))
			switch k {
			case starts - 2: // while the search table is being built
				early, whole = s.filtered(n, 777)
			case starts - 1:
				s.waitIdle(10 * time.Minute)
				frame, own = s.perKey(200, func(n int) string { return []string{"j", "k"}[n/20%2] })
				for k := range 10 {
					shown, _ := s.filtered(n, 777+k)
					filters, keys = append(filters, shown), append(keys, s.keyed(n, 779+9*k)...)
				}
				idle = s.idleCPU()
				memory, file = resident(b, s.cmd.Process.Pid)
			default:
				waittest.Pause(time.Second) // as a person does, who looks first
			}
			s.quit()
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(frames), "ms-frame")
	b.ReportMetric(median(frames)-emptyFirst, "ms-frame-over-empty")
	b.ReportMetric(median(rows), "ms-rows")
	b.ReportMetric(frame, "ms-key-95")
	b.ReportMetric(own, "ms-cpu/key")
	b.ReportMetric(own/emptyOwn, "x-cpu/key-of-empty")
	b.ReportMetric(median(filters), "ms-filter")
	b.ReportMetric(median(keys), "ms-filter-key")
	b.ReportMetric(slices.Max(keys), "ms-filter-key-worst")
	b.ReportMetric(idle, "ms-cpu/min-idle")
	b.ReportMetric(idle-emptyIdle, "ms-cpu/min-idle-over-empty")
	b.ReportMetric(early, "ms-filter-at-once")
	b.ReportMetric(whole, "ms-whole-at-once")
	b.ReportMetric(memory, "MiB-own")
	b.ReportMetric(file, "MiB-of-files")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
