package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// applyFlags are the flags of apply that are resolved before an application is sent.
type applyFlags struct {
	csr, contact, keyType, company, like string
	documents                            []string
}

func applyCmd(c *invocation) *cobra.Command {
	s, from := selection{}, applyFlags{}
	r := lifecycle.ApplyRequest{}
	cmd := &cobra.Command{
		Use:     "apply",
		Example: "  certquay apply 3F7QX --domain shop.example.com\n  certquay apply 3F7QX --domain shop.example.com --csr request.pem",
		Args:    s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.HostingPacks < 0 {
				return out.Usage("usage.hosting-packs", "id", strings.Join(args, " "))
			}
			read := sync.OnceValue(func() error { return c.readApplication(cmd.Context(), &from, &r) })
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Apply, title: counted("many.apply"),
				plan:  func(context.Context, *model.Instance, *rules.Facts) (plan, error) { return plan{}, read() },
				begin: func(ctx context.Context, i *model.Instance) (begun, error) { return c.beginApplication(ctx, i.ID, r) },
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&r.Application.Domains, "domain", nil, "")
	f.StringVar(&from.csr, "csr", "auto", "")
	f.StringVar(&from.keyType, "key-type", "", out.Join(model.KeyTypes))
	applicantFlags(f, &r.Application)
	f.StringVar(&from.company, "company", "", "")
	f.StringSliceVar(&from.documents, "document", nil, "")
	f.StringVar(&from.contact, "contact", "", "")
	f.IntVar(&r.HostingPacks, "hosting-packs", 0, "")
	f.StringVar(&from.like, "like", "", "")
	f.BoolVar(&r.DraftOnly, "draft", false, "")
	waitFlag(f, &s.noWait)
	s.flags(cmd)
	return cmd
}

// readApplication completes an application by what its flags name: another application,
// files, a contact and a company.
func (c *invocation) readApplication(ctx context.Context, from *applyFlags, r *lifecycle.ApplyRequest) (err error) {
	a := &r.Application
	if from.like != "" {
		if err := c.copyApplication(from.like, r); err != nil {
			return err
		}
	}
	if from.csr != "auto" {
		if a.CSR, err = c.csr(ctx, from.csr); err != nil {
			return err
		}
	}
	if from.keyType != "" && len(a.CSR) == 0 {
		if a.KeyType, err = oneOf("--key-type", from.keyType, model.KeyTypes); err != nil {
			return err
		}
	}
	if from.contact != "" {
		ct, err := c.engine().Contact(from.contact)
		if err != nil {
			return err
		}
		r.Contact = ct.ID
	}
	if err := c.companyAndDocuments(ctx, from.company, from.documents, a, &r.Documents); err != nil {
		return err
	}
	if len(a.CSR) > 0 {
		c.Note("verb.apply.own-key")
	}
	return nil
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

// withMailbox tells the applicant where to expect questions, while a person has to do
// something about the application (spec A7).
func (c *invocation) withMailbox(id model.ID, end func([]lifecycle.Progress) outcome) func([]lifecycle.Progress) outcome {
	return func(all []lifecycle.Progress) outcome {
		o := end(all)
		i, err := c.engine().Instance(id)
		if err != nil {
			o.err = errors.Join(o.err, err)
			return o
		}
		if a := i.Application; (i.AwaitsReview() || i.AwaitsProof()) && a.Email+a.Phone != "" {
			o.notes = append(o.notes, model.Say("verb.apply.watch", "phone", out.Dash(a.Phone), "email", out.Dash(a.Email)))
		}
		return o
	}
}

// beginApplication submits an application, or saves it as a draft.
func (c *invocation) beginApplication(ctx context.Context, id model.ID, r lifecycle.ApplyRequest) (begun, error) {
	if !r.DraftOnly {
		found, err := c.engine().Preflight(ctx, id, r.Application.Domains...)
		if err == nil { // what is wrong with the application itself, Apply says
			c.warnBefore(found)
		}
	}
	j, err := c.engine().Apply(ctx, id, r)
	if missing := (*rules.Invalid)(nil); !r.DraftOnly || err != nil && !errors.As(err, &missing) {
		b := c.became(id, model.Say("verb.apply.done"), j.ID)
		b.end = c.withMailbox(id, b.end)
		return b, err
	}
	i, err := c.engine().Instance(id)
	if err != nil {
		return begun{}, err
	}
	missing := c.engine().Missing(&i, i.Application)
	done := model.Say("verb.apply.complete", "id", id.Short())
	if len(missing) > 0 {
		done = model.Say("verb.apply.incomplete", "n", len(missing))
	}
	b := c.became(id, done)
	end := b.end
	b.end = func(all []lifecycle.Progress) outcome {
		o := end(all)
		for _, m := range missing {
			o.notes = append(o.notes, model.Say("verb.apply.missing", "what", m, "example", m.Example))
		}
		return o
	}
	return b, nil
}

// sourceName returns the name a document is listed under; standard input has none.
func sourceName(path string) string {
	if path == "-" {
		return "sent"
	}
	return filepath.Base(path)
}

// csr reads a certificate signing request supplied by the user; nil if path is "".
func (c *invocation) csr(ctx context.Context, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
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
	r.DocumentsOf = other.ID
	return nil
}
