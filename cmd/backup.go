package cmd

import (
	"context"
	"errors"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// What is backed up and restored in the words of a refusal.
const (
	backUp  rules.Action = "backup"
	restore rules.Action = "restore"
)

func backupCmd(c *call) *cobra.Command {
	var recipients []string
	var passphraseFile string
	cmd := &cobra.Command{
		Use: "backup",
		Example: "  certquay backup /mnt/usb/certquay.backup\n" +
			"  certquay backup certquay.backup --recipient age1...\n" +
			"  ssh host backup - --recipient age1... > certquay.backup\n" +
			"  certquay backup verify certquay.backup",
		Args: one("arg.file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.backup(cmd.Context(), args[0], recipients, passphraseFile)
		},
	}
	cmd.Flags().StringSliceVar(&recipients, "recipient", nil, "")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "")
	exclusive(cmd, "recipient", "passphrase-file")
	cmd.AddCommand(verifyBackupCmd(c))
	return cmd
}

// opening are the flags that open a backup.
type opening struct{ identity, passphraseFile string }

func (o *opening) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.identity, "identity", "", "")
	cmd.Flags().StringVar(&o.passphraseFile, "passphrase-file", "", "")
	exclusive(cmd, "identity", "passphrase-file")
}

func verifyBackupCmd(c *call) *cobra.Command {
	o := &opening{}
	cmd := &cobra.Command{
		Use:     "verify",
		Example: "  certquay backup verify certquay.backup --identity key.txt",
		Args:    one("arg.file"),
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
		Use: "restore",
		Example: "  certquay restore certquay.backup --data /srv/certquay\n" +
			"  certquay restore certquay.backup --data /tmp/look --config /tmp/look.conf/config.yaml --identity key.txt",
		Args: one("arg.file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], o)
		},
	}
	o.add(cmd)
	return cmd
}

func (c *call) backup(ctx context.Context, file string, keys []string, passphraseFile string) error {
	if f := rules.Needs(c.who(), backUp, model.Owner); f != nil {
		return f
	}
	if c.app.Demo {
		return out.Usage("usage.backup-demo")
	}
	if file == "-" && c.Terminal {
		return out.Usage("usage.backup-terminal")
	}
	recipients, shown, err := c.recipients(ctx, keys, passphraseFile)
	if err != nil {
		return err
	}
	if c.Kind != session.Network && file != "-" {
		if _, err := os.Lstat(c.Abs(file)); err == nil {
			if err := c.Confirm(ctx, c.Text("verb.backup.replaces", "file", file), ""); err != nil {
				return err
			}
		}
	}
	to, err := c.Create(file, modeSecret)
	if err != nil {
		return out.Usage("usage.unwritable", "file", file, "cause", err)
	}
	sum, err := c.app.Store.Backup(ctx, to, recipients...)
	if err == nil {
		err = to.Close()
	} else {
		err = errors.Join(err, to.Abort())
	}
	detail := model.Say("log.backup", "file", c.Abs(file), "for", shown)
	if ctx.Err() != nil {
		return out.Failed("failed.backup-stopped", "file", file)
	}
	noted := c.app.Engine.NoteBackup(ctx, c.who(), detail, err)
	if err != nil {
		if errors.Is(err, store.ErrOpen) {
			return &out.StoreError{Err: err}
		}
		return out.Failed("failed.backup", "cause", err)
	}
	if noted != nil {
		c.Note("verb.backup.unnoted", "cause", noted)
	}
	if file == "-" { // where the backup itself went
		c.Note("verb.backup.sent", "holds", held(sum), "for", shown)
		return nil
	}
	if c.JSON {
		return c.PrintJSON(summaryJSON(sum, map[string]any{"file": c.Abs(file), "for": out.English(shown)}))
	}
	c.Say("verb.backup.done", "file", file, "holds", held(sum), "for", shown)
	return nil
}

// held is what a backup holds.
func held(s store.Summary) model.Text {
	return model.Say("verb.backup.holds", "store", s.Store[:min(8, len(s.Store))], "at", s.Made, "events", s.Events)
}

func summaryJSON(s store.Summary, more map[string]any) map[string]any {
	more["store"], more["made"], more["schema"], more["events"] = s.Store, out.TimeOrNil(s.Made), s.Schema, s.Events
	more["protection"], more["pairs"], more["bytes"] = s.Protection, s.Pairs, s.Bytes
	return more
}

// unopened puts into words why a backup was not read.
func unopened(file string, err error) error {
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
	if c.JSON {
		more := map[string]any{"file": c.Abs(file), "checked": unchecked == nil, "problems": out.EnglishAll(problems)}
		if err := c.PrintJSON(summaryJSON(sum, more)); err != nil {
			return err
		}
	}
	for _, p := range problems {
		c.Say("verb.problem", "what", p)
	}
	switch {
	case len(problems) > 0:
		return out.Failed("failed.backup-unsound", "n", len(problems)+report.More)
	case unchecked != nil:
		c.Say("verb.backup.whole", "store", sum.Store, "at", sum.Made, "events", sum.Events, "keys", sum.Pairs)
		c.Say("verb.backup.unchecked", "cause", unchecked.Err)
	default:
		c.Say("verb.backup.clean", "store", sum.Store, "at", sum.Made, "records", report.Records, "events", sum.Events)
	}
	return nil
}

// openBackup opens the file of a backup and finds what opens it.
func (c *call) openBackup(ctx context.Context, file string, o *opening) (io.ReadCloser, []age.Identity, error) {
	if file == "-" && (c.Interactive || o.identity == "-" || o.passphraseFile == "-") {
		return nil, nil, out.Usage("usage.backup-input")
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
