package cmd

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func applyCmd(c *invocation) *cobra.Command {
	var csr, contact, keyType, company, like string
	var documents []string
	var noWait bool
	r := lifecycle.ApplyRequest{}
	cmd := &cobra.Command{
		Use:     "apply",
		Example: "  certquay apply 3F7QX --domain shop.example.com\n  certquay apply 3F7QX --domain shop.example.com --csr request.pem",
		Args:    exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Allow(cmd.Context(), rules.Apply, i.ID); err != nil {
				return err
			}
			if r.HostingPacks < 0 {
				return out.Usage("usage.hosting-packs", "id", args[0])
			}
			a := &r.Application
			if like != "" {
				if err := c.copyApplication(like, &r); err != nil {
					return err
				}
			}
			if csr != "" && csr != "auto" {
				if a.CSR, err = c.csr(cmd.Context(), csr); err != nil {
					return err
				}
			} else if keyType != "" {
				if a.KeyType, err = oneOf("--key-type", keyType, model.KeyTypes); err != nil {
					return err
				}
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				r.Contact = ct.ID
			}
			if err := c.companyAndDocuments(cmd.Context(), company, documents, a, &r.Documents); err != nil {
				return err
			}
			if len(a.CSR) > 0 {
				c.Note("verb.apply.own-key")
			}
			j, err := c.engine().Apply(cmd.Context(), i.ID, r)
			if missing := (*rules.Invalid)(nil); r.DraftOnly && (err == nil || errors.As(err, &missing)) {
				return c.reportDraft(i.ID)
			}
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, model.Say("verb.apply.done"), j.ID)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&r.Application.Domains, "domain", nil, "")
	f.StringVar(&csr, "csr", "auto", "")
	f.StringVar(&keyType, "key-type", "", out.Join(model.KeyTypes))
	applicantFlags(f, &r.Application)
	f.StringVar(&company, "company", "", "")
	f.StringSliceVar(&documents, "document", nil, "")
	f.StringVar(&contact, "contact", "", "")
	f.IntVar(&r.HostingPacks, "hosting-packs", 0, "")
	f.StringVar(&like, "like", "", "")
	f.BoolVar(&r.DraftOnly, "draft", false, "")
	waitFlag(f, &noWait)
	return cmd
}

// applicantFlags adds the flags of the personal fields of an application (spec A1).
func applicantFlags(f *pflag.FlagSet, a *model.Application) {
	f.StringVar(&a.ApplicantName, "applicant", "", "")
	f.StringVar(&a.Email, "email", "", "")
	f.StringVar(&a.Phone, "phone", "", "")
	f.StringVar(&a.IDNumber, "id-number", "", "")
}

// companyAndDocuments fills in the saved company with a name, if it is not empty, and
// reads the documents at paths of the caller's.
func (c *invocation) companyAndDocuments(
	ctx context.Context, company string, paths []string, a *model.Application, docs *[]lifecycle.NewDocument,
) error {
	if company != "" {
		co, err := c.engine().Company(company)
		if err != nil {
			return err
		}
		a.Company = co.Organization
	}
	for _, path := range paths {
		data, err := c.read(ctx, path)
		if err != nil {
			return err
		}
		*docs = append(*docs, lifecycle.NewDocument{Name: sourceName(path), Data: data})
	}
	return nil
}

// reportDraft reports that an application is saved, and what is still missing.
func (c *invocation) reportDraft(id model.ID) error {
	i, err := c.engine().Instance(id)
	if err != nil {
		return err
	}
	missing := c.engine().Missing(&i, i.Application)
	for _, m := range missing {
		c.Note("verb.apply.missing", "what", m, "example", m.Example)
	}
	if len(missing) > 0 {
		return c.show(id, model.Say("verb.apply.incomplete", "n", len(missing)))
	}
	return c.show(id, model.Say("verb.apply.complete", "id", id.Short()))
}

// sourceName returns the name a document is listed under; standard input has none.
func sourceName(path string) string {
	if path == "-" {
		return "sent"
	}
	return filepath.Base(path)
}

// csr reads a certificate signing request supplied by the user.
func (c *invocation) csr(ctx context.Context, path string) ([]byte, error) {
	data, err := c.read(ctx, path)
	if err != nil {
		return nil, err
	}
	r, err := bundle.ParseCSR(data)
	if err != nil {
		return nil, &rules.Invalid{Field: "csr", Why: model.TextOf(err), Example: model.Say("csr.how"), Rule: "A3"}
	}
	return r.Raw, nil
}

// copyApplication copies fields that were not given from the application of another instance,
// including its documents (spec A1).
func (c *invocation) copyApplication(typed string, r *lifecycle.ApplyRequest) error {
	a := &r.Application
	other, err := c.engine().Find(typed)
	if err != nil {
		return err
	}
	given := *a
	*a = other.Application
	a.Documents, a.CSR = nil, nil
	if len(given.Domains) > 0 {
		a.Domains = given.Domains
	}
	for to, from := range map[*string]string{
		&a.ApplicantName: given.ApplicantName,
		&a.Phone:         given.Phone,
		&a.Email:         given.Email,
		&a.IDNumber:      given.IDNumber,
	} {
		if from != "" {
			*to = from
		}
	}
	docs, err := c.engine().Documents(other.ID)
	if err != nil {
		return err
	}
	for _, d := range docs {
		r.Documents = append(r.Documents, lifecycle.NewDocument{Name: d.Name, Data: d.Data.Reveal()})
	}
	return nil
}
