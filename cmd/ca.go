package cmd

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/rules"
	"certquay/model"
)

type caJSON struct {
	Kind        string  `json:"kind"` // root or issuing
	Number      int     `json:"number"`
	Name        string  `json:"name"`
	Root        *int    `json:"root"` // number of the root that signed it
	Issues      bool    `json:"issues"`
	Serial      string  `json:"serial"`
	Fingerprint string  `json:"fingerprint_sha256"`
	NotBefore   *string `json:"not_before"`
	NotAfter    *string `json:"not_after"`
	Issued      int     `json:"issued"`
	Revoked     int     `json:"revoked"`
	CRL         *string `json:"crl_made"`
	CRLUntil    *string `json:"crl_valid_to"`
}

func caCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "ca", Args: unknownVerb}
	cmd.AddCommand(&cobra.Command{
		Use: "show", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !c.currentActor().ReadOnly {
				if err := c.app.CA.RefreshCRLs(cmd.Context()); err != nil {
					c.Note("verb.ca.crl-due", "cause", err)
				}
			}
			all, err := c.app.CA.Authorities()
			if err != nil {
				return err
			}
			items := []caJSON{}
			var rows [][]string
			add := func(kind string, ca *embedded.CA) {
				j := caJSON{
					Kind: kind, Number: ca.Number, Name: ca.Cert.Subject.CommonName, Issues: ca.Issues,
					Serial: bundle.Serial(ca.Cert.SerialNumber), Fingerprint: bundle.Fingerprint(ca.Cert.Raw),
					NotBefore: out.TimeOrNil(ca.Cert.NotBefore), NotAfter: out.TimeOrNil(ca.Cert.NotAfter),
					Issued: ca.Issued, Revoked: ca.Revoked, CRL: out.TimeOrNil(ca.CRL), CRLUntil: out.TimeOrNil(ca.CRLUntil),
				}
				now, made := "", c.Text("verb.ca.no-crl")
				if ca.Root > 0 {
					j.Root = &ca.Root
				}
				if ca.Issues {
					now = c.Text("verb.ca.now")
				}
				if !ca.CRL.IsZero() {
					made = ca.CRL.UTC().Format(time.RFC3339)
				}
				items = append(items, j)
				kind, counts := c.Label("ca-kind", kind), fmt.Sprintf("%d/%d", ca.Issued, ca.Revoked)
				rows = append(rows, []string{kind, fmt.Sprint(ca.Number), j.Name, j.Serial, out.Day(ca.Cert.NotAfter), counts, made, now})
			}
			for n := range all.Roots {
				add("root", &all.Roots[n])
			}
			for n := range all.Issuing {
				add("issuing", &all.Issuing[n])
			}
			switch {
			case c.JSON:
				return c.PrintJSON(items)
			case len(rows) == 0:
				c.Say("verb.ca.none")
			default:
				c.Table(c.Heads("ca", "number", "name", "serial", "valid-to", "issued-revoked", "crl", "issues"), rows)
			}
			return nil
		},
	}, &cobra.Command{
		Use: "root", Args: noArgs,
		Example: "  certquay ca root > root.pem",
		RunE: func(*cobra.Command, []string) error {
			root, _, err := c.app.CA.Root()
			if err != nil {
				return err
			}
			if root == nil {
				return model.Fail("verb.ca.no-root").Wrapping(model.ErrNotFound)
			}
			text := bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
			if c.JSON {
				return c.PrintJSON(map[string]string{"pem": string(text) + "\n", "fingerprint_sha256": bundle.Fingerprint(root.Raw)})
			}
			c.Print(string(text))
			return nil
		},
	}, caRotateCmd(c))
	return cmd
}

// caRotateCmd makes a new issuing certificate.
func caRotateCmd(c *invocation) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "rotate", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dryRun {
				return c.planRotation()
			}
			made, err := c.engine().RotateCA(cmd.Context(), c.app.CA)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]string{"name": made.Subject.CommonName, "serial": bundle.Serial(made.SerialNumber)})
			}
			c.Say("verb.ca.rotated", "name", made.Subject.CommonName, "until", out.Day(made.NotAfter))
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "")
	return cmd
}

// planRotation says which issuing certificate would be replaced.
func (c *invocation) planRotation() error {
	if err := c.errOrNil(c.engine().May(rules.ActionRotateCA)); err != nil {
		return err
	}
	all, err := c.app.CA.Authorities()
	if err != nil {
		return err
	}
	name := ""
	for n := range all.Issuing {
		if all.Issuing[n].Issues {
			name = all.Issuing[n].Cert.Subject.CommonName
		}
	}
	if c.JSON {
		return c.PrintJSON(planJSON{Name: name, Action: rules.ActionRotateCA, Notes: []string{}})
	}
	c.Say("verb.ca.would-rotate", "name", out.Dash(name))
	c.Say("verb.many.dry")
	return nil
}
