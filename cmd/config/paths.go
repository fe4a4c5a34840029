package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// Paths are the directories of certquay's files for one user (XDG Base Directory
// Specification).
type Paths struct {
	Data   string // store, socket and files of the edge; mode 0700
	Config string // configuration, master key and SSH keys
	State  string // logs
}

const name = "certquay"

// DefaultPaths returns the paths for the present environment. A path is "" if it would
// be in the home directory and HOME is not set: the root directory is nobody's home.
func DefaultPaths() Paths {
	xdg.Reload()
	path := func(variable, base string) string {
		if os.Getenv("HOME") == "" && os.Getenv(variable) == "" {
			return ""
		}
		return filepath.Join(base, name)
	}
	return Paths{
		Data:   path("XDG_DATA_HOME", xdg.DataHome),
		Config: path("XDG_CONFIG_HOME", xdg.ConfigHome),
		State:  path("XDG_STATE_HOME", xdg.StateHome),
	}
}

// ConfigFile returns the path of the configuration, which may not exist; "" if there is
// no directory for it.
func (p Paths) ConfigFile() string {
	if p.Config == "" {
		return ""
	}
	return filepath.Join(p.Config, "config.yaml")
}

// MasterKey returns the path of the master key, a file with mode 0600.
func (p Paths) MasterKey() string { return filepath.Join(p.Config, "master.key") }

// KeyFile returns the path of the master key that belongs to a configuration file:
// beside it.
func KeyFile(configFile string) string {
	return Paths{Config: filepath.Dir(configFile)}.MasterKey()
}

// Log returns the path of the log, a file with mode 0600.
func (p Paths) Log() string { return filepath.Join(p.State, "certquay.log") }

// AuthorizedKeysIn returns the path of the authorized_keys file, for a configuration
// file in dir.
func (s SSH) AuthorizedKeysIn(dir string) string {
	return resolvePath(dir, s.AuthorizedKeys, "authorized_keys")
}

// HostKeyIn returns the path of the host key, for a configuration file in dir.
func (s SSH) HostKeyIn(dir string) string { return resolvePath(dir, s.HostKey, "ssh_host_key") }

// UserCAFileIn returns the path of the keys of user CAs, for a configuration file in dir;
// "" for none.
func (s SSH) UserCAFileIn(dir string) string {
	if s.UserCAFile == "" {
		return ""
	}
	return resolvePath(dir, s.UserCAFile, "")
}

// PasswordIn returns the path of the password file, for a configuration file in dir.
func (s SMTP) PasswordIn(dir string) string { return resolvePath(dir, s.PasswordFile, "") }

// PasswordIn returns the path of the password file, for a configuration file in dir; ""
// for none.
func (s Store) PasswordIn(dir string) string {
	if s.PasswordFile == "" {
		return ""
	}
	return resolvePath(dir, s.PasswordFile, "")
}

// CredentialsIn returns the path of the credentials, for a configuration file in dir.
func (a DNSAccount) CredentialsIn(dir string) string { return resolvePath(dir, a.SettingsFile, "") }

// SecretIn returns the path of a file that a setting names, for a configuration file in
// dir.
func SecretIn(dir, path string) string { return resolvePath(dir, path, "") }

// DirectoryIn returns the directory of backups, for a configuration file in dir.
func (b Backup) DirectoryIn(dir string) string { return resolvePath(dir, b.Directory, "") }

// PassphraseIn returns the path of the passphrase file, for a configuration file in
// dir.
func (b Backup) PassphraseIn(dir string) string { return resolvePath(dir, b.PassphraseFile, "") }

// resolvePath resolves a path in a configuration file in dir.
func resolvePath(dir, path, otherwise string) string {
	if path == "" {
		path = otherwise
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
