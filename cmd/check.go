package cmd

import (
	"crypto/x509"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/tlscheck"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/model"
)

// checkCmd looks once at any TLS server (spec O5). It needs no store and keeps nothing.
func checkCmd(c *invocation) *cobra.Command {
	var name, rootsFile string
	cmd := &cobra.Command{
		Use: "check", Args: exactArg("arg.address"),
		Example: "  certquay check www.example.com\n  certquay check 192.0.2.7:8443 --name www.example.com --roots ca.pem",
		RunE: func(cmd *cobra.Command, args []string) error {
			address, name, err := monitor.ParseAddress(args[0], name)
			if err != nil {
				return err
			}
			checker := tlscheck.Checker{Now: time.Now}
			if checker.Roots, err = c.checkRoots(cmd, rootsFile); err != nil {
				return err
			}
			r, err := checker.Check(cmd.Context(), address, name)
			if err != nil {
				return err
			}
			if err := c.printReport(r); err != nil {
				return err
			}
			if len(r.Problems) > 0 {
				return &out.ExitError{Code: out.ExitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "")
	cmd.Flags().StringVar(&rootsFile, "roots", "", "")
	return cmd
}

// checkRoots returns the roots of a PEM file, or those of the system.
func (c *invocation) checkRoots(cmd *cobra.Command, file string) (product.Roots, error) {
	if file == "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return product.Roots{}, out.Failed("failed.system-roots", "cause", err)
		}
		return product.Roots{Name: "system", Pool: pool}, nil
	}
	data, err := c.read(cmd.Context(), file)
	if err != nil {
		return product.Roots{}, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return product.Roots{}, out.Usage("usage.no-roots", "file", file)
	}
	return product.Roots{Name: file, Pool: pool}, nil
}

// chainJSON is a certificate that a server presented.
type chainJSON struct {
	Subject     string   `json:"subject"`
	Issuer      string   `json:"issuer"`
	Domains     []string `json:"domains"`
	Serial      string   `json:"serial"`
	Fingerprint string   `json:"fingerprint_sha256"`
	KeyType     string   `json:"key_type"`
	NotBefore   *string  `json:"not_before"`
	NotAfter    *string  `json:"not_after"`
}

// ocspJSON is an answer about the revocation of a certificate.
type ocspJSON struct {
	URL        *string `json:"url"`
	Status     string  `json:"status"`
	ThisUpdate *string `json:"this_update"`
	NextUpdate *string `json:"next_update"`
	RevokedAt  *string `json:"revoked_at"`
	Error      *string `json:"error"`
}

// reportJSON is what a server presented.
type reportJSON struct {
	Address   string      `json:"address"`
	Name      string      `json:"name"`
	Remote    string      `json:"remote"`
	Protocol  string      `json:"protocol"`
	Cipher    string      `json:"cipher"`
	Chain     []chainJSON `json:"chain"`
	TrustedBy *string     `json:"trusted_by"`
	Staple    *ocspJSON   `json:"ocsp_staple"`
	Responder *ocspJSON   `json:"ocsp_responder"`
	Problems  []string    `json:"problems"`
	Detail    *string     `json:"detail"`
	Browser   *string     `json:"browser_error"`
}

func toOCSP(a *tlscheck.OCSP) *ocspJSON {
	if a == nil {
		return nil
	}
	return &ocspJSON{
		out.OrNil(a.URL), a.Status, out.TimeOrNil(a.ThisUpdate), out.TimeOrNil(a.NextUpdate), out.TimeOrNil(a.RevokedAt),
		out.OrNil(out.English(errorText(a.Err))),
	}
}

// errorText returns the message of an error, or "" for none.
func errorText(err error) model.Text {
	if err == nil {
		return ""
	}
	return model.TextOf(err)
}

func (c *invocation) printReport(r *tlscheck.Report) error {
	j := reportJSON{
		Address: r.Address, Name: r.Name, Remote: r.Remote, Protocol: r.Protocol, Cipher: r.Cipher, TrustedBy: out.OrNil(r.TrustedBy),
		Staple: toOCSP(r.Staple), Responder: toOCSP(r.Responder), Problems: out.OrEmpty(r.Problems),
		Detail: out.OrNil(out.English(model.Texts(r.Sentences...))), Browser: out.OrNil(r.BrowserError()),
	}
	var rows [][]string
	for n, cert := range r.Chain {
		v := bundle.Version(cert)
		subject, issuer := ports.SanitizeLine(cert.Subject.String()), ports.SanitizeLine(cert.Issuer.String())
		j.Chain = append(j.Chain, chainJSON{
			subject, issuer, out.OrEmpty(v.Domains), v.Serial, v.Fingerprint, v.KeyType,
			out.TimeOrNil(v.NotBefore), out.TimeOrNil(v.NotAfter),
		})
		rows = append(rows, []string{strconv.Itoa(n + 1), out.Dash(subject), out.Dash(issuer), out.Day(v.NotBefore), out.Day(v.NotAfter)})
	}
	if c.JSON {
		return c.PrintJSON(j)
	}
	words := c.Words()
	browser := c.Text("verb.check.opens")
	if code := r.BrowserError(); code != "" {
		browser = c.Text("verb.check.shows", "error", code)
	}
	trust := c.Text("verb.check.nobody")
	if r.TrustedBy != "" {
		trust = c.Text("watch-problem.verifies", "roots", r.TrustedBy)
	}
	c.Fields([][2]string{
		{c.Field("address"), c.Text("verb.check.address", "address", r.Address, "remote", r.Remote)},
		{c.Field("name"), r.Name},
		{c.Field("domains"), strings.Join(j.Chain[0].Domains, words.T("verb.join"))},
		{c.Field("valid"), c.Text("verb.check.valid", "from", r.Chain[0].NotBefore, "to", r.Chain[0].NotAfter)},
		{c.Field("key"), j.Chain[0].KeyType},
		{c.Field("serial"), j.Chain[0].Serial},
		{c.Field("sha256"), j.Chain[0].Fingerprint},
		{c.Field("protocol"), r.Protocol + words.T("verb.join") + r.Cipher},
		{c.Field("chain"), trust},
		{c.Field("ocsp-staple"), c.ocspText(r.Staple)},
		{c.Field("ocsp-responder"), c.ocspText(r.Responder)},
		{c.Field("browser"), browser},
	})
	c.Print("")
	c.Table(c.Heads("number", "subject", "issuer", "valid-from", "valid-to"), rows)
	c.Print("")
	if len(r.Problems) == 0 {
		c.Say("verb.check.well")
	}
	for n, p := range r.Problems {
		c.Print(c.Text("verb.check.problem", "problem", c.Label("watch", p), "sentence", r.Sentences[n]))
	}
	return nil
}

// ocspText returns an answer of OCSP in words.
func (c *invocation) ocspText(a *tlscheck.OCSP) string {
	switch {
	case a == nil:
		return c.Text("verb.check.none")
	case a.Err != nil:
		return strings.TrimSpace(a.URL + " " + c.Text("verb.check.ocsp-error", "cause", a.Err))
	}
	return strings.TrimSpace(a.URL + " " + c.Text("verb.check.ocsp", "status", c.Label("ocsp", a.Status), "at", a.ThisUpdate))
}
