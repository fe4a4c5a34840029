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

// crashFile is the file in the data directory to which the runtime writes the stack of
// a fatal error. It is private to its owner, because panic messages can contain
// anything.
const crashFile = "crash.log"

// maxCrashBytes is how much of it is logged, in bytes.
const maxCrashBytes = 64 << 10

// afterCrash reports whether the previous owner ended with a fatal error, whose stack
// it moves to the log; a killed process leaves none. It also sets up the file for this
// process.
func (a *App) afterCrash() (crashed bool, err error) {
	// Opening does not wait for a pipe, and only a regular file is read.
	f, err := os.OpenFile(filepath.Join(a.Dir, crashFile), os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return false, fmt.Errorf("the note of a crash: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // the runtime has its own descriptor
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, errors.Join(err, fmt.Errorf("the note of a crash: %s is no regular file; remove it", f.Name()))
	}
	said, err := io.ReadAll(io.LimitReader(f, maxCrashBytes))
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
