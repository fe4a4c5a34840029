package mem_test

import (
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/mem"
)

func TestEngineContract(t *testing.T) {
	enginetest.Run(t, func(*testing.T) enginetest.Database {
		first := mem.New()
		return enginetest.Database{
			Open:     func() (engine.Engine, error) { return first.Connect(), nil },
			EndLease: func() error { first.EndLease(); return nil },
		}
	})
}
