package cmd

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/store"
)

func verifyBackupCmd(c *invocation) *cobra.Command {
	o := &identityFlags{}
	cmd := &cobra.Command{
		Use:     "verify",
		Example: "  certquay backup verify certquay.backup --identity key.txt",
		Args:    exactArg("arg.file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.verifyBackup(cmd.Context(), args[0], o)
		},
	}
	o.add(cmd)
	return cmd
}

func (c *invocation) verifyBackup(ctx context.Context, file string, o *identityFlags) error {
	in, ids, err := c.openBackup(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	where, err := c.places()
	if err != nil {
		return err
	}
	temporary := ""
	if c.Kind == session.Local { // remote users must not fill this machine's disk
		temporary = os.TempDir()
	}
	sum, report, err := store.VerifyBackup(ctx, in, where.key, temporary, ids...)
	var unchecked *store.UncheckedError
	if err != nil && !errors.As(err, &unchecked) {
		return backupError(file, err)
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
