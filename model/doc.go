// Package model defines the domain: certificate instances, their versions, the
// resources they are deployed to, and the values derived from them and a point in time.
// It also holds the types that ports share ([Tx], [Scan], [ChangeSet], [Event],
// [Actor]).
//
// The package imports only the standard library, knows nothing about storage and never
// reads the clock: every function that depends on time takes it as an argument. Values
// are plain data and not safe for concurrent modification.
package model
