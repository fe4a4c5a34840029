package cmd

import (
	"os"
	"runtime"
	"runtime/debug"
)

// garbage is how much memory may be waiting to be collected, in bytes: what a
// dashboard leaves behind in some minutes of typing.
const garbage = 48 << 20

// tidy returns the memory that building the search table took to the operating
// system, and lets no more than some garbage gather from then on: as much again
// as is in use, which is Go's rule, would let the search memory of a large store
// be taken twice. A GOGC in the environment is obeyed instead.
func tidy() {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") != "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(int(min(100, max(10, 100*garbage/m.HeapAlloc))))
}
