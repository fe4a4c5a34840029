// Package store keeps certquay's records: sealed, authenticated, indexed and
// counted, in one ordered key-value engine with one writer.
//
// What it promises:
//
//   - A transaction is durable before its caller is told so, or leaves no trace.
//   - A value that was not written by this store under this key is an error
//     that wraps [ErrCorrupt], never data. The code that proves it is keyed by
//     the key file, so it also holds against someone who edits the files. It
//     does not notice that the whole database was put back to an older state.
//   - Secrets are never in the files in the clear. They are sealed with AES-256
//     in Galois/Counter Mode, each with a key of its own; those keys are
//     wrapped by a master key, which is wrapped by the key file, or by a
//     passphrase and the key file. A key file beside the data protects copies
//     of the data, not from those who can read both.
//   - A follower is told of every commit, or that it missed some.
//
// Lists of instances are answered by the table in [certquay/store/search], which is
// built from the records when the store is opened and follows every commit.
//
// The package knows the model and nothing of the life cycle.
package store
