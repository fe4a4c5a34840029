package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
)

func applyCmd(c *call) *cobra.Command {
	var csr, contact, keyType, company, like string
	var documents []string
	var noWait bool
	r := lifecycle.ApplyRequest{}
	cmd := &cobra.Command{
		Use:     "apply ID --domain NAME...",
		Short:   "Apply for the certificate of a paid instance",
		Example: "  certquay apply 3F7QX --domain shop.example.com\n  certquay apply 3F7QX --domain shop.example.com --csr request.pem",
		Args:    one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Apply); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if r.HostingPacks < 0 {
				return &usageError{"--hosting-packs is a number from 0 (none)", "certquay apply " + args[0] + " --hosting-packs 1"}
			}
			a := &r.Application
			if like != "" {
				if err := c.reuse(like, &r); err != nil {
					return err
				}
			}
			if csr != "" && csr != "auto" {
				if a.CSR, err = c.csr(cmd.Context(), csr); err != nil {
					return err
				}
			} else if keyType != "" {
				if a.KeyType, err = word("--key-type", keyType, model.KeyTypes); err != nil {
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
			if company != "" {
				if co, err := c.engine().Company(company); err == nil {
					a.Company = co.Organization
				} else {
					return err
				}
			}
			for _, path := range documents {
				data, err := c.read(cmd.Context(), path)
				if err != nil {
					return err
				}
				r.Documents = append(r.Documents, lifecycle.NewDocument{Name: sourceName(path), Data: data})
			}
			if len(a.CSR) > 0 {
				c.note("warning: with a request of your own certquay never has the key: " +
					"it cannot recover it and cannot deploy this certificate")
			}
			j, err := c.engine().Apply(cmd.Context(), c.Actor, i.ID, r)
			if missing := (*lifecycle.Invalid)(nil); r.DraftOnly && (err == nil || errors.As(err, &missing)) {
				return c.draft(i.ID)
			}
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, "applied for", j.ID)
		},
	}
	f := cmd.Flags()
	each(f, &r.Application.Domains, "domain", "name of the certificate, repeated or comma-separated")
	f.StringVar(&csr, "csr", "auto", "auto, or a file with a PKCS#10 request (- for standard input)")
	f.StringVar(&keyType, "key-type", "", "key to make: ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096")
	f.StringVar(&r.Application.ApplicantName, "applicant", "", "name of the applicant")
	f.StringVar(&r.Application.Email, "email", "", "e-mail address of the applicant")
	f.StringVar(&r.Application.Phone, "phone", "", "phone number of the applicant")
	f.StringVar(&r.Application.IDNumber, "id-number", "", "number of the applicant's identity card (OV, EV)")
	f.StringVar(&company, "company", "", "saved company (OV, EV, professional); certquay company add makes one")
	each(f, &documents, "document", "qualification document, PNG or JPEG (OV, EV)")
	f.StringVar(&contact, "contact", "", "contact who is told")
	f.IntVar(&r.HostingPacks, "hosting-packs", 0, "years of managed hosting from packs, for what was bought from a pack")
	f.StringVar(&like, "like", "", "use the application of another instance again; what is given here counts before it")
	f.BoolVar(&r.DraftOnly, "draft", false, "save, and say what is missing")
	waitFlag(f, &noWait)
	return cmd
}

// draft tells that an application is saved, and all that it still lacks.
func (c *call) draft(id model.ID) error {
	i, err := c.engine().Instance(id)
	if err != nil {
		return err
	}
	missing := c.engine().Missing(&i, i.Application)
	for _, m := range missing {
		c.note("missing: %s (for example %s)", c.words().Text(m.AsText()), c.words().Text(m.Example))
	}
	if len(missing) > 0 {
		return c.show(id, fmt.Sprintf("the draft is saved; %d things are missing", len(missing)))
	}
	return c.show(id, "the draft is saved and complete; submit it: certquay apply "+id.Short())
}

// sourceName is how a document is listed; what comes through the connection
// has no name of its own.
func sourceName(path string) string {
	if path == "-" {
		return "sent"
	}
	return filepath.Base(path)
}

// csr reads a request of the person's own.
func (c *call) csr(ctx context.Context, path string) ([]byte, error) {
	data, err := c.read(ctx, path)
	if err != nil {
		return nil, err
	}
	r, err := bundle.ParseCSR(data)
	if err != nil {
		return nil, &lifecycle.Invalid{Field: "csr", Why: textOf(err), Example: model.Say("csr.how"), Rule: "A3"}
	}
	return r.Raw, nil
}

// reuse fills what was not given from the application of another instance, its
// documents included (spec A1).
func (c *call) reuse(typed string, r *lifecycle.ApplyRequest) error {
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
