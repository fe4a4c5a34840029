package runner

import (
	"context"
	"crypto/rand"
	"io/fs"
	"path"
	"strings"
	"time"
)

// check refuses paths that are not absolute or that no system can hold, and calls whose
// context has ended.
func check(ctx context.Context, op, name string) error {
	if !path.IsAbs(name) || strings.ContainsRune(name, 0) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return ctx.Err()
}

// Temporary entries begin with a dot, so that servers that read every file of a directory
// pass over them. Those that are older than abandonedAfter were left by a process that was
// killed, and are removed by the next write of the same file.
const abandonedAfter = time.Hour

func temporaryPrefix(base string) string { return "." + base + ".certquay-" }

func temporaryPath(name string) string {
	dir, base := path.Split(name)
	return dir + temporaryPrefix(base) + rand.Text()[:12]
}
