package runner

import (
	"errors"
	"time"

	"certquay/model"
)

// Settings say where a product is and how its hosts are reached. They are the same for every
// driver whose product has commands and files.
type Settings struct {
	// SSH are hosts as [user@]host[:port], each of which becomes a [Runner] with the name of
	// the host; none means this machine.
	SSH []string
	// Key is a private key in PEM without passphrase, and KeyFile the path of one, which
	// nobody but its owner may read. If both are empty, the keys of the agent at
	// SSH_AUTH_SOCK are used.
	Key     model.Secret
	KeyFile string
	// KnownHosts is a file as in sshd(8). If it is empty, ~/.ssh/known_hosts and
	// /etc/ssh/ssh_known_hosts are read where they exist. It is never written.
	KnownHosts string
	// HostKeys are lines of a known_hosts file that the caller keeps: what
	// [AcceptedHostKeys] returned before.
	HostKeys []string
	// AcceptHostKey are fingerprints, "SHA256:...", of host keys that are trusted, also in
	// place of another key that is known for the host. Give them for one connection and keep
	// what [AcceptedHostKeys] returns, which holds for the one host only.
	AcceptHostKey []string
	// Sudo runs every command, those that handle files too, by "sudo -n". Dial is not
	// affected.
	Sudo bool
	// ConnectTimeout bounds connecting and logging in; 0 means 15 seconds.
	ConnectTimeout time.Duration
	// Keepalive is how often an idle connection is tested. One that does not answer as long is
	// closed. 0 means 15 seconds.
	Keepalive time.Duration
}

// Open returns the hosts of s in their order, each with another name. It connects to none:
// hosts are connected to when they are first used, and again after a connection broke. An
// error says which of the settings is wrong. The caller closes the runners.
func Open(s Settings) ([]Runner, error) {
	if len(s.SSH) == 0 {
		if s.Sudo {
			return []Runner{NewLocalSudo()}, nil
		}
		return []Runner{Local{}}, nil
	}
	var all []Runner
	var problems []error
	seen := map[string]bool{}
	for _, text := range s.SSH {
		a, err := ParseAddress(text)
		if err == nil && (seen[a.Host] || a.Host == localName) {
			err = model.Fail("runner.same-host", "host", a.Host)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		seen[a.Host] = true
		all = append(all, newSSH(a, s))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return all, nil
}

// AcceptedHostKeys returns the host keys that were accepted by a fingerprint since the runners
// were opened, as lines of a known_hosts file for [Settings.HostKeys].
func AcceptedHostKeys(all ...Runner) []string {
	var lines []string
	for _, r := range all {
		if s, is := r.(*SSH); is {
			if line := s.trust.acceptedLine(); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
