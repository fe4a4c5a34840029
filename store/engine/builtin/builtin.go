// Package builtin is the registry of engines. A new engine is a folder beside this one
// and an entry in [Kinds].
package builtin

import (
	"context"
	"log/slog"
	"strings"

	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/etcd"
	"certquay/store/engine/mem"
	"certquay/store/engine/postgres"
)

// Setup configures an engine.
type Setup struct {
	Dir    string // directory of its files; ignored by an engine without files
	URL    string // of its database; ignored by an engine with files
	Create bool   // creates the database if it does not exist
	// PasswordFile holds the password for the URL; "" for none.
	PasswordFile string
	// Scratch means that the files are not read again once the engine is closed: they
	// are encrypted with a key kept only in memory, and not synced.
	Scratch bool
	Log     *slog.Logger // nil for none
}

// Kind is a kind of engine. Engines have no settings: which one is used follows from
// the purpose of the store.
type Kind struct {
	Name string
	// Open opens an engine. Errors wrap those of package engine.
	Open func(Setup) (engine.Engine, error)
}

// The engines.
var (
	Badger   = Kind{"badger", openBadger}
	Postgres = Kind{"postgres", openPostgres}
	Etcd     = Kind{"etcd", openEtcd}
	Memory   = Kind{"memory", openMemory} // keeps nothing
)

// Kinds are the engines that are built in.
var Kinds = []Kind{Badger, Postgres, Etcd, Memory}

// ForURL returns the kind of engine for a URL: PostgreSQL, unless it is that of etcd.
func ForURL(url string) Kind {
	if strings.HasPrefix(url, etcd.Scheme) {
		return Etcd
	}
	return Postgres
}

func openBadger(s Setup) (engine.Engine, error) {
	e, err := badger.Open(s.Dir, badger.Options{Create: s.Create, Scratch: s.Scratch, Logger: s.Log})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func openPostgres(s Setup) (engine.Engine, error) {
	e, err := postgres.Open(context.Background(), postgres.Options{
		URL: s.URL, PasswordFile: s.PasswordFile, Create: s.Create, Logger: s.Log,
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func openEtcd(s Setup) (engine.Engine, error) {
	e, err := etcd.Open(context.Background(), etcd.Options{
		URL: s.URL, PasswordFile: s.PasswordFile, Create: s.Create, Logger: s.Log,
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func openMemory(Setup) (engine.Engine, error) { return mem.New(), nil }
