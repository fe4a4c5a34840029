package mem_test

import (
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/mem"
)

func TestEngineContract(t *testing.T) {
	enginetest.Run(t, func(*testing.T) engine.Engine { return mem.New() })
}
