package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
	"certquay/store"
)

// What is backed up and restored in the words of a refusal.
const (
	backUp  lifecycle.Action = "backup"
	restore lifecycle.Action = "restore"
)

func backupCmd(c *call) *cobra.Command {
	var recipients []string
	var passphraseFile string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Save the whole store, keys included, in one encrypted file",
		Long: `Save the whole store, keys included, as it is at this moment, in one file that
is encrypted by age: to public keys (age1...), or with a passphrase, which is
asked for on a terminal when neither is given. Others may go on working. FILE
gets the mode 0600; - is standard output. The file opens everything, so keep its
passphrase or private key elsewhere.

Backups are made by themselves with backup in the configuration.`,
		Example: "  certquay backup /mnt/usb/certquay.backup\n" +
			"  certquay backup certquay.backup --recipient age1...\n" +
			"  ssh host backup - --recipient age1... > certquay.backup\n" +
			"  certquay backup verify certquay.backup",
		Args: one("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.backup(cmd.Context(), args[0], recipients, passphraseFile)
		},
	}
	each(cmd.Flags(), &recipients, "recipient", "public key of age that the backup is encrypted to; may be repeated")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file whose first line is the passphrase")
	cmd.MarkFlagsMutuallyExclusive("recipient", "passphrase-file")
	cmd.AddCommand(verifyBackupCmd(c))
	return cmd
}

// opening are the flags that open a backup.
type opening struct{ identity, passphraseFile string }

func (o *opening) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.identity, "identity", "", "file of the private key of age (AGE-SECRET-KEY-1...)")
	cmd.Flags().StringVar(&o.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase")
	cmd.MarkFlagsMutuallyExclusive("identity", "passphrase-file")
}

func verifyBackupCmd(c *call) *cobra.Command {
	o := &opening{}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Read a backup, check that it is whole, and check the store in it",
		Long: `Read a backup, check that it is whole, and check the store in it as fsck does.
Nothing is written, unless the store in it is larger than 64 MiB: then it lies in
the directory for temporary files (TMPDIR) meanwhile, encrypted with a key that
nobody keeps.`,
		Example: "  certquay backup verify certquay.backup --identity key.txt",
		Args:    one("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.verifyBackup(cmd.Context(), args[0], o)
		},
	}
	o.add(cmd)
	return cmd
}

func restoreCmd(c *call) *cobra.Command {
	o := &opening{}
	cmd := &cobra.Command{
		Use:   "restore FILE --data DIR",
		Short: "Make a store of a backup, in a directory that is empty or does not exist",
		Long: `Make a store of a backup in a directory that is empty or does not exist, and
master.key beside the configuration. Another master.key there is not replaced:
name a configuration elsewhere with --config. Do not let the store and the one
that it was made from run at the same time: both would act for the same
certificates.`,
		Example: "  certquay restore certquay.backup --data /srv/certquay\n" +
			"  certquay restore certquay.backup --data /tmp/look --config /tmp/look.conf/config.yaml --identity key.txt",
		Args: one("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], o)
		},
	}
	o.add(cmd)
	return cmd
}

func (c *call) backup(ctx context.Context, file string, keys []string, passphraseFile string) error {
	if err := c.changing(backUp); err != nil {
		return err
	}
	if f := lifecycle.MayBackUp(c.Actor); f != nil {
		return f
	}
	if c.app.demo {
		return &usageError{"nothing of a demo is kept, so it cannot be backed up", "certquay --data DIR backup FILE"}
	}
	if file == "-" && c.Terminal {
		return &usageError{"a backup is no text, and standard output is a terminal", "certquay backup FILE, or certquay backup - > FILE"}
	}
	recipients, shown, err := c.recipients(ctx, keys, passphraseFile)
	if err != nil {
		return err
	}
	if c.Kind != session.Network && file != "-" {
		if _, err := os.Lstat(c.Abs(file)); err == nil {
			if err := c.confirm(ctx, file+" is there already and would be replaced.", ""); err != nil {
				return err
			}
		}
	}
	out, err := c.Create(file, modeSecret)
	if err != nil {
		hint := "name a file in a directory that can be written to, or - for standard output"
		return &usageError{"cannot write " + file + ": " + err.Error(), hint}
	}
	sum, err := c.app.Store.Backup(ctx, out, recipients...)
	if err == nil {
		err = out.Close()
	} else {
		err = errors.Join(err, out.Abort())
	}
	detail := model.Say("log.backup", "file", c.Abs(file), "for", shown)
	if ctx.Err() != nil {
		return &failedError{what: "the backup was stopped", hint: "there is no " + file + " of it"}
	}
	noted := c.app.Engine.NoteBackup(ctx, c.Actor, detail, err)
	if err != nil {
		if errors.Is(err, store.ErrOpen) {
			return &storeError{err: err}
		}
		return &failedError{what: "the backup failed: " + err.Error(), hint: "nothing is left of it; choose another place"}
	}
	if noted != nil {
		c.note("warning: the backup is made, but the activity log does not tell of it: %v", noted)
	}
	if file == "-" { // where the backup itself went
		c.note("backed up: %s, for %s", held(sum), shown)
		return nil
	}
	if c.g.json {
		return c.printJSON(summaryJSON(sum, map[string]any{"file": c.Abs(file), "for": shown}))
	}
	c.say("backed up to %s: %s, for %s", file, held(sum), shown)
	return nil
}

// held is what a backup holds, in words.
func held(s store.Summary) string {
	return fmt.Sprintf("store %s as of %s, %d events", s.Store[:min(8, len(s.Store))], stamp(s.Made), s.Events)
}

func summaryJSON(s store.Summary, more map[string]any) map[string]any {
	more["store"], more["made"], more["schema"], more["events"] = s.Store, timeOrNil(s.Made), s.Schema, s.Events
	more["protection"], more["pairs"], more["bytes"] = s.Protection, s.Pairs, s.Bytes
	return more
}

// unopened puts into words why a backup was not read.
func unopened(file string, err error) error {
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return usage
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, store.ErrNoIdentity):
		what := file + " does not open: the passphrase is wrong, or it is encrypted to another key"
		return &failedError{what: what, hint: "name the right one with --passphrase-file or --identity; nothing was changed"}
	case errors.Is(err, store.ErrBackup):
		return &failedError{what: file + ": " + err.Error(), hint: "nothing was changed; take another backup"}
	case errors.Is(err, store.ErrOpen), errors.Is(err, store.ErrNewerSchema):
		return &storeError{err: err}
	}
	return &failedError{what: file + ": " + err.Error(), hint: "nothing was changed"}
}

func (c *call) verifyBackup(ctx context.Context, file string, o *opening) error {
	in, ids, err := c.openBackup(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	where, err := c.files()
	if err != nil {
		return err
	}
	temporary := ""
	if c.Kind == session.Local { // nobody else fills the disk of this machine
		temporary = os.TempDir()
	}
	sum, report, err := store.VerifyBackup(ctx, in, where.key, temporary, ids...)
	var unchecked *store.UncheckedError
	if err != nil && !errors.As(err, &unchecked) {
		return unopened(file, err)
	}
	problems := report.Problems
	if c.g.json {
		more := map[string]any{"file": c.Abs(file), "checked": unchecked == nil, "problems": orEmpty(problems)}
		if err := c.printJSON(summaryJSON(sum, more)); err != nil {
			return err
		}
	}
	for _, p := range problems {
		c.say("problem: %s", p)
	}
	switch {
	case len(problems) > 0:
		what := fmt.Sprintf("the backup is whole, and the store in it has %d problems", len(problems)+report.More)
		return &failedError{what: what, hint: "an earlier backup may be sound"}
	case unchecked != nil:
		c.say("whole: store %s as of %s, %d events, %d keys", sum.Store, stamp(sum.Made), sum.Events, sum.Pairs)
		c.say("what fits together was not checked: %v", unchecked.Err)
		c.say("set TMPDIR to a directory with room for it, or restore it: certquay fsck does the same")
	default:
		c.say("whole and clean: store %s as of %s, %d records, %d events", sum.Store, stamp(sum.Made), report.Records, sum.Events)
	}
	return nil
}

// openBackup opens the file of a backup and finds what opens it.
func (c *call) openBackup(ctx context.Context, file string, o *opening) (io.ReadCloser, []age.Identity, error) {
	if file == "-" && (c.Interactive || o.identity == "-" || o.passphraseFile == "-") {
		return nil, nil, &usageError{
			"standard input is to be the backup, and is something else",
			"name a file, or send it in: certquay ... - < FILE",
		}
	}
	ids, err := c.identities(ctx, file, o)
	if err != nil {
		return nil, nil, err
	}
	in, err := c.Open(file)
	if err != nil {
		return nil, nil, unread(file, err)
	}
	return in, ids, nil
}
