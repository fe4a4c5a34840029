package cmd

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
)

func reviewCmd(c *call) *cobra.Command {
	var approve, noWait bool
	var reason, documents string
	cmd := &cobra.Command{
		Use:     "review ID --approve | --reject REASON",
		Short:   "Approve or reject an application that waits for a reviewer",
		Example: "  certquay review shop.example.com --documents /tmp/look\n  certquay review shop.example.com --approve",
		Args:    one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			rejected := cmd.Flags().Changed("reject")
			if documents != "" {
				if err := c.changing(lifecycle.Review); err != nil {
					return err
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
				return &usageError{"a review either approves or rejects", "--approve, or --reject REASON"}
			case c.changing(lifecycle.Review) != nil:
				return c.changing(lifecycle.Review)
			case rejected:
				if err := c.engine().RejectApplication(cmd.Context(), c.Actor, i.ID, reason); err != nil {
					return err
				}
				return c.show(i.ID, "rejected")
			}
			if err := c.engine().Approve(cmd.Context(), c.Actor, i.ID); err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, "approved", i.Operation.Job)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&approve, "approve", false, "let the CA issue")
	f.StringVar(&reason, "reject", "", "take it back to the applicant, for this reason")
	f.StringVar(&documents, "documents", "", "save the documents into this directory, to look at them")
	waitFlag(f, &noWait)
	return cmd
}

// saveDocuments writes the qualification documents, 0600, for a reviewer.
func (c *call) saveDocuments(id model.ID, dir string) error {
	docs, err := c.engine().Documents(id)
	if err != nil {
		return err
	}
	if err := c.MkdirAll(dir, 0o700); err != nil {
		return &failedError{what: "the directory cannot be made: " + err.Error(), hint: "choose another with --documents"}
	}
	for n, d := range docs {
		path := filepath.Join(dir, documentName(n, d.Format))
		if err := c.write(path, bundle.OutFile{Name: path, Data: d.Data.Reveal(), Secret: true}); err != nil {
			return err
		}
		c.say("%s  (%s)", path, d.Name)
	}
	return nil
}

func templateCmd(c *call) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "template ID --out FILE", Short: "Save the form that an applicant fills in, stamps and uploads", Args: one("ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return &usageError{"template needs a file", "--out FILE, or --out - for standard output"}
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			text, err := c.engine().Template(i.ID)
			if err != nil {
				return err
			}
			if err := c.write(out, bundle.OutFile{Name: out, Data: []byte(text), Secret: true}); err != nil {
				return err
			}
			if out != "-" {
				c.say("%s", out)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; - for standard output")
	return cmd
}

func documentName(n int, format string) string {
	ext := map[string]string{"png": ".png", "jpeg": ".jpg"}[format]
	return "document-" + string(rune('a'+n)) + ext
}
