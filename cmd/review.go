package cmd

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

func reviewCmd(c *invocation) *cobra.Command {
	var approve, noWait bool
	var reason, documents string
	cmd := &cobra.Command{
		Use:     "review",
		Example: "  certquay review shop.example.com --documents /tmp/look\n  certquay review shop.example.com --approve",
		Args:    exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			rejected := cmd.Flags().Changed("reject")
			if documents != "" {
				if f := c.engine().May(rules.Review); f != nil {
					return f
				}
				if err := c.saveDocuments(i.ID, documents); err != nil {
					return err
				}
				if !approve && !rejected {
					return c.application(&i)
				}
			}
			switch {
			case approve == rejected:
				return out.Usage("usage.review")
			case rejected:
				if err := c.engine().RejectApplication(cmd.Context(), i.ID, reason); err != nil {
					return err
				}
				return c.show(i.ID, model.Say("verb.rejected"))
			}
			if err := c.engine().Approve(cmd.Context(), i.ID); err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, model.Say("verb.approved"), i.Operation.Job)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&approve, "approve", false, "")
	f.StringVar(&reason, "reject", "", "")
	f.StringVar(&documents, "documents", "", "")
	waitFlag(f, &noWait)
	return cmd
}

// saveDocuments writes the qualification documents for a reviewer, with mode 0600.
func (c *invocation) saveDocuments(id model.ID, dir string) error {
	docs, err := c.engine().Documents(id)
	if err != nil {
		return err
	}
	if err := c.MkdirAll(dir, 0o700); err != nil {
		return out.Failed("failed.directory", "cause", err, "flag", "--documents")
	}
	for n, d := range docs {
		path := filepath.Join(dir, documentName(n, d.Format))
		if err := c.write(path, bundle.OutFile{Name: path, Data: d.Data.Reveal(), Secret: true}); err != nil {
			return err
		}
		c.Print(text.Clean(path) + "  (" + text.Clean(d.Name) + ")")
	}
	return nil
}

func documentName(n int, format string) string {
	ext := map[string]string{"png": ".png", "jpeg": ".jpg"}[format]
	return "document-" + string(rune('a'+n)) + ext
}
