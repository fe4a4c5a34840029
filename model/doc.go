// Package model holds the words of certquay: certificate instances, their
// versions, the resources they are deployed to, and what is derived from them
// and a moment in time. It also holds the few types that ports share ([Tx],
// [Scan], [ChangeSet], [Event], [Actor]).
//
// The package imports the standard library only, knows nothing of storage and
// never asks what time it is: every function that depends on time takes it.
// Values are plain data; they are not safe for concurrent modification.
package model
