package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"

	"certquay/cmd/config"
	"certquay/cmd/session"
)

// recipients are those a backup is encrypted to, and what is shown of them.
func (c *call) recipients(ctx context.Context, keys []string, passphraseFile string) (all []age.Recipient, shown string, err error) {
	if len(keys) > 0 {
		for _, key := range keys {
			r, err := config.Recipient(key)
			if err != nil {
				return nil, "", &usageError{"--recipient: " + err.Error(), "it is the line that begins with age1 in what age-keygen prints"}
			}
			all = append(all, r)
		}
		return all, shownKeys(keys), nil
	}
	passphrase, err := c.passphrase(ctx, passphraseFile)
	if err == nil && passphrase == "" {
		passphrase, err = c.newPassphrase(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	r, err := age.NewScryptRecipient(passphrase)
	return []age.Recipient{r}, shownPassphrase, err
}

const shownPassphrase = "a passphrase"

// shownKeys are public keys as they are shown: enough to know them again.
func shownKeys(keys []string) string {
	short := make([]string, len(keys))
	for n, k := range keys {
		if short[n] = k; len(k) > 20 {
			short[n] = k[:12] + "..." + k[len(k)-4:]
		}
	}
	return strings.Join(short, ", ")
}

// passphrase reads the first line of a file, if one is named.
func (c *call) passphrase(ctx context.Context, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	s, err := c.password(ctx, file)
	if err != nil {
		return "", err
	}
	if s.Empty() {
		return "", &usageError{file + " begins with an empty line", "put the passphrase on its first line"}
	}
	return string(s.Reveal()), nil
}

// newPassphrase asks for a passphrase twice.
func (c *call) newPassphrase(ctx context.Context) (string, error) {
	first, err := c.AskSecret(ctx, "A passphrase for the backup: ")
	if errors.Is(err, session.ErrNoTerminal) {
		what := "a backup is encrypted, and there is no terminal to ask for a passphrase on"
		return "", &usageError{what, "add --recipient age1... or --passphrase-file FILE"}
	}
	if err != nil {
		return "", fmt.Errorf("ask for the passphrase: %w", err)
	}
	second, err := c.AskSecret(ctx, "Again: ")
	if err != nil {
		return "", fmt.Errorf("ask for the passphrase: %w", err)
	}
	if first != second || first == "" {
		return "", &usageError{"the passphrases differ or are empty, so nothing was written", "try again"}
	}
	return first, nil
}

// identities are what opens a backup. Without flags the passphrase is asked for
// if it turns out that there is one.
func (c *call) identities(ctx context.Context, file string, o *opening) ([]age.Identity, error) {
	if o.identity == "" {
		passphrase, err := c.passphrase(ctx, o.passphraseFile)
		if err != nil {
			return nil, err
		}
		if passphrase == "" {
			return []age.Identity{&asked{ctx, c, file}}, nil
		}
		i, err := age.NewScryptIdentity(passphrase)
		return []age.Identity{i}, err
	}
	text, err := c.read(ctx, o.identity)
	if err != nil {
		return nil, err
	}
	all, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil { // which is not told: it repeats what stands there
		hint := "name the file that age-keygen wrote, with the line AGE-SECRET-KEY-1..."
		return nil, &usageError{o.identity + " holds no private key of age", hint}
	}
	return all, nil
}

// asked is the identity of a person who is asked for a passphrase.
type asked struct {
	ctx  context.Context
	c    *call
	file string
}

// Unwrap implements [age.Identity].
func (a *asked) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	const flags = "add --identity FILE, or --passphrase-file FILE if it was made with a passphrase"
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" {
		return nil, &usageError{a.file + " is encrypted to public keys, and no private key is named", "add --identity FILE"}
	}
	if a.file == "-" {
		return nil, &usageError{"the backup comes on standard input, so the passphrase cannot", flags}
	}
	typed, err := a.c.AskSecret(a.ctx, "The passphrase of the backup: ")
	if errors.Is(err, session.ErrNoTerminal) {
		return nil, &usageError{"there is no terminal to ask for the passphrase on", flags}
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the passphrase: %w", err)
	}
	i, err := age.NewScryptIdentity(typed)
	if err != nil {
		return nil, &usageError{"the passphrase is empty", "try again"}
	}
	return i.Unwrap(stanzas)
}
