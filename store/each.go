package store

import (
	"iter"
	"runtime"

	"certquay/model"
	"certquay/store/engine"
)

var _ model.BulkReader = (*view)(nil)

// eachSize is how many records are decoded together.
const eachSize = 64

// eachBatch is some records of a scan, in its order.
type eachBatch struct {
	read    []scanned
	records []model.Record // decoded from them, and some more that are unused
	err     error          // of the scan, or of the first record that could not be decoded
	good    int            // records before that
	done    chan struct{}  // closed once they are decoded
}

// Each implements [model.BulkReader]: one goroutine reads the snapshot, and others decode
// what it has read.
func (v *view) Each(blank func() model.Record) iter.Seq2[model.Record, error] {
	return func(yield func(model.Record, error) bool) {
		ahead := 2 * runtime.GOMAXPROCS(0)
		batches, unused, stop := make(chan *eachBatch, ahead), make(chan *eachBatch, ahead+2), make(chan struct{})
		defer func() {
			close(stop)
			for b := range batches { // until nothing reads the snapshot any more
				<-b.done
			}
		}()
		go v.readAhead(blank, batches, unused, stop)
		for b := range batches {
			<-b.done
			for _, r := range b.records[:b.good] {
				if !yield(r, nil) {
					return
				}
			}
			if b.err != nil {
				yield(nil, b.err)
				return
			}
			unused <- b
		}
	}
}

// readAhead sends the batches of all records, in their order, and has each decoded. It takes
// batches that are unused again.
func (v *view) readAhead(blank func() model.Record, batches, unused chan *eachBatch, stop chan struct{}) {
	defer close(batches)
	next := func() (b *eachBatch) {
		select {
		case b = <-unused:
		default:
			b = &eachBatch{}
		}
		b.read, b.good, b.done = b.read[:0], 0, make(chan struct{})
		return b
	}
	b := next()
	send := func() bool {
		select {
		case batches <- b:
		case <-stop:
			return false
		}
		go v.decodeBatch(b, blank)
		b = next()
		return true
	}
	for s, err := range v.scan(engine.Prefix(recordKey(blank().RecordKind(), ""))) {
		if err != nil {
			b.err = err
			break
		}
		if b.read = append(b.read, s); len(b.read) == eachSize && !send() {
			return
		}
	}
	send()
}

// decodeBatch decodes the records of a batch up to the first that cannot be.
func (v *view) decodeBatch(b *eachBatch, blank func() model.Record) {
	defer close(b.done)
	for n, s := range b.read {
		value, err := v.check(s)
		if err == nil {
			if n == len(b.records) {
				b.records = append(b.records, blank())
			}
			_, err = decode(s.key, value, b.records[n])
		}
		if err != nil {
			b.err = err
			return
		}
		b.good = n + 1
	}
}
