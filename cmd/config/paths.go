package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// Paths are where certquay keeps its files, all of one user (XDG Base Directory
// Specification).
type Paths struct {
	Data   string // the store, the socket and what the edge serves; mode 0700
	Config string // configuration, master key, keys of SSH
	State  string // logs
}

const name = "certquay"

// DefaultPaths asks the environment as it is now.
func DefaultPaths() Paths {
	xdg.Reload()
	return Paths{
		Data:   filepath.Join(xdg.DataHome, name),
		Config: filepath.Join(xdg.ConfigHome, name),
		State:  filepath.Join(xdg.StateHome, name),
	}
}

// ConfigFile is the configuration; it may be absent.
func (p Paths) ConfigFile() string { return filepath.Join(p.Config, "config.yaml") }

// MasterKey is the file, mode 0600, that seals the store's secrets.
func (p Paths) MasterKey() string { return filepath.Join(p.Config, "master.key") }

// KeyFile is the master key that belongs to a configuration file: the one beside
// it.
func KeyFile(configFile string) string {
	return Paths{Config: filepath.Dir(configFile)}.MasterKey()
}

// Log is the file that is written, mode 0600.
func (p Paths) Log() string { return filepath.Join(p.State, "certquay.log") }

// AuthorizedKeysIn is the file of public keys, as configured in a file in dir.
func (s SSH) AuthorizedKeysIn(dir string) string { return in(dir, s.AuthorizedKeys, "authorized_keys") }

// HostKeyIn is the file of the host key, as configured in a file in dir.
func (s SSH) HostKeyIn(dir string) string { return in(dir, s.HostKey, "ssh_host_key") }

// PasswordIn is the file of the password, as configured in a file in dir.
func (s SMTP) PasswordIn(dir string) string { return in(dir, s.PasswordFile, "") }

// DirectoryIn is where backups are put, as configured in a file in dir.
func (b Backup) DirectoryIn(dir string) string { return in(dir, b.Directory, "") }

// PassphraseIn is the file of the passphrase, as configured in a file in dir.
func (b Backup) PassphraseIn(dir string) string { return in(dir, b.PassphraseFile, "") }

// in resolves a path of a configuration file in dir.
func in(dir, path, otherwise string) string {
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
