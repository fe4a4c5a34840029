package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// maxGarbage is how much garbage may accumulate on the heap, in bytes: about what a
// dashboard produces in some minutes of typing.
const maxGarbage = 48 << 20

// tuneInterval is the minimum interval between two adjustments.
const tuneInterval = 2 * time.Second

// freeMemory returns the memory used for building the search table to the operating system
// and limits the garbage from then on. With Go's default, as much garbage as live
// memory, the memory of the search table would be used twice. GOGC in the environment
// takes precedence.
func freeMemory() {
	debug.FreeOSMemory()
	tuneGC()
}

// tuneGC sets the GC percentage so that about maxGarbage accumulates.
func tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(int(min(100, max(10, 100*maxGarbage/max(m.HeapAlloc, 1)))))
}

// tuneMemory adjusts the garbage collector when sessions begin, and returns memory to
// the operating system when they end, until ctx ends. It does so at most every two
// seconds.
func (a *App) tuneMemory(ctx context.Context) {
	here := a.Sessions.Count()
	for {
		changed := a.Sessions.Changed()
		if n := a.Sessions.Count(); n < here {
			here = n
			freeMemory()
		} else if n > here {
			here = n
			tuneGC()
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tuneInterval):
		}
	}
}
