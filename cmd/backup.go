package cmd

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// Names of the actions in refusals.
const (
	backUp  rules.Action = "backup"
	restore rules.Action = "restore"
)

func backupCmd(c *invocation) *cobra.Command {
	var recipients []string
	var passphraseFile string
	cmd := &cobra.Command{
		Use: "backup",
		Example: "  certquay backup /mnt/usb/certquay.backup\n" +
			"  certquay backup certquay.backup --recipient age1...\n" +
			"  ssh host backup - --recipient age1... > certquay.backup\n" +
			"  certquay backup verify certquay.backup",
		Args: exactArg("arg.file"),
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

func (c *invocation) backup(ctx context.Context, file string, keys []string, passphraseFile string) error {
	if err := c.allow(ctx, backUp, false); err != nil {
		return err
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
	noted := c.app.Engine.NoteBackup(ctx, c.currentActor(), detail, err)
	if err != nil {
		if errors.Is(err, store.ErrOpen) {
			return &out.StoreError{Err: err}
		}
		return out.Failed("failed.backup", "cause", err)
	}
	if noted != nil {
		c.Note("verb.backup.unnoted", "cause", noted)
	}
	if file == "-" { // standard output is the backup
		c.Note("verb.backup.sent", "holds", describeBackup(sum), "for", shown)
		return nil
	}
	if c.JSON {
		return c.PrintJSON(summaryJSON(sum, map[string]any{"file": c.Abs(file), "for": out.English(shown)}))
	}
	c.Say("verb.backup.done", "file", file, "holds", describeBackup(sum), "for", shown)
	return nil
}

// describeBackup describes the content of a backup.
func describeBackup(s store.Summary) model.Text {
	return model.Say("verb.backup.holds", "store", s.Store[:min(8, len(s.Store))], "at", s.Made, "events", s.Events)
}

func summaryJSON(s store.Summary, more map[string]any) map[string]any {
	more["store"], more["made"], more["schema"], more["events"] = s.Store, out.TimeOrNil(s.Made), s.Schema, s.Events
	more["protection"], more["pairs"], more["bytes"] = s.Protection, s.Pairs, s.Bytes
	return more
}
