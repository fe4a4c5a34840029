// Package runner is where the commands and files of a product are: this machine, or a host
// that is reached by SSH. Both behave alike and pass one suite.
//
// Commands are lists of arguments, never lines for a shell, and secrets travel by standard
// input or in files, never in arguments or in an environment (spec P3).
package runner

import (
	"context"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"certquay/model"
)

// Runner is a host. Implementations are safe for concurrent use. Paths are absolute paths of
// that host. Errors about files wrap the [fs.ErrNotExist], [fs.ErrPermission] and
// [fs.ErrExist] of the host; an error that wraps [ErrUnreachable] says that the host itself
// could not be asked, or was lost before it answered.
type Runner interface {
	// Name is the region that the host is: "local", or the host name without user and port.
	Name() string
	// Run runs a command and returns what it printed. A status other than 0 is an
	// [*ExitError]; what was printed is returned with it. The command is killed when ctx ends.
	Run(ctx context.Context, c Command) (Output, error)
	// ReadFile reads a regular file of at most limit bytes; a longer one is an error.
	ReadFile(ctx context.Context, path string, limit int64) ([]byte, error)
	// Stat follows links, Lstat does not.
	Stat(ctx context.Context, path string) (FileInfo, error)
	Lstat(ctx context.Context, path string) (FileInfo, error)
	Readlink(ctx context.Context, path string) (string, error)
	// ReadDir lists the entries of a directory by name, as Lstat sees them.
	ReadDir(ctx context.Context, path string) ([]FileInfo, error)
	// WriteFile writes a file atomically: into a new file beside it with the mode and owner
	// given, synced, renamed over path, and the directory synced. A link at path is
	// replaced, not followed. After an error path is as it was; only if the error wraps
	// [ErrUnreachable] or that of ctx, it may as well hold all of the new content.
	WriteFile(ctx context.Context, path string, data []byte, a Attributes) error
	// Symlink makes path a link to target, replacing an entry that is no directory atomically.
	Symlink(ctx context.Context, target, path string) error
	// Rename replaces newPath, if it is there, and syncs both directories.
	Rename(ctx context.Context, oldPath, newPath string) error
	// Remove removes a file, a link or an empty directory. What is not there is no error.
	Remove(ctx context.Context, path string) error
	// MkdirAll makes a directory with its parents. One that is there keeps its attributes.
	MkdirAll(ctx context.Context, path string, a Attributes) error
	// Dial connects from the host to an address, "tcp" or "unix". A deadline of the connection
	// that passes may close it.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Close ends connections to the host. The runner is not used after it.
	Close() error
}

// Command is a program with its arguments.
type Command struct {
	Argv  []string // Argv[0] is looked up in the host's PATH if it has no slash
	Stdin []byte   // may hold secrets; they are not logged
	// Limit bounds each of the outputs in bytes; 0 means [DefaultLimit]. What is longer is cut.
	Limit int
}

// DefaultLimit is how much of each output of a command is kept, in bytes.
const DefaultLimit = 1 << 20

// Output is what a command printed.
type Output struct{ Stdout, Stderr []byte }

// FileInfo is what a host says of a file.
type FileInfo struct {
	Name     string // without its directory
	Size     int64
	Mode     fs.FileMode // type and permissions
	UID, GID int
	ModTime  time.Time // to the second
}

// Attributes are the permissions and the owner of what is written.
type Attributes struct {
	Mode fs.FileMode // permissions; the process's umask does not apply
	// Owner sets user and group by their numbers; nil leaves those of the user that certquay
	// has on the host.
	Owner *Owner
	// ModTime, to the second, is when a file was last changed by its own account; zero means
	// now. Where a host cannot set it, it is now.
	ModTime time.Time
}

// Owner is a user and a group of the host.
type Owner struct{ UID, GID int }

// ExitError is a command that ended with another status than 0.
type ExitError struct {
	Command string // Argv[0]
	Status  int    // -1 if it was killed by a signal
	// Said is the end of its standard error, or of its output if that is empty.
	Said string
}

func (e *ExitError) Error() string { return e.AsText().String() }

// AsText says how the command ended and what it said, on one line.
func (e *ExitError) AsText() model.Text {
	said := strings.Join(strings.FieldsFunc(e.Said, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	return model.Say("runner.exit", "command", e.Command, "status", strconv.Itoa(e.Status), "said", model.Quoted(e.Command, said))
}

// ErrUnreachable is wrapped by errors of a host that cannot be asked.
var ErrUnreachable error = model.Fail("runner.unreachable")
