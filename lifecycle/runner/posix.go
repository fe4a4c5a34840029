package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"certquay/model"
)

// posix is a host of which commands are all there is: files are handled by the scripts of
// this package.
type posix struct {
	name string
	sudo bool // commands are run by sudo -n
	execute
}

// execute runs a command and returns its status, -1 if a signal ended it. An error says that
// there is no status. It returns when starting ends before the command has begun, and when
// running ends afterwards; the command may go on then.
type execute func(starting, running context.Context, c process) (int, error)

type process struct {
	argv           []string
	stdin          []byte
	stdout, stderr io.Writer
	urgent         bool // does not wait for others
}

// Name returns the name of the host.
func (p *posix) Name() string { return p.name }

// Run runs a command in a process group of its own, all of which is killed when ctx ends. If
// the connection is cut, the command may go on. Messages of commands are in English: LC_ALL
// is C.
func (p *posix) Run(ctx context.Context, c Command) (Output, error) {
	if err := ctx.Err(); err != nil {
		return Output{}, err
	}
	if len(c.Argv) == 0 || slices.ContainsFunc(c.Argv, func(arg string) bool { return strings.ContainsRune(arg, 0) }) {
		return Output{}, errNoCommand(strings.Join(c.Argv, " "), fs.ErrInvalid)
	}
	mark := rand.Text()
	stdout, stderr := newMarked(mark, c.Limit), newMarked(mark, c.Limit)
	running, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		p.kill(running, stdout)
		abandon()
	})
	argv := append([]string{"sh", "-c", begin, "certquay", mark}, c.Argv...)
	status, err := p.execute(ctx, running, process{argv: p.elevated(argv), stdin: c.Stdin, stdout: stdout, stderr: stderr})
	if !stop() {
		abandon()
		<-ended
	}
	switch begun := stdout.begun(); {
	case ctx.Err() != nil && (err != nil || status != 0):
		return Output{stdout.kept(), stderr.kept()}, ctx.Err()
	case err != nil:
		return Output{stdout.kept(), stderr.kept()}, err
	case begun == "":
		return Output{}, p.refused(stdout, stderr)
	case begun == "none":
		return Output{}, errNoCommand(c.Argv[0], fs.ErrNotExist)
	case begun == "denied":
		return Output{}, errNoCommand(c.Argv[0], fs.ErrPermission)
	}
	return outcome(ctx, c.Argv[0], status, stdout.capture, stderr.capture)
}

// elevated is a command as the user that the host is to be changed by.
func (p *posix) elevated(argv []string) []string {
	if p.sudo {
		return append([]string{"sudo", "-n", "--"}, argv...)
	}
	return argv
}

// kill ends the process group of a command that has begun.
func (p *posix) kill(ctx context.Context, stdout *marked) {
	select {
	case <-stdout.seen: // a command that was sent begins soon
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
	}
	group, err := strconv.Atoi(stdout.begun())
	if err != nil || group <= 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// If this fails, nothing more can be done than to give the command up.
	argv := p.elevated([]string{"sh", "-c", end, "certquay", strconv.Itoa(group)})
	_, _ = p.execute(ctx, ctx, process{argv: argv, stdout: io.Discard, stderr: io.Discard, urgent: true})
}

// refused says why nothing was run: sudo wants a password, or the user has no shell.
func (p *posix) refused(stdout, stderr *marked) error {
	said := model.Quoted(p.name, strings.TrimSpace(stderr.before()+"\n"+stdout.before()))
	if p.sudo {
		return model.Fail("runner.sudo", "host", p.name, "said", said).Wrapping(fs.ErrPermission)
	}
	return model.Fail("runner.no-shell", "host", p.name, "said", said).Wrapping(ErrUnreachable)
}

// script runs one of the scripts.
func (p *posix) script(ctx context.Context, op, name, text string, c Command, args ...string) ([]byte, error) {
	if err := check(ctx, op, name); err != nil {
		return nil, err
	}
	c.Argv = append([]string{"sh", "-c", text, "certquay", name}, args...)
	out, err := p.Run(ctx, c)
	var exit *ExitError
	if !errors.As(err, &exit) {
		return out.Stdout, err
	}
	reasons := map[int]error{
		statusNotExist: syscall.ENOENT, statusPermission: syscall.EACCES, statusExist: syscall.EEXIST,
		statusNotDir: syscall.ENOTDIR, statusNoLink: syscall.EINVAL, statusCrossing: syscall.EXDEV,
	}
	switch reason, known := reasons[exit.Status]; {
	case known:
		return nil, &fs.PathError{Op: op, Path: name, Err: reason}
	case exit.Status == statusNoFile:
		return nil, model.Fail("runner.no-file", "path", name)
	case exit.Status == statusBusybox:
		return nil, model.Fail("runner.busybox", "path", name, "host", p.name, "said", model.Quoted(p.name, exit.Said)).Wrapping(exit)
	case exit.Status == statusCut:
		return nil, model.Fail("runner.cut", "path", name, "host", p.name).Wrapping(ErrUnreachable)
	}
	return nil, model.Fail("runner.file", "path", name, "said", model.Quoted(p.name, exit.Said)).Wrapping(exit)
}

// ReadFile reads a regular file of at most limit bytes.
func (p *posix) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	c := Command{Limit: int(limit) + 1}
	data, err := p.script(ctx, "open", name, readScript, c, strconv.FormatInt(limit+1, 10))
	if err == nil && int64(len(data)) > limit {
		err = model.Fail("runner.too-long", "path", name, "limit", limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Stat describes what a path leads to.
func (p *posix) Stat(ctx context.Context, name string) (FileInfo, error) {
	return p.describe(ctx, name, statScript)
}

// Lstat describes the entry itself.
func (p *posix) Lstat(ctx context.Context, name string) (FileInfo, error) {
	return p.describe(ctx, name, lstatScript)
}

func (p *posix) describe(ctx context.Context, name, script string) (FileInfo, error) {
	out, err := p.script(ctx, "stat", name, script, Command{})
	if err != nil {
		return FileInfo{}, err
	}
	return p.parseInfo(path.Base(name), strings.TrimSpace(string(out)))
}

// Readlink returns where a link leads.
func (p *posix) Readlink(ctx context.Context, name string) (string, error) {
	out, err := p.script(ctx, "readlink", name, readlinkScript, Command{})
	return string(out), err
}

// ReadDir lists a directory by name. Entries that vanish meanwhile are left out.
func (p *posix) ReadDir(ctx context.Context, name string) ([]FileInfo, error) {
	const limit = 64 << 20
	out, err := p.script(ctx, "open", name, readDirScript, Command{Limit: limit})
	if err != nil {
		return nil, err
	}
	all, itself := []FileInfo{}, false
	for record := range strings.SplitSeq(string(out), "//\n") {
		description, entry, found := strings.Cut(record, " .")
		if !found {
			continue
		}
		if entry == "" {
			itself = true
			continue
		}
		info, err := p.parseInfo(strings.TrimPrefix(entry, "/"), description)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	if !itself || len(out) == limit {
		return nil, p.strange(name, out)
	}
	slices.SortFunc(all, func(a, b FileInfo) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// parseInfo reads what stat printed with the format of the scripts.
func (p *posix) parseInfo(name, description string) (FileInfo, error) {
	var mode uint32
	var changed int64
	f := FileInfo{Name: name}
	if _, err := fmt.Sscanf(description, "%x %d %d %d %d", &mode, &f.Size, &f.UID, &f.GID, &changed); err != nil {
		return FileInfo{}, p.strange(name, []byte(description))
	}
	f.Mode, f.ModTime = fileMode(mode), time.Unix(changed, 0)
	return f, nil
}

// strange is an answer that no script gives.
func (p *posix) strange(name string, answer []byte) error {
	return model.Fail("runner.file", "path", name, "said", model.Quoted(p.name, string(answer[:min(len(answer), tailLength)])))
}

// fileMode is the mode of a file as Linux has it (inode(7)).
func fileMode(raw uint32) fs.FileMode {
	mode := fs.FileMode(raw & 0o777)
	mode |= map[uint32]fs.FileMode{
		syscall.S_IFDIR: fs.ModeDir, syscall.S_IFLNK: fs.ModeSymlink, syscall.S_IFIFO: fs.ModeNamedPipe,
		syscall.S_IFSOCK: fs.ModeSocket, syscall.S_IFBLK: fs.ModeDevice, syscall.S_IFCHR: fs.ModeDevice | fs.ModeCharDevice,
	}[raw&syscall.S_IFMT]
	for bit, has := range map[uint32]fs.FileMode{
		syscall.S_ISUID: fs.ModeSetuid, syscall.S_ISGID: fs.ModeSetgid, syscall.S_ISVTX: fs.ModeSticky,
	} {
		if raw&bit != 0 {
			mode |= has
		}
	}
	return mode
}

// WriteFile writes a file atomically. What arrives incomplete is not put in its place.
func (p *posix) WriteFile(ctx context.Context, name string, data []byte, a Attributes) error {
	if data == nil {
		data = []byte{}
	}
	_, err := p.script(ctx, "write", name, writeScript, Command{Stdin: data},
		temporaryPath(name), abandonedPrefix(name), permissions(a), owner(a), strconv.Itoa(len(data)), seconds(a))
	return err
}

// Symlink makes an entry a link to target.
func (p *posix) Symlink(ctx context.Context, target, name string) error {
	_, err := p.script(ctx, "symlink", name, symlinkScript, Command{}, temporaryPath(name), abandonedPrefix(name), target)
	return err
}

// Rename renames and syncs both directories.
func (p *posix) Rename(ctx context.Context, oldPath, newPath string) error {
	if err := check(ctx, "rename", newPath); err != nil {
		return err
	}
	_, err := p.script(ctx, "rename", oldPath, renameScript, Command{}, newPath)
	return err
}

// Remove removes a file, a link or an empty directory, and syncs the directory.
func (p *posix) Remove(ctx context.Context, name string) error {
	_, err := p.script(ctx, "remove", name, removeScript, Command{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// MkdirAll makes a directory and those of its parents that are missing, all with the
// attributes given.
func (p *posix) MkdirAll(ctx context.Context, name string, a Attributes) error {
	if err := check(ctx, "mkdir", name); err != nil {
		return err
	}
	_, err := p.script(ctx, "mkdir", path.Clean(name), mkdirScript, Command{}, permissions(a), owner(a))
	return err
}

func abandonedPrefix(name string) string {
	dir, base := path.Split(name)
	return dir + temporaryPrefix(base)
}

func permissions(a Attributes) string { return fmt.Sprintf("%04o", a.Mode.Perm()) }

func seconds(a Attributes) string {
	if a.ModTime.IsZero() {
		return ""
	}
	return strconv.FormatInt(a.ModTime.Unix(), 10)
}

func owner(a Attributes) string {
	if a.Owner == nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", a.Owner.UID, a.Owner.GID)
}
