// Package search answers lists of instances from memory: it filters, searches, sorts
// and counts the rows of a whole fleet without reading records.
//
// # Contract
//
// A [Table] is filled once, by [Build], from the instances of a snapshot, or by
// [Table.Adopt], from what [Table.Save] wrote and [Load] has read, and updated with later
// commits through [Table.Commit]. [Table.Page] and [Table.Count] then
// include everything that was committed before the call. Until one of them has returned they
// may answer from some of the rows, and set Partial. A row is the projection of an
// instance made by [RowOf]. Values that depend on the time, such as whether a
// certificate is expiring, are computed by the model for the time of the query and
// cached until they can change.
//
// The package depends only on the model. It does not know where records are stored, how
// they are encoded or encrypted, or what a transaction is. The caller of Build passes a
// function that decodes a record.
//
// # Queries
//
// A query of package where is compiled to predicates, each of which removes from a set
// of slots of a block those that do not pass. They are applied in the order of their
// cost: what rows share, which was decided once for each profile or set of labels, then
// times, then texts.
//
// # Layout
//
// Rows are stored by column, in blocks of 4,096. Attributes that many instances share
// form a numbered profile, so a filter evaluates the model once for each profile and
// not for each row. Names and domains are normalized and joined into one text for each
// block, which is searched in one pass; serials are packed to half a byte a digit.
// Results of filters are sets of slots that are updated block by block; a filter that
// narrows another, as while a user types, starts from the result of that one. Derived
// values of a block are counted, and the counts are valid until the next moment at which
// one of the values changes.
//
// # Memory
//
// A row takes at most 80 bytes in addition to its texts, which a test checks: 61 in its
// block, 4 in each of four orders (ID, expiry, name and state), a bit in each of four
// cached results, and what the allocator rounds up. The order by due date takes 4 more
// once a list uses it. The texts are name and domains with a byte after each, and a
// packed serial; name and domain are stored again if lists show them differently from
// the normalized form. A profile takes half a kilobyte; a fleet of a million instances
// has a few hundred.
//
// Contact, owner and tags are numbered like profiles and take 4 bytes in blocks where a
// row has any; notes and names of resources take their text and 4 bytes there. Rows
// without them cost nothing in other blocks.
//
// # Sections
//
// What Save writes are the columns as they are in memory, without derived values: a section
// with the profiles and labels, one for each list of slots, sorted by ID, free, and in the
// first orders, and one for each block. Reading them back takes a hundredth of the time of
// reading the instances. [Layout] is their version.
//
// # Concurrency
//
// All methods are safe for concurrent use. Queries run one at a time, and each uses all
// processors. Commit queues its changes and does not wait for queries; the next query
// applies them, or the commit itself once 1,024 changes are queued and no query runs.
// The first orders are computed, and a frozen table is saved, without holding the lock:
// queries run meanwhile, unless they must wait for a commit that has arrived.
//
// # Measurement
//
// BenchmarkTable, a million rows, two cores shared with other work, nothing cached,
// best and median of six runs: a page by state 1.6 and 3.5 ms; by expiring 14 and 15 ms.
// All counts take 0.03 ms, and 0.2 to 0.3 s after the clock jumped by a month. Page and
// counts after a renewal take 2 and 5 ms. A row takes 78.9 bytes and 41 bytes of texts.
//
// BenchmarkWhere, queries of three terms on a million rows, processor time of both cores
// together, of which an idle machine needs half to answer: three fields 3 to 5 ms, three
// patterns of resources 8 ms, a word with two fields 9 ms, three words 9 to 14 ms, three
// negated words that nearly all have 22 ms, three words of hexadecimal digits, which are
// searched in serials and IDs as well, 17 to 24 ms.
package search
