// Package builtin is the registry of the engines that are built in. A new one is a
// folder beside this one and a line in [Kinds].
package builtin

import (
	"log/slog"

	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/mem"
)

// Setup is what an engine is opened with.
type Setup struct {
	Dir    string // of its files; an engine without files ignores it
	Create bool   // allows that there is no database yet
	// Scratch says that nothing is read again once the engine is closed: what is in
	// its files is encrypted with a key that nobody keeps, and is not synced.
	Scratch bool
	Log     *slog.Logger // nil for none
}

// Kind is a kind of engine. None has settings: which one a store stands on
// follows from what the store is for.
type Kind struct {
	Name string
	// Open opens it. Errors are those that package engine lists, wrapped.
	Open func(Setup) (engine.Engine, error)
}

// The engines.
var (
	Badger = Kind{"badger", openBadger}
	Memory = Kind{"memory", openMemory} // keeps nothing
)

// Kinds are the engines that are built in.
var Kinds = []Kind{Badger, Memory}

func openBadger(s Setup) (engine.Engine, error) {
	e, err := badger.Open(s.Dir, badger.Options{Create: s.Create, Scratch: s.Scratch, Logger: s.Log})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func openMemory(Setup) (engine.Engine, error) { return mem.New(), nil }
