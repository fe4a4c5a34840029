package sshd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/lifecycle/directory"
	"certquay/model"
)

// Errors of an authorized_keys file. They are wrapped in an error with the path and
// advice.
var (
	ErrNoKeysFile = errors.New("no authorized_keys file")
	ErrNoKeys     = errors.New("no key")
	ErrKeysFile   = errors.New("untrusted authorized_keys file")
	ErrUnknownKey = errors.New("unknown key")
)

// maxKeysFile is the maximum size of an authorized_keys file, in bytes.
const maxKeysFile = 1 << 20

// Identity is a user of network SSH: a user of the store, or the entry of authorized_keys
// for the authenticated key.
type Identity struct {
	Name        string     // of the user, or the comment of the entry, or the fingerprint
	Role        model.Role // of the user, or that the entry names; a viewer if it names none
	Fingerprint string     // SHA-256, as ssh-keygen -l shows it
	Comment     string     // comment of the entry or id of the certificate, made legible by [session.Legible]
	User        string     // login name sent by the client, escaped; not authenticated
	From        string     // client address, escaped
	replica     bool       // the key is that of the replicas
}

// actor returns the identity as the engine knows it.
func (i *Identity) actor() model.Actor {
	return model.Actor{Name: i.Name, Role: i.Role, Via: viaSSH, Key: i.Fingerprint}
}

// viaSSH is how the actor of a network session connected.
const viaSSH = "ssh"

// Keys is a file of public keys, which is reloaded when it changes: authorized_keys
// (sshd(8)) or the keys of CAs. It is safe for concurrent use.
type Keys struct {
	path string
	cas  bool // the keys of CAs

	mu      sync.Mutex
	stamp   fileStamp
	byKey   map[string]Identity
	ignored []model.Text
	err     error
}

type fileStamp struct {
	size    int64
	changed time.Time
	inode   uint64
	read    time.Time
}

// OpenKeys reads an authorized_keys file. It returns an error if the file does not
// exist or contains no usable key, so that a server never starts open to all (spec V9).
func OpenKeys(path string) (*Keys, error) {
	if path == "" {
		return nil, model.Fail("keys.unnamed").Wrapping(ErrNoKeysFile)
	}
	k := &Keys{path: path}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reload()
	return k, k.err
}

// OpenUserCAs reads a file with the public keys of CAs, one a line, as that of sshd's
// TrustedUserCAKeys. It returns an error if there is no usable key.
func OpenUserCAs(path string) (*Keys, error) {
	k := &Keys{path: path, cas: true}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reload()
	return k, k.err
}

// Ignored returns the lines that are not used, with the reasons.
func (k *Keys) Ignored() []model.Text {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.ignored)
}

// Len returns the number of keys that may log in now.
func (k *Keys) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reload()
	return len(k.byKey)
}

// Lookup returns the entry of a key in the present file.
func (k *Keys) Lookup(key gossh.PublicKey) (Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reload()
	if k.err != nil {
		return Identity{}, k.err
	}
	id, ok := k.byKey[string(key.Marshal())]
	if !ok {
		return Identity{}, ErrUnknownKey
	}
	return id, nil
}

// reload reads the file if it has changed. A file that changed less than two seconds
// before it was read is read again, because modification times can be that coarse.
func (k *Keys) reload() {
	st, err := os.Stat(k.path)
	if err != nil {
		k.byKey, k.ignored, k.stamp = nil, nil, fileStamp{}
		k.err = model.Fail("keys.no-file", "file", k.path, "cause", err).Wrapping(ErrNoKeysFile)
		return
	}
	now := fileStamp{size: st.Size(), changed: st.ModTime()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		now.inode = sys.Ino
	}
	was := k.stamp
	if now.size == was.size && now.inode == was.inode && now.changed.Equal(was.changed) && was.read.Sub(was.changed) > 2*time.Second {
		return
	}
	k.byKey, k.ignored, k.err = readKeys(k.path, k.cas)
	now.read = time.Now()
	k.stamp = now
}

func readKeys(path string, cas bool) (map[string]Identity, []model.Text, error) {
	f, err := session.OpenRegular(path)
	if err != nil {
		return nil, nil, model.Fail("keys.untrusted", "file", path, "cause", err).Wrapping(ErrKeysFile)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, model.Fail("keys.untrusted", "file", path, "cause", err).Wrapping(ErrKeysFile)
	}
	if err := checkKeysFile(st); err != nil {
		return nil, nil, model.Fail("keys.untrusted", "file", path, "cause", err).Wrapping(ErrKeysFile)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	if err != nil {
		return nil, nil, model.Fail("keys.untrusted", "file", path, "cause", err).Wrapping(ErrKeysFile)
	}
	if len(text) > maxKeysFile {
		return nil, nil, model.Fail("keys.untrusted", "file", path, "cause", model.Fail("keys.too-large")).Wrapping(ErrKeysFile)
	}
	keys, ignored := parseKeys(text, cas)
	if len(keys) == 0 {
		if len(ignored) > 0 {
			some := model.Texts(ignored[:min(3, len(ignored))]...)
			return nil, ignored, model.Fail("keys.none-of", "file", path, "ignored", some).Wrapping(ErrNoKeys)
		}
		return nil, ignored, model.Fail("keys.none", "file", path).Wrapping(ErrNoKeys)
	}
	return keys, ignored, nil
}

// checkKeysFile returns an error for a file that other users can write, like sshd's
// StrictModes.
func checkKeysFile(st os.FileInfo) error {
	if !st.Mode().IsRegular() {
		return model.Fail("keys.not-regular")
	}
	if st.Mode().Perm()&0o022 != 0 {
		return model.Fail("keys.writable", "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		return model.Fail("keys.not-yours")
	}
	return nil
}

func parseKeys(text []byte, cas bool) (map[string]Identity, []model.Text) {
	keys := map[string]Identity{}
	var ignored []model.Text
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, comment, options, _, err := gossh.ParseAuthorizedKey(line)
		role := model.NoRole
		if err == nil {
			role, err = roleOf(options, cas)
		}
		if err == nil {
			err = directory.CheckSSHKey(key)
		}
		if err != nil {
			ignored = append(ignored, model.Say("keys.line", "line", n, "cause", err))
			continue
		}
		id := Identity{Fingerprint: gossh.FingerprintSHA256(key), Comment: session.Legible(comment, 64), Role: role}
		id.Name = cmp.Or(id.Comment, id.Fingerprint)
		keys[string(key.Marshal())] = id
	}
	return keys, ignored
}

// ignoredOptions restrict only features that certquay does not have. A key with any
// other option is refused, so that no restriction is ignored.
var ignoredOptions = []string{
	"restrict", "no-port-forwarding", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc",
	"pty", "agent-forwarding", "port-forwarding", "x11-forwarding", "user-rc",
}

// roleOf returns the role that the options of a key name with role="ROLE": a viewer if
// there is none, so that nobody is an owner by default. An option that would restrict the
// key and is not known is an error.
func roleOf(options []string, cas bool) (model.Role, error) {
	role := model.NoRole
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		name = strings.ToLower(name)
		switch {
		case cas && name == "cert-authority", slices.Contains(ignoredOptions, strings.ToLower(o)):
		case name == "role" && !cas:
			r := model.RoleNamed(strings.Trim(value, `"`))
			if r == model.NoRole || role != model.NoRole {
				return role, model.Fail("keys.role", "role", session.Escape(strings.Trim(value, `"`), 60), "roles", model.RoleNames())
			}
			role = r
		default:
			return role, model.Fail("keys.option", "option", session.Escape(name, 60))
		}
	}
	return max(role, model.Viewer), nil
}
