// Package store keeps certquay's records encrypted, authenticated, indexed and counted,
// in an ordered key-value engine with a single writer.
//
// Guarantees:
//
//   - A transaction is durable before its caller gets the result, or it leaves no trace.
//   - Data that this store did not write under the same key is an error that wraps
//     [ErrCorrupt]. The authentication code is keyed by the key file, so this also
//     holds against someone who edits the files. It does not detect that the whole
//     database was replaced by an older copy of itself.
//   - Secrets are never in the files in the clear. Each is encrypted with AES-256-GCM
//     under a data key of its own; data keys are wrapped by a master key, and the
//     master key by the key file, or by a passphrase and the key file. A key file
//     stored beside the data protects copies of the data, not against someone who can
//     read both.
//   - A subscriber receives every commit, or a notification that it missed some.
//
// Lists of instances are answered by the table in [certquay/store/search], which every
// commit updates. A store in a directory keeps it in the file "search-table", without
// secrets, when it is closed and from time to time. When the store is opened the file is
// used if it is authentic and of an earlier state of the same database; otherwise, and in
// a store in another engine, the table is built from the records.
//
// The package depends on the model and knows nothing about the life cycle.
package store
