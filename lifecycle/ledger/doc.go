// Package ledger keeps what is bought, spent, paid back and held prepaid: double
// entry, append only, each entry named after the operation that it belongs to, so
// that repeating one changes nothing (spec B2, B4, B5). All are functions over a
// transaction or a snapshot.
package ledger
