package store

import (
	"strings"

	"certquay/model"
	"certquay/store/engine"
)

// The prefixes of the engine's keys, each followed by:
//
//	r KIND 0 KEY                            a record
//	i KIND 0 INDEX 0 escaped(KEY) 0 1 KEY   an index entry: index key, primary key
//	d KIND 0 KEY                            the wrapped data key of a record's secret
//	c NAME                                  a counter
//	m NAME                                  metadata of the store
//
// Kinds and index names contain no zero byte. Index keys may: there, zero is written as
// 0 255, so that the terminator 0 1 sorts before every continuation, and entries sort
// as (index key, primary key) do.
const (
	recordSpace  = "r"
	indexSpace   = "i"
	dataKeySpace = "d"
	counterSpace = "c"
	metaSpace    = "m"
)

// Metadata of the store.
const (
	metaAbout  = metaSpace + "about"  // [Meta]; its absence means that the database is not a store
	metaSchema = metaSpace + "schema" // the schema version of the whole store
	metaMaster = metaSpace + "master" // the wrapped master key
	metaEvents = metaSpace + "events" // number and chain of the last event
	// metaCommits is the number of committed groups since the store has had a
	// high-water mark.
	metaCommits = metaSpace + "commits"
)

const (
	indexEnd      = "\x00\x01"
	indexPast     = "\x00\x02" // sorts after every entry of one index key
	escapedZero   = "\x00\xff"
	unescapedZero = "\x00"
)

func recordKey(kind model.Kind, key string) string {
	return recordSpace + string(kind) + "\x00" + key
}

func dataKeyOf(record string) string { return dataKeySpace + record[len(recordSpace):] }

func counterKey(name string) string { return counterSpace + name }

func indexPrefix(kind model.Kind, name string) string {
	return indexSpace + string(kind) + "\x00" + name + "\x00"
}

func escape(s string) string { return strings.ReplaceAll(s, unescapedZero, escapedZero) }

func indexKey(kind model.Kind, x model.Index, primary string) string {
	return indexPrefix(kind, x.Name) + escape(x.Key) + indexEnd + primary
}

// primaryOf returns the primary key from what follows the index's prefix.
func primaryOf(rest string) (string, error) {
	// Inside an escaped key a zero is always followed by 255.
	_, primary, ok := strings.Cut(rest, indexEnd)
	if !ok {
		return "", withCause(ErrCorrupt, model.Fail("damage.no-end"))
	}
	return primary, nil
}

// bounds converts a scan to a range of engine keys. It also returns the length of their
// common prefix, which the primary key of a record, or the rest of an index entry,
// follows.
func bounds(s model.Scan) (engine.Range, int) {
	space, enc, past := recordKey(s.Kind, ""), func(k string) string { return k }, "\x00"
	if s.Index != "" {
		space, enc, past = indexPrefix(s.Kind, s.Index), escape, indexPast
	}
	r := engine.Prefix(space + enc(s.Prefix))
	r.Reverse, r.Limit = s.Reverse, max(s.Limit, 0)
	var from, to string
	if s.Reverse { // From is the last, inclusive; To is below the first, exclusive
		if s.To != "" {
			from = space + enc(s.To) + past
		}
		if s.From != "" {
			to = space + enc(s.From) + past
		}
	} else {
		if s.From != "" {
			from = space + enc(s.From)
		}
		if s.To != "" {
			to = space + enc(s.To)
		}
	}
	r.From = max(r.From, from)
	if to != "" {
		r.To = min(r.To, to)
	}
	if r.To < r.From {
		r.To = r.From
	}
	return r, len(space)
}
