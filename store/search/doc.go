// Package search answers lists of instances from memory: it filters, searches,
// sorts and counts the rows of a whole fleet without reading a record.
//
// # Contract
//
// A [Table] is filled once, by [Build], from the instances of a snapshot, and
// follows what is committed after it through [Table.Commit]. [Table.Page] and
// [Table.Count] then answer with everything that was committed before the call.
// Until Build has returned they may answer from a part of the rows, which they
// say (Partial). A row is the projection that [RowOf] makes of an instance. What
// depends on the moment, such as whether a certificate is expiring, is derived by
// the model for the moment of the query, and kept only until it can change.
//
// The package knows the model and nothing else: not where records are kept, how
// they are encoded or sealed, nor what a transaction is. Whoever reads records
// hands Build a function that turns one into an instance.
//
// # Layout
//
// Rows stand in blocks of 4,096, in columns. What many instances have in common is
// a numbered profile, so a filter asks the model once for each profile and not for
// each row. Names, domains and serials are folded and joined in one text for each
// block, which is searched in one pass. Results of filters are sets of slots that
// are brought up to date block by block; a filter that narrows another, as when
// somebody types, starts from that one's result. Derived values of a block are
// counted, and valid until the next moment at which one of them changes.
//
// # Memory
//
// A row takes at most 80 bytes beside its texts, which a test holds: 61 in its
// block, 4 in each of four orders (ID, expiry, name and state), a bit in each of
// four cached results, and what the allocator rounds up. The order by due date takes
// 4 more once a list asks for it. The texts are name, domains and serials with a
// byte after each; name and domain once more if lists show them otherwise than
// folded. A profile takes half a kilobyte; a fleet of a million instances has some
// hundreds.
//
// # Concurrency
//
// All methods are safe for concurrent use. Queries take turns, and each uses all
// processors. Commit queues what it is given and does not wait for queries; the
// next query applies it, or the commit itself once 1,024 changes are queued and no
// query runs. The first orders are made without the lock: queries go on meanwhile,
// unless they must wait for a commit that came in.
//
// # Measurement
//
// BenchmarkTable, a million rows, two cores shared with other work, nothing cached,
// best and median of six runs: a page by state 1.6 and 3.5 ms; by a text in names 5
// and 11 ms, in serials 41 and 59 ms; what is expiring 14 and 15 ms. All counts take
// 0.03 ms, and 0.2 to 0.3 s after the clock jumped by a month. Page and counts after
// a renewal take 2 and 5 ms. A row takes 78.9 bytes and 57 of texts.
package search
