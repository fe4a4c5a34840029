package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	prober "certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/enginetest"
)

// benchSizes returns the numbers of instances that are measured: those of the environment
// variable, in which commas separate them, or others.
func benchSizes(b *testing.B, others ...int) (sizes []int) {
	b.Helper()
	list := os.Getenv("CERTQUAY_BENCH_SIZES")
	if list == "" {
		return others
	}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// recorder is an engine that keeps what is written to it, and which ranges are asked for,
// while it is told to.
type recorder struct {
	engine.Engine
	mu      sync.Mutex
	on      bool
	batches []*engine.Batch
	ranges  []engine.Range
	mirror  func(*engine.Batch) // is given each batch; nil for none
}

func (r *recorder) Apply(ctx context.Context, b *engine.Batch) error {
	r.mu.Lock()
	if r.on {
		r.batches = append(r.batches, b)
	}
	mirror := r.mirror
	r.mu.Unlock()
	if mirror != nil {
		mirror(b)
	}
	return r.Engine.Apply(ctx, b)
}

// record keeps from now on what is written, or ends that and returns it.
func (r *recorder) record(on bool) (batches []*engine.Batch, ranges []engine.Range) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batches, ranges = r.batches, r.ranges
	r.on, r.batches, r.ranges = on, nil, nil
	return batches, ranges
}

func (r *recorder) Snapshot() (engine.Snapshot, error) {
	s, err := r.Engine.Snapshot()
	if err != nil {
		return nil, err
	}
	return recordedSnapshot{s, r}, nil
}

type recordedSnapshot struct {
	engine.Snapshot
	r *recorder
}

func (s recordedSnapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	s.r.mu.Lock()
	if s.r.on {
		s.r.ranges = append(s.r.ranges, r)
	}
	s.r.mu.Unlock()
	return s.Snapshot.Scan(r)
}

// before returns what the keys that batches write have had before them, as a batch for
// each of these.
func before(b *testing.B, s engine.Snapshot, batches []*engine.Batch) (old []*engine.Batch) {
	b.Helper()
	seen := map[string]bool{}
	for _, batch := range batches {
		was := new(engine.Batch)
		for _, w := range batch.Writes {
			if seen[w.Key] {
				continue
			}
			seen[w.Key] = true
			if v, err := s.Get(w.Key); err == nil {
				was.Put(w.Key, v)
			}
		}
		old = append(old, was)
	}
	return old
}

// working is certquay's own work on an engine: the store, the embedded CA and what drives
// both.
type working struct {
	b      *testing.B
	engine *recorder
	counts *enginetest.Counter
	store  *store.Store
	driver *lifecycle.Engine
}

func newWorking(b *testing.B, e engine.Engine, keyFile string) *working {
	b.Helper()
	if _, err := e.Acquire(context.Background(), "benchmark"); err != nil {
		b.Fatal(err)
	}
	w := &working{b: b, counts: &enginetest.Counter{Engine: e}}
	w.engine = &recorder{Engine: w.counts}
	var err error
	if w.store, err = store.With(w.engine, store.Options{KeyFile: keyFile}); err != nil {
		b.Fatal(err)
	}
	return w
}

// start starts the engine of certificates.
func (w *working) start() {
	w.b.Helper()
	ca, err := embedded.New(w.store, embedded.Options{})
	if err != nil {
		w.b.Fatal(err)
	}
	w.driver = lifecycle.New(lifecycle.Options{
		Store: w.store, Clock: ports.SystemClock{}, Policy: rules.DefaultPolicy(), Prober: prober.Prober{},
		Issuers: map[string]ports.Issuer{embedded.Brand: ca},
	})
}

func (w *working) close() {
	if w.driver != nil {
		w.driver.Close()
	}
	if err := w.store.Close(); err != nil {
		w.b.Error(err)
	}
}

var benchActor = model.Actor{Name: "anna", Role: model.Owner, Via: "terminal"}

// each starts a job for every instance from so many goroutines, as a pass of the scheduler
// has them under way, and waits until all are done.
func (w *working) each(ids []model.ID, callers int, start func(a *lifecycle.Access, n int) (model.Job, error)) time.Duration {
	w.b.Helper()
	begun, access := time.Now(), w.driver.By(benchActor)
	next := make(chan int)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for n := range next {
				j, err := start(access, n)
				if err != nil {
					w.b.Error(err)
					continue
				}
				done, err := access.Wait(context.Background(), j.ID)
				if err == nil && done[0].Job.Result != journal.ResultOK {
					err = errors.New(done[0].Job.Error.String())
				}
				if err != nil {
					w.b.Error(err)
				}
			}
		})
	}
	for n := range ids {
		next <- n
	}
	close(next)
	wg.Wait()
	if w.b.Failed() {
		w.b.FailNow()
	}
	return time.Since(begun)
}

// atOnce is how many renewals are under way.
const atOnce = 256

func (w *working) renew(ids []model.ID, callers int) time.Duration {
	w.b.Helper()
	return w.each(ids, callers, func(a *lifecycle.Access, n int) (model.Job, error) {
		return a.Reissue(context.Background(), ids[n], lifecycle.ReissueRequest{NewKey: true})
	})
}

// issue buys n certificates and applies for them.
func (w *working) issue(n int) (ids []model.ID) {
	w.b.Helper()
	for len(ids) < n {
		_, made, err := w.driver.By(benchActor).Buy(context.Background(), lifecycle.BuyRequest{
			Spec:  model.Specification{Level: model.DV, Type: model.Single, Brand: embedded.Brand, Grade: model.Free},
			Years: 1, Quantity: min(100, n-len(ids)),
		})
		if err != nil {
			w.b.Fatal(err)
		}
		for _, i := range made {
			ids = append(ids, i.ID)
		}
	}
	w.each(ids, atOnce, func(a *lifecycle.Access, n int) (model.Job, error) {
		domains := []string{fmt.Sprintf("real%d.example.com", n)}
		return a.Apply(context.Background(), ids[n], lifecycle.ApplyRequest{Application: model.Application{Domains: domains}})
	})
	return ids
}

// BenchmarkStore measures a store of n certificates on each engine: starting the program,
// what a key costs, a page, and durable renewals, beside the bare database, which makes the
// same writes, and beside making keys and signatures alone. A unit with @ is of what stands
// behind that. Sizes can be chosen, and step-ca and openssl be measured as well:
//
//	CERTQUAY_BENCH_SIZES=10000,300000 CERTQUAY_BENCH_PEERS=1 go test ./cmd -run ^$ -bench Store -benchtime 1x -count 5 -timeout 60m
func BenchmarkStore(b *testing.B) {
	for _, kind := range []string{"badger", "postgres", "etcd"} {
		b.Run(kind, func(b *testing.B) {
			for _, n := range benchSizes(b, 10_000, 300_000) {
				b.Run(strconv.Itoa(n), func(b *testing.B) { benchStore(b, newPlace(b, kind), n) })
			}
		})
	}
}

func benchStore(b *testing.B, p *place, n int) {
	empty := newPerson(b)
	empty.bin = emptyProgram(b)
	filled := p.work(b)
	if p.mirrored {
		filled.engine.mirror = func(batch *engine.Batch) { p.bare.write(b, batch.Writes) }
	}
	chain := [][]byte{issuertest.Certificate(b, issuertest.NewKey(b)), issuertest.Certificate(b, issuertest.NewKey(b))}
	begun := time.Now()
	fillStore(b, filled.store, n, chain)
	filled.close()
	b.Logf("filled in %v; %d bytes for each", time.Since(begun).Round(time.Second), p.size(b)/int64(n))
	p.person.must("balance") // the very first start makes the CA
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			benchStart(b, p.person, "certquay", "n000189", "")
			benchStart(b, empty, "empty", "", "@empty-program")
		}
		b.ReportMetric(0, "ns/op")
	})
	w := p.work(b)
	defer w.close()
	if err := w.store.WaitForTable(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			benchPage(b, p, w)
		}
		b.ReportMetric(0, "ns/op")
	})
	w.start()
	renewed, step := 0, ""
	others := p.mirrored && os.Getenv("CERTQUAY_BENCH_PEERS") != ""
	if others {
		step = stepCA(b)
	}
	b.Run("renewals", func(b *testing.B) {
		for b.Loop() {
			benchRenewals(b, p, w, n, &renewed)
			if step != "" {
				b.ReportMetric(stepRate(b, step, min(2000, n), atOnce), "renewals/s@step-ca")
			}
			if others {
				b.ReportMetric(opensslRate(b), "renewals/s@openssl")
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}

// benchStart starts a program once: how long until its first frame and its first row are
// shown, and what a key costs it.
func benchStart(b *testing.B, p *person, frame, row, of string) {
	needles := []string{frame}
	if row != "" {
		needles = append(needles, row)
	}
	begun := time.Now()
	s := p.timed(120, 40, needles)
	b.ReportMetric(ms(s.timeOf(begun, frame)), "ms/first-frame"+of)
	if row != "" {
		b.ReportMetric(ms(s.timeOf(begun, row)), "ms/rows")
	}
	s.waitIdle(6 * time.Second) // the check of all records begins after ten, and takes minutes on a server
	shown, own := s.perKey(50, func(n int) string { return []string{"j", "k"}[n/20%2] })
	b.ReportMetric(shown, "ms/key-95th"+of)
	b.ReportMetric(own, "cpu-ms/key"+of)
	s.quit()
}

// benchPage reads pages of 50 rows by expiry from different beginnings, and the same pairs
// from the bare database.
func benchPage(b *testing.B, p *place, w *working) {
	const pages = 100
	now := time.Now()
	w.engine.record(true)
	begun := time.Now()
	for n := range pages {
		from := model.TimeKey(now.AddDate(0, 0, 111+n*180/pages))
		rows := 0
		if err := w.store.View(func(r model.Reader) error {
			for _, err := range r.Rows(model.Scan{Index: "expiry", From: from, Limit: 50}) {
				if err != nil {
					return err
				}
				rows++
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		if rows != 50 {
			b.Fatalf("%d rows", rows)
		}
	}
	b.ReportMetric(ms(time.Since(begun))/pages, "ms/page")
	_, ranges := w.engine.record(false)
	for n := range ranges { // etcd counts all of a range, so each ends behind its page
		ranges[n].To = endOfPage(b, w.engine.Engine, ranges[n])
	}
	begun = time.Now()
	for _, r := range ranges {
		if got := p.bare.page(b, r); got != 50 {
			b.Fatalf("%d pairs of %q", got, r.From)
		}
	}
	b.ReportMetric(ms(time.Since(begun))/pages, "ms/page@bare-"+p.kind)
}

// benchRenewals renews certificates from all over the store, has the bare database make the
// same writes, and makes as many keys and signatures alone.
func benchRenewals(b *testing.B, p *place, w *working, n int, renewed *int) {
	batch := min(2000, n)
	ids := make([]model.ID, batch)
	for k := range ids {
		ids[k] = filledID((*renewed*7919 + k*(n/batch)) % n)
	}
	*renewed++
	snap, err := w.engine.Engine.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	report := func(of string, do func()) {
		begun, used := time.Now(), processorTime(b)
		do()
		b.ReportMetric(ms(processorTime(b)-used)/float64(batch), "cpu-ms/renewal"+of)
		b.ReportMetric(float64(batch)/time.Since(begun).Seconds(), "renewals/s"+of)
	}
	w.engine.record(true)
	read := w.counts.Read()
	report("", func() { w.renew(ids, atOnce) })
	batches, _ := w.engine.record(false)
	b.ReportMetric(float64(w.counts.Read()-read)/float64(batch), "database-reads/renewal")
	if !p.mirrored {
		for _, old := range before(b, snap, batches) {
			p.bare.write(b, old.Writes)
		}
	}
	snap.Close()
	report("@bare-"+p.kind, func() {
		for _, batch := range batches {
			p.bare.write(b, batch.Writes)
		}
	})
	report("@key-and-signature", func() { issuertest.KeysAndSignatures(b, batch) })
	b.ReportMetric(float64(batch)/float64(len(batches)), "renewals/batch")
}

// processorTime returns what this process has used of all processors, which does not depend
// on what others use.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBytes measures what certificates take in each database, with all that is kept of
// them: after buying and applying, and for each renewal.
//
//	go test ./cmd -run ^$ -bench Bytes$ -benchtime 1x
func BenchmarkBytes(b *testing.B) {
	const n = 4000
	for _, kind := range []string{"badger", "postgres", "etcd"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				p := newPlace(b, kind)
				var ids []model.ID
				var last held
				for _, step := range []struct {
					of string
					do func(w *working)
				}{
					{"", func(*working) {}},
					{"certificate", func(w *working) { ids = w.issue(n) }},
					{"renewal", func(w *working) { w.renew(ids, atOnce) }},
				} {
					w := p.work(b)
					w.start()
					step.do(w)
					now := heldIn(b, w.engine.Engine)
					w.close()
					if now.disk = float64(p.size(b)); step.of != "" {
						b.ReportMetric((now.disk-last.disk)/n, "disk-B/"+step.of)
						b.ReportMetric((now.bytes-last.bytes)/n, "B/"+step.of)
						b.ReportMetric((now.keys-last.keys)/n, "keys/"+step.of)
					}
					last = now
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// held is what there is in an engine: on the disk, and in its keys and values.
type held struct{ disk, bytes, keys float64 }

func heldIn(b *testing.B, e engine.Engine) (h held) {
	b.Helper()
	s, err := e.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for p, err := range s.Scan(engine.Range{}) {
		if err != nil {
			b.Fatal(err)
		}
		h.bytes, h.keys = h.bytes+float64(len(p.Key)+len(p.Value)), h.keys+1
	}
	return h
}

// endOfPage returns the key behind the pairs that a range is limited to.
func endOfPage(b *testing.B, e engine.Engine, r engine.Range) (end string) {
	b.Helper()
	s, err := e.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for p, err := range s.Scan(r) {
		if err != nil {
			b.Fatal(err)
		}
		end = p.Key + "\x00"
	}
	return end
}
