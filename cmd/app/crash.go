package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
)

// crashName is the file of the data directory into which the runtime writes why
// this process ends, if a fault of the program ends it. Readable by its owner
// only: what a panic says may hold anything.
const crashName = "crash.log"

// maxCrash bounds what of it goes to the log, in bytes.
const maxCrash = 64 << 10

// afterCrash says whether the owner before this one was ended by a fault of the
// program, whose stack it moves to the log; one that was killed left nothing. A
// crash of this process will be noted in the same way.
func (a *App) afterCrash() (crashed bool, err error) {
	// Opening a pipe does not wait, and neither it nor a device is read.
	f, err := os.OpenFile(filepath.Join(a.Dir, crashName), os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return false, fmt.Errorf("the note of a crash: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // the runtime has its own
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, errors.Join(err, fmt.Errorf("the note of a crash: %s is no regular file; remove it", f.Name()))
	}
	said, err := io.ReadAll(io.LimitReader(f, maxCrash))
	if err != nil {
		return false, fmt.Errorf("the note of a crash: %w", err)
	}
	if len(said) > 0 {
		a.Log.Error("certquay was ended by a fault of the program", "stack", string(said))
		if err := f.Truncate(0); err != nil {
			return true, fmt.Errorf("the note of a crash: %w", err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return true, fmt.Errorf("the note of a crash: %w", err)
		}
	}
	return len(said) > 0, debug.SetCrashOutput(f, debug.CrashOptions{})
}
