package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"certquay/cmd/backup"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/model"
	"certquay/store"
)

// recipients returns the recipients of a backup, and how to display them.
func (c *invocation) recipients(
	ctx context.Context, keys []string, passphraseFile string,
) (all []age.Recipient, shown model.Text, err error) {
	if len(keys) > 0 {
		for _, key := range keys {
			r, err := config.Recipient(key)
			if err != nil {
				return nil, shown, out.Usage("usage.recipient", "cause", err)
			}
			all = append(all, r)
		}
		return all, backup.DescribeKeys(keys), nil
	}
	passphrase, err := c.passphrase(ctx, passphraseFile)
	if err == nil && passphrase == "" {
		passphrase, err = c.newPassphrase(ctx)
	}
	if err != nil {
		return nil, shown, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	return []age.Recipient{r}, backup.DescribePassphrase(), err
}

// passphrase reads the first line of a file, if one is named.
func (c *invocation) passphrase(ctx context.Context, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	s, err := c.password(ctx, file)
	if err != nil {
		return "", err
	}
	if s.Empty() {
		return "", out.Usage("usage.empty-line", "file", file)
	}
	return string(s.Reveal()), nil
}

// newPassphrase asks for a new passphrase twice.
func (c *invocation) newPassphrase(ctx context.Context) (string, error) {
	first, err := c.AskSecret(ctx, c.Text("verb.ask.backup"))
	if errors.Is(err, session.ErrNoTerminal) {
		return "", out.Usage("usage.no-terminal-backup")
	}
	if err != nil {
		return "", model.Fail("verb.ask-passphrase-failed", "cause", err)
	}
	second, err := c.AskSecret(ctx, c.Text("verb.ask.again"))
	if err != nil {
		return "", model.Fail("verb.ask-passphrase-failed", "cause", err)
	}
	if first != second || first == "" {
		return "", out.Usage("usage.passphrases-differ")
	}
	return first, nil
}

// identities returns the identities that can decrypt a backup. Without flags, the user
// is asked for a passphrase if the backup needs one.
func (c *invocation) identities(ctx context.Context, file string, o *identityFlags) ([]age.Identity, error) {
	if o.identity == "" {
		passphrase, err := c.passphrase(ctx, o.passphraseFile)
		if err != nil {
			return nil, err
		}
		if passphrase == "" {
			return []age.Identity{&askedIdentity{ctx, c, file}}, nil
		}
		i, err := age.NewScryptIdentity(passphrase)
		return []age.Identity{i}, err
	}
	text, err := c.read(ctx, o.identity)
	if err != nil {
		return nil, err
	}
	all, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil { // not reported: it quotes the content of the file
		return nil, out.Usage("usage.no-identity", "file", o.identity)
	}
	return all, nil
}

// askedIdentity is an identity that asks the user for the passphrase.
type askedIdentity struct {
	ctx  context.Context
	c    *invocation
	file string
}

// Unwrap implements [age.Identity].
func (a *askedIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" {
		return nil, out.Usage("usage.backup-keys", "file", a.file)
	}
	if a.file == "-" {
		return nil, out.Usage("usage.backup-stdin")
	}
	typed, err := a.c.AskSecret(a.ctx, a.c.Text("verb.ask.restore"))
	if errors.Is(err, session.ErrNoTerminal) {
		return nil, out.Usage("usage.no-terminal-restore")
	}
	if err != nil {
		return nil, model.Fail("verb.ask-passphrase-failed", "cause", err)
	}
	i, err := age.NewScryptIdentity(typed)
	if err != nil {
		return nil, out.Usage("usage.empty-passphrase")
	}
	return i.Unwrap(stanzas)
}

// identityFlags are the flags with which a backup is decrypted.
type identityFlags struct{ identity, passphraseFile string }

func (o *identityFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.identity, "identity", "", "")
	cmd.Flags().StringVar(&o.passphraseFile, "passphrase-file", "", "")
	exclusive(cmd, "identity", "passphrase-file")
}

// backupError converts an error of reading a backup to one with advice.
func backupError(file string, err error) error {
	var wrong *out.UsageError
	switch {
	case errors.As(err, &wrong):
		return wrong
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, store.ErrNoIdentity):
		return out.Failed("failed.backup-sealed", "file", file)
	case errors.Is(err, store.ErrBackup):
		return out.Failed("failed.backup-broken", "file", file, "cause", err)
	case errors.Is(err, store.ErrOpen), errors.Is(err, store.ErrNewerSchema):
		return &out.StoreError{Err: err}
	}
	return out.Failed("failed.backup-read", "file", file, "cause", err)
}

// openBackup opens a backup file and returns the identities to decrypt it.
func (c *invocation) openBackup(ctx context.Context, file string, o *identityFlags) (io.ReadCloser, []age.Identity, error) {
	if file == "-" && (c.Interactive || o.identity == "-" || o.passphraseFile == "-") {
		return nil, nil, out.Usage("usage.backup-input")
	}
	ids, err := c.identities(ctx, file, o)
	if err != nil {
		return nil, nil, err
	}
	in, err := c.Open(file)
	if err != nil {
		return nil, nil, fileUsageError(file, err)
	}
	return in, ids, nil
}
