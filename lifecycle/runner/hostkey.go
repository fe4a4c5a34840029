package runner

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"certquay/model"
)

// trust decides which key a host may have.
type trust struct {
	host     string // host:port
	settings Settings

	mu       sync.Mutex
	accepted string // line of the key that a fingerprint named
}

func (t *trust) acceptedLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// known is what is known of a host at one connection.
type known struct {
	trust *trust
	keys  []ssh.PublicKey     // kept by the caller for this host
	files ssh.HostKeyCallback // known_hosts files
}

func (t *trust) read() (*known, error) {
	k := &known{trust: t}
	for _, line := range t.settings.HostKeys {
		_, hosts, key, _, _, err := ssh.ParseKnownHosts([]byte(line))
		if err != nil {
			return nil, model.Fail("runner.host-key-line", "line", line, "cause", err)
		}
		if slices.Contains(hosts, knownhosts.Normalize(t.host)) {
			k.keys = append(k.keys, key)
		}
	}
	if line := t.acceptedLine(); line != "" {
		_, _, key, _, _, err := ssh.ParseKnownHosts([]byte(line))
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, key)
	}
	files := []string{t.settings.KnownHosts}
	if t.settings.KnownHosts == "" {
		files = existing(defaultKnownHosts())
	}
	var err error
	if k.files, err = knownhosts.New(files...); err != nil {
		return nil, model.Fail("runner.known-hosts", "cause", err)
	}
	return k, nil
}

func defaultKnownHosts() []string {
	all := []string{"/etc/ssh/ssh_known_hosts"}
	if home, err := os.UserHomeDir(); err == nil {
		all = append(all, filepath.Join(home, ".ssh/known_hosts"))
	}
	return all
}

func existing(files []string) []string {
	return slices.DeleteFunc(files, func(f string) bool {
		_, err := os.Stat(f)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// check is called with the key that the host has. A key that is revoked in known_hosts is
// refused in any case; else one that is known from either source is good.
func (k *known) check(host string, remote net.Addr, key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(key)
	err := k.files(host, remote, key)
	var revoked *knownhosts.RevokedError
	var other *knownhosts.KeyError
	switch {
	case errors.As(err, &revoked):
		return model.Fail("runner.host-key-revoked", "host", k.trust.host, "fingerprint", fingerprint).Wrapping(err)
	case err == nil || slices.ContainsFunc(k.keys, func(kept ssh.PublicKey) bool { return bytes.Equal(kept.Marshal(), key.Marshal()) }):
		return nil
	case slices.Contains(k.trust.settings.AcceptHostKey, fingerprint):
		k.trust.accept(key)
		return nil
	case !errors.As(err, &other): // a certificate that is not good
		return model.Fail("runner.host-key-bad", "host", k.trust.host, "cause", err)
	}
	refused := &HostKeyError{Host: k.trust.host, Type: key.Type(), Fingerprint: fingerprint}
	for _, wanted := range k.known(other) {
		refused.Known = append(refused.Known, ssh.FingerprintSHA256(wanted))
	}
	return refused
}

// known are the keys that are known for the host: those kept, and those that an error of the
// known_hosts files names.
func (k *known) known(other *knownhosts.KeyError) []ssh.PublicKey {
	keys := slices.Clone(k.keys)
	for _, want := range other.Want {
		keys = append(keys, want.Key)
	}
	return keys
}

// HostKeyError is a host key that is not trusted.
type HostKeyError struct {
	Host        string // host:port
	Type        string // of the key, as "ssh-ed25519"
	Fingerprint string // "SHA256:..."
	// Known are the fingerprints of the keys that are known for the host: it has changed, or
	// somebody is in between. None means that the host is new.
	Known []string
}

func (e *HostKeyError) Error() string { return e.AsText().String() }

// AsText says which key the host has, and how to trust it.
func (e *HostKeyError) AsText() model.Text {
	if len(e.Known) == 0 {
		return model.Say("runner.host-key-unknown", "host", e.Host, "type", e.Type, "fingerprint", e.Fingerprint)
	}
	return model.Say("runner.host-key-changed", "host", e.Host, "type", e.Type, "fingerprint", e.Fingerprint, "known", e.Known)
}

func (t *trust) accept(key ssh.PublicKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted = knownhosts.Line([]string{t.host}, key)
}

// algorithms are those to ask the host for, first those of the keys that are known: with
// another one a host that has several keys would seem to have changed.
func (k *known) algorithms() []string {
	keys, authority := k.keys, false
	var other *knownhosts.KeyError
	if errors.As(k.files(k.trust.host, &net.TCPAddr{}, noKey{}), &other) {
		keys, authority = k.known(other), slices.ContainsFunc(other.Want, isAuthority)
	}
	var first, certificates, rest []string
	for _, a := range ssh.SupportedAlgorithms().HostKeys {
		switch {
		case strings.Contains(a, "-cert-"):
			certificates = append(certificates, a)
		case slices.ContainsFunc(keys, func(key ssh.PublicKey) bool { return typeOf(a) == key.Type() }):
			first = append(first, a)
		case a == ssh.KeyAlgoED25519: // what OpenSSH prefers, and so what people compare
			rest = append([]string{a}, rest...)
		default:
			rest = append(rest, a)
		}
	}
	if authority {
		return slices.Concat(certificates, first, rest)
	}
	return slices.Concat(first, rest)
}

// typeOf is the type of the keys that an algorithm is for (RFC 8332 section 3).
func typeOf(algorithm string) string {
	if algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512 {
		return ssh.KeyAlgoRSA
	}
	return algorithm
}

// isAuthority reports whether a line of a known_hosts file names the key of a CA.
func isAuthority(k knownhosts.KnownKey) bool {
	data, err := os.ReadFile(k.Filename)
	lines := strings.Split(string(data), "\n")
	return err == nil && k.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[k.Line-1]), "@cert-authority")
}

// noKey is the key of no host, to learn which are known.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.ErrUnsupported }
