package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// maxGarbage is how much memory may be waiting to be collected, in bytes: what a
// dashboard leaves behind in some minutes of typing.
const maxGarbage = 48 << 20

// tuneEvery is how long memory is left alone after somebody came or left.
const tuneEvery = 2 * time.Second

// collect returns the memory that building the search table took to the operating
// system, and lets no more than some garbage gather from then on: as much again
// as is in use, which is Go's rule, would let the search memory of a large store
// be taken twice. A GOGC in the environment is obeyed instead.
func collect() {
	debug.FreeOSMemory()
	tuneGC()
}

// tuneGC lets no more than some garbage gather beside what is in use now.
func tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(int(min(100, max(10, 100*maxGarbage/max(m.HeapAlloc, 1)))))
}

// tuneMemory bounds the garbage anew as people come, and returns the memory of
// those who left to the operating system, until ctx ends. It does so
// every two seconds at most.
func (a *App) tuneMemory(ctx context.Context) {
	here := a.Sessions.Count()
	for {
		changed := a.Sessions.Changed()
		if n := a.Sessions.Count(); n < here {
			here = n
			collect()
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
		case <-time.After(tuneEvery):
		}
	}
}
