package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// format is the version of the keys below the prefix. What the store keeps in the pairs
// has a version of its own.
const format = 1

// maker begins the value that tells the format.
const maker = "certquay/"

// prepare checks the keys below the prefix and the limits of the cluster, and makes a
// database if there is none.
func (e *Engine) prepare(ctx context.Context, create bool) error {
	for {
		has, some, err := e.existing(ctx)
		if err != nil {
			return err
		}
		switch {
		case len(has) > 0:
			if err := e.checkFormat(string(has[0].Value)); err != nil {
				return err
			}
			return e.findLimit(ctx)
		case len(some) > 0:
			return model.Fail("etcd.foreign", "url", e.name, "key", some[0].Key, "prefix", e.prefix)
		case !create:
			return model.Fail("etcd.empty", "url", e.name).Wrapping(engine.ErrMissing)
		}
		if err := errors.Join(e.findLimit(ctx), e.tryBytes(ctx)); err != nil {
			return err
		}
		// Another process may have made it meanwhile.
		_, err = e.cluster.Txn(ctx, wire.Txn{
			If:   []wire.Compare{{Key: e.key(formatKey), Target: wire.CreateRevision}},
			Then: []wire.Op{wire.Put{Key: e.key(formatKey), Value: fmt.Append(nil, maker, format)}},
		})
		if err != nil {
			return err
		}
	}
}

// existing returns the format, and any key below the prefix. It asks each node once.
func (e *Engine) existing(ctx context.Context) (format, some []wire.Pair, err error) {
	for range e.hosts {
		once, end := context.WithTimeout(ctx, connectTimeout)
		var done wire.Done
		done, err = e.cluster.Txn(once, wire.Txn{Then: []wire.Op{
			wire.Range{Key: e.key(formatKey)}, wire.Range{Key: e.prefix, End: engine.End(e.prefix), Limit: 1, KeysOnly: true},
		}})
		end()
		if err == nil {
			return done.Found[0].Pairs, done.Found[1].Pairs, nil
		}
		if !wire.Temporary(err) {
			break
		}
	}
	return nil, nil, err
}

// checkFormat checks that the keys are certquay's, of this version.
func (e *Engine) checkFormat(value string) error {
	digits, ours := strings.CutPrefix(value, maker)
	has, err := strconv.Atoi(digits)
	switch {
	case !ours, err != nil, has < 1:
		return model.Fail("etcd.foreign", "url", e.name, "key", e.key(formatKey), "prefix", e.prefix)
	case has > format:
		return model.Fail("etcd.newer", "url", e.name, "has", has, "knows", format)
	}
	return nil
}

// The operations of a transaction: what etcd allows by default, which certquay needs, and
// the most that it makes use of.
const (
	leastOperations = 128
	mostOperations  = 8192
)

// enough operations are those that buying 100 instances at once writes, about a thousand.
const enough = 1024

// spare is the part of a request that is not writes, in bytes.
const spare = 8 << 10

// framing is what a write takes in a request in addition to its key and value, in bytes.
const framing = 20

// findLimit finds out how many operations a transaction may have, from ones that do
// nothing.
func (e *Engine) findLimit(ctx context.Context) error {
	allowed := 0
	for ops := leastOperations; ops <= mostOperations; ops *= 2 {
		_, err := e.cluster.Txn(ctx, wire.Txn{Else: slices.Repeat([]wire.Op{wire.Range{Key: e.key(formatKey)}}, ops)})
		if errors.Is(err, wire.ErrTooManyOperations) {
			break
		}
		if err != nil {
			return err
		}
		allowed = ops
	}
	if allowed == 0 {
		return model.Fail("etcd.few-operations", "url", e.name, "least", leastOperations, "good", mostOperations)
	}
	if allowed < enough {
		e.log.Warn("the cluster takes few operations in a transaction; start it with --max-txn-ops",
			"operations", allowed, "good", mostOperations)
	}
	more := max(0, len(e.key(pairs))+framing-engine.Size("", nil))
	e.limit = engine.Limit{
		Writes: allowed - 1, Bytes: e.request - spare - allowed*more, Raise: model.Say("etcd.raise", "good", mostOperations),
	}
	return nil
}

// tryBytes checks that a request may be as large as it is said, with one that writes
// nothing.
func (e *Engine) tryBytes(ctx context.Context) error {
	_, err := e.cluster.Txn(ctx, wire.Txn{
		If:   []wire.Compare{{Key: e.key(formatKey), Target: wire.ModRevision, Number: -1}},
		Then: []wire.Op{wire.Put{Key: e.key(formatKey), Value: make([]byte, e.request-spare)}},
	})
	if tooLarge(err) {
		return model.Fail("etcd.few-bytes", "url", e.name, "bytes", e.request)
	}
	return err
}
