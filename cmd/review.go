package cmd

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

func reviewCmd(c *invocation) *cobra.Command {
	s := selection{}
	var approve bool
	var reason, documents string
	cmd := &cobra.Command{
		Use:     "review",
		Example: "  certquay review shop.example.com --documents /tmp/look\n  certquay review shop.example.com --approve",
		Args:    s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			rejected := cmd.Flags().Changed("reject")
			if documents != "" {
				if s.several(args) {
					return out.Usage("usage.documents-one")
				}
				i, err := c.reviewDocuments(cmd.Context(), args[0], documents)
				if err != nil {
					return err
				}
				if !approve && !rejected {
					return c.application(&i)
				}
			}
			if approve == rejected {
				return out.Usage("usage.review")
			}
			v := effect[model.Instance]{
				action: rules.Review,
				title:  counted("many.approve"),
				plan:   unasked[model.Instance],
				begin:  c.beginApproval,
			}
			if rejected {
				v.title = counted("many.reject", "reason", reason)
				v.begin = func(ctx context.Context, i *model.Instance) (begun, error) {
					return c.became(i.ID, model.Say("verb.rejected")), c.engine().RejectApplication(ctx, i.ID, reason)
				}
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), v)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&approve, "approve", false, "")
	f.StringVar(&reason, "reject", "", "")
	f.StringVar(&documents, "documents", "", "")
	waitFlag(f, &s.noWait)
	s.flags(cmd)
	return cmd
}

// beginApproval approves an application, and waits for the CA.
func (c *invocation) beginApproval(ctx context.Context, i *model.Instance) (begun, error) {
	return c.became(i.ID, model.Say("verb.approved"), i.Operation.Job), c.engine().Approve(ctx, i.ID)
}

// reviewDocuments writes the qualification documents of an application for a reviewer.
func (c *invocation) reviewDocuments(ctx context.Context, typed, dir string) (model.Instance, error) {
	i, err := c.engine().Find(typed)
	if err != nil {
		return i, err
	}
	if err := c.errOrNil(c.engine().May(rules.Review)); err != nil {
		return i, err
	}
	return i, c.saveDocuments(ctx, i.ID, dir)
}

// saveDocuments writes the qualification documents for a reviewer, with mode 0600.
func (c *invocation) saveDocuments(ctx context.Context, id model.ID, dir string) error {
	docs, err := c.engine().ReadDocuments(ctx, id)
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
