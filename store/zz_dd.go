package store

import (
	"runtime"
	"strings"
	"sync"
)

var (
	DDMu sync.Mutex
	DDOn bool
	DDM  = map[string]int{}
)

func dd(what string) {
	if !DDOn {
		return
	}
	pcs := make([]uintptr, 60)
	n := runtime.Callers(3, pcs)
	fr := runtime.CallersFrames(pcs[:n])
	var names []string
	for {
		f, more := fr.Next()
		fn := f.Function[strings.LastIndex(f.Function, "/")+1:]
		if strings.Contains(f.Function, "certquay") && !strings.Contains(fn, "func") && !strings.Contains(fn, "uard") && !strings.Contains(fn, "store.") {
			names = append(names, fn)
		}
		if !more || len(names) > 3 {
			break
		}
	}
	DDMu.Lock()
	DDM[what+" "+strings.Join(names, " < ")]++
	DDMu.Unlock()
}
