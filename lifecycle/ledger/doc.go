// Package ledger records purchases, costs, refunds and prepaid units: double entry,
// append only. The ID of an entry is derived from its operation, so that repeating
// one changes nothing (spec B2, B4, B5). All functions work on a transaction or a
// snapshot.
package ledger
