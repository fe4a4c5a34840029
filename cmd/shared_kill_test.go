package cmd_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

var anyNumber = regexp.MustCompile(`[0-9a-zA-Z-]*\d[0-9a-zA-Z:.-]*`)

// fault is something that happens to the owner of a shared store, or to its database.
type fault struct {
	name string
	// strike lets it happen, and returns when another machine is the owner; how long ago it
	// began is measured. It may tell more of what it did.
	strike func(*sharedLab) (took time.Duration, what string)
	times  int // in CI; whole in the laboratory that ROBUSTNESS.md reports
	whole  int
}

var faults = []fault{
	{"owner killed", (*sharedLab).kill, 5, 200},
	{"owner cut off", (*sharedLab).cutOff, 2, 50},
	{"owner stopped", (*sharedLab).pause, 2, 50},
	{"node killed", (*sharedLab).killNode, 2, 20},
}

func (l *sharedLab) kill() (time.Duration, string) {
	r := l.owner()
	before, begun := l.served(r), time.Now()
	r.signal(l, syscall.SIGKILL)
	l.takenOver(r, before)
	took := time.Since(begun)
	r.standing = r.stand(anywhere...)
	r.says(l, "standing by", 1)
	return took, ""
}

// cutOff has connections break, or silently nothing arrive. What was sent meanwhile arrives
// when the way is free again.
func (l *sharedLab) cutOff() (time.Duration, string) {
	r, what := l.owner(), "reset"
	before, stood := l.served(r), strings.Count(r.out.String(), "standing by")
	if l.chance(2) == 0 {
		what = "silently"
		r.way.silence(l.T)
	} else {
		r.way.cut()
	}
	begun := time.Now()
	l.takenOver(r, before)
	took := time.Since(begun)
	waittest.Pause(time.Duration(l.chance(500)) * time.Millisecond)
	r.way.heal()
	r.says(l, "standing by", stood+1)
	return took, what
}

func (l *sharedLab) pause() (time.Duration, string) {
	r := l.owner()
	before, stood, begun := l.served(r), strings.Count(r.out.String(), "standing by"), time.Now()
	r.signal(l, syscall.SIGSTOP)
	l.takenOver(r, before)
	took := time.Since(begun)
	waittest.Pause(time.Duration(l.chance(500)) * time.Millisecond)
	r.signal(l, syscall.SIGCONT)
	r.says(l, "standing by", stood+1)
	return took, ""
}

func (l *sharedLab) killNode() (time.Duration, string) {
	l.owner()
	what := l.strike(l.T, func() { waittest.Pause(time.Duration(200+l.chance(1000)) * time.Millisecond) })
	return 0, what
}

// outcome is how one fault ended.
type outcome struct {
	fault    string
	took     time.Duration // until another owner
	changing time.Duration // until a change that was begun afterwards was acknowledged
}

// round has people work, and time pass, while a fault happens; then it looks.
func (l *sharedLab) round(n int, f fault) outcome {
	l.Helper()
	rest := l.pass()
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 3 {
		workers.Go(func() { l.work(w, n, stop) })
	}
	waittest.Pause(time.Duration(100+l.chance(500)) * time.Millisecond)
	begun := time.Now()
	took, what := f.strike(l)
	if took > slow {
		l.logs(begun)
	}
	eventually(l.T, "a change is acknowledged", func() bool {
		waittest.Pause(5 * time.Millisecond)
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.last.After(begun.Add(took))
	})
	l.mu.Lock()
	changing := l.seen.Sub(begun)
	l.mu.Unlock()
	close(stop)
	workers.Wait()
	worked := time.Now()
	date := rest()
	passed := time.Now()
	l.settle()
	settled := time.Now()
	l.judge(n)
	if l.screen == nil {
		l.screen = l.viewer.open(120, 40)
	}
	eventually(l.T, "the dashboard that goes on", func() bool { return strings.Contains(l.screen.text(), "sandbox, "+date) })
	l.Logf("%3d %-14s %-10s owner after %5.2fs, changes after %5.2fs; two months %.1fs, settling %.1fs, judging %.1fs",
		n, f.name, what, took.Seconds(), changing.Seconds(), passed.Sub(worked).Seconds(), settled.Sub(passed).Seconds(),
		time.Since(settled).Seconds())
	return outcome{f.name, took, changing}
}

// slow is how long another machine may take to own the store before the laboratory shows why.
const slow = 9 * time.Second

// logs shows what the machines have logged since a moment, but for the people who came.
func (l *sharedLab) logs(since time.Time) {
	l.Helper()
	for n, r := range l.replicas {
		text, err := os.ReadFile(filepath.Join(r.home, ".local", "state", "certquay", "certquay.log"))
		if err != nil {
			l.Error(err)
		}
		for line := range strings.Lines(string(text)) {
			var entry struct {
				Time time.Time
				Msg  string
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Time.After(since) && entry.Msg != "session" {
				l.Logf("machine %d, %.2fs after: %s", n, entry.Time.Sub(since).Seconds(), strings.TrimSpace(line))
			}
		}
	}
}

// plan is what happens, in a random order, in parts that each have a store of their own.
func plan(t *testing.T, random *rand.Rand) [][]fault {
	setting := os.Getenv("CERTQUAY_SHARED")
	var all []fault
	for _, f := range faults {
		times := f.times
		switch setting {
		case "":
		case "all":
			times = f.whole
		default:
			times = long(t, "CERTQUAY_SHARED", 1)
		}
		all = append(all, slices.Repeat([]fault{f}, times)...)
	}
	random.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	size := min((len(all)+1)/2, roundsOfALaboratory)
	return slices.Collect(slices.Chunk(all, size))
}

// roundsOfALaboratory is how many rounds one store lives: a round takes longer the more the
// store holds.
const roundsOfALaboratory = 20

// Three machines share a store while people work at them and certificates are renewed and
// deployed. Owners are killed, cut off from the database and stopped for longer than the
// lease, and nodes of the database are killed. Each time another machine takes over or the
// owner goes on, nothing that was acknowledged is lost, nothing is done twice, nobody writes
// who does not own the store, and fsck finds nothing. CERTQUAY_SHARED=all is the whole
// measurement, a number so many of each kind.
// spec: E2, E3
func TestKilledSharingAStore(t *testing.T) {
	t.Parallel()
	var engines sync.WaitGroup
	for engine, fresh := range map[string]func(*testing.T) database{
		"postgres": func(t *testing.T) database { return newLabPostgres(t) },
		"etcd":     func(t *testing.T) database { return newLabEtcd(t) },
	} {
		// The tests wait most of the time, so they are not counted as parallel ones.
		engines.Go(func() { t.Run(engine, func(t *testing.T) { killSharing(t, engine, fresh) }) })
	}
	engines.Wait()
}

func killSharing(t *testing.T, engine string, fresh func(*testing.T) database) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var (
		mu       sync.Mutex
		outcomes []outcome
		running  sync.WaitGroup
		slots    = make(chan struct{}, max(1, runtime.NumCPU()/2)) // on two engines
	)
	for n, part := range plan(t, rand.New(rand.NewPCG(seed, 0))) {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if t.Failed() {
				return
			}
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				l := newSharedLab(t, fresh(t), rand.New(rand.NewPCG(seed, uint64(n+1))))
				for n, f := range part {
					o := l.round(n, f)
					mu.Lock()
					outcomes = append(outcomes, o)
					mu.Unlock()
					if t.Failed() {
						t.FailNow()
					}
				}
				l.finish()
			})
		})
	}
	running.Wait()
	t.Logf("%s\n%s", engine, table(outcomes))
}

// table shows how long it took until another owner, and until changes were possible.
func table(all []outcome) string {
	text := fmt.Sprintf("%-14s %5s  %-24s  %s\n", "", "times", "owner: median, p95, most", "changes: median, p95, most")
	for _, f := range faults {
		var took, changing []time.Duration
		for _, o := range all {
			if o.fault == f.name {
				took, changing = append(took, o.took), append(changing, o.changing)
			}
		}
		text += fmt.Sprintf("%-14s %5d  %-24s  %s\n", f.name, len(took), spread(took), spread(changing))
	}
	return text
}

func spread(all []time.Duration) string {
	if len(all) == 0 || slices.Max(all) == 0 {
		return "-"
	}
	slices.Sort(all)
	at := func(share float64) float64 { return all[int(share*float64(len(all)-1))].Seconds() }
	return fmt.Sprintf("%.1f s, %.1f s, %.1f s", at(0.5), at(0.95), at(1))
}
