package overview

import (
	"crypto/sha1" //nolint:gosec // fingerprints of SHA-1 are still compared by people
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/widget"
)

const day = 24 * time.Hour

// certificate is what the details show of an X.509 certificate. Names of usages are
// those of RFC 5280.
type certificate struct {
	name                string // common name, or subject
	subject, issuer     string
	serial              string
	from, to            time.Time
	usage, signed       string
	sha256, sha1, spki  string
	names               []string
	ocsp, crl, issuedBy string // addresses
	der                 []byte
}

var keyUsages = []string{
	"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign",
	"encipherOnly", "decipherOnly",
}

var extendedKeyUsages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny: "anyExtendedKeyUsage", x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth",
	x509.ExtKeyUsageCodeSigning: "codeSigning", x509.ExtKeyUsageEmailProtection: "emailProtection",
	x509.ExtKeyUsageTimeStamping: "timeStamping", x509.ExtKeyUsageOCSPSigning: "OCSPSigning",
}

// usagesOf names the key usages of a certificate, then the extended ones.
func usagesOf(c *x509.Certificate) string {
	var all []string
	for n, name := range keyUsages {
		if c.KeyUsage&(1<<n) != 0 {
			all = append(all, name)
		}
	}
	for _, u := range c.ExtKeyUsage {
		if name := extendedKeyUsages[u]; name != "" {
			all = append(all, name)
		}
	}
	for _, oid := range c.UnknownExtKeyUsage {
		all = append(all, oid.String())
	}
	return strings.Join(all, ", ")
}

func newCertificate(c *x509.Certificate) certificate {
	one, two, spki := sha1.Sum(c.Raw), sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo) //nolint:gosec // see above
	k := certificate{
		name: c.Subject.CommonName, subject: c.Subject.String(), issuer: c.Issuer.String(), serial: c.SerialNumber.Text(16),
		from: c.NotBefore, to: c.NotAfter, usage: usagesOf(c), signed: c.SignatureAlgorithm.String(),
		sha1: hex.EncodeToString(one[:]), sha256: hex.EncodeToString(two[:]), spki: hex.EncodeToString(spki[:]),
		names: append(append([]string(nil), c.DNSNames...), c.EmailAddresses...), der: c.Raw,
		ocsp: strings.Join(c.OCSPServer, " "), crl: strings.Join(c.CRLDistributionPoints, " "),
		issuedBy: strings.Join(c.IssuingCertificateURL, " "),
	}
	for _, ip := range c.IPAddresses {
		k.names = append(k.names, ip.String())
	}
	for _, u := range c.URIs {
		k.names = append(k.names, u.String())
	}
	if k.name == "" {
		if k.name = k.subject; k.name == "" && len(k.names) > 0 {
			k.name = k.names[0]
		}
	}
	return k
}

// chainOf are the certificates of a chain, the leaf first and the root last.
func chainOf(m *model.Chain) []certificate {
	var all []certificate
	for _, der := range append(m.Certificates[:len(m.Certificates):len(m.Certificates)], m.Root) {
		if cert, err := x509.ParseCertificate(der); err == nil {
			all = append(all, newCertificate(cert))
		}
	}
	return all
}

// chainLines draw the chain from the root down, each certificate with its age.
func (d *details) chainLines() []line {
	c := d.c
	if len(d.chain) == 0 {
		return []line{plain(c.T("chain.none"))}
	}
	links := make([]chart.ChainLink, len(d.chain))
	lines := make([]line, len(d.chain))
	for n := range d.chain {
		k := &d.chain[len(d.chain)-1-n] // the root first
		st := style.StatusOf("issued")
		leaf := n == len(d.chain)-1
		switch window := (&model.Version{NotBefore: k.from, NotAfter: k.to}).Window(); {
		case leaf && !d.shownVersion().RevokedAt.IsZero():
			st = style.StatusOf("revoked")
		case c.Now.After(k.to):
			st = style.StatusOf("expired")
		case c.Now.After(window):
			st = style.StatusOf("expiring")
		}
		used := -1.0
		if k.to.After(k.from) {
			used = float64(c.Now.Sub(k.from)) / float64(k.to.Sub(k.from))
		}
		left := c.T("chain.left", age(c, k.to.Sub(c.Now)))
		if c.Now.After(k.to) {
			left = c.T("chain.over", age(c, c.Now.Sub(k.to)))
		}
		links[n] = chart.ChainLink{Name: names.ReadableBoth(k.name), Status: st, Used: used, Left: left}
		lines[n] = line{
			spans: []widget.Span{{Tone: st.Tone, Text: clean(names.ReadableBoth(k.name))}, {Tone: style.Muted, Text: "  " + left}},
			copy:  k.sha256, open: func() tea.Cmd { return d.showCertificate(k) },
		}
	}
	_, in, _ := d.paneSize(paneChain)
	for n, drawn := range chart.ChainTree(c.Styles, links, in) {
		lines[n].drawn = drawn
	}
	return lines
}

// age is a time in years once there are two of them, else in days or hours.
func age(c *app.Context, d time.Duration) string {
	if years := int(d / (365 * day)); years > 1 {
		return c.T("time.y", years)
	}
	if d < day {
		return c.T("time.h", int(d.Hours()))
	}
	return c.T("time.d", int(d/day))
}

// showCertificate shows one certificate of the chain in full.
func (d *details) showCertificate(k *certificate) tea.Cmd {
	c := d.c
	facts := []dialog.Fact{
		{Label: c.T("fact.subject"), Value: k.subject}, {Label: c.T("fact.issuer"), Value: k.issuer},
		{Label: c.T("fact.names"), Value: joined(c, readable(k.names)...)},
		{Label: c.T("fact.serial"), Value: k.serial},
		{Label: c.T("fact.from"), Value: widget.Stamp(k.from)}, {Label: c.T("fact.to"), Value: widget.Stamp(k.to)},
		{Label: c.T("fact.usage"), Value: k.usage}, {Label: c.T("fact.signed"), Value: k.signed},
		{Label: "SHA-256", Value: k.sha256}, {Label: "SHA-1", Value: k.sha1}, {Label: "SPKI SHA-256", Value: k.spki},
		{Label: "OCSP", Value: k.ocsp}, {Label: "CRL", Value: k.crl}, {Label: c.T("fact.issuedby"), Value: k.issuedBy},
	}
	text := pemOf(*k)
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c, Title: names.ReadableBoth(k.name), Tone: style.Accent, MaxWidth: wideNotice,
				Sections: []dialog.Section{{Facts: facts}, {Head: "PEM", Lines: strings.Split(strings.TrimSpace(text), "\n")}},
				Choices:  []key.Binding{c.Bind(c.T("pem.copy"), "y")},
			}
		},
		Then: copyIfChosen(c.T("pem.word"), text),
	})
}

// readable is a list of names in both forms.
func readable(list []string) []string {
	all := make([]string, len(list))
	for n, name := range list {
		all[n] = names.ReadableBoth(name)
	}
	return all
}

// wideNotice is the width of a notice with fingerprints and PEM beside labels.
const wideNotice = 100

// pemOf are certificates as PEM (RFC 7468).
func pemOf(ks ...certificate) string {
	var b strings.Builder
	for n := range ks {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ks[n].der}))
	}
	return b.String()
}

// copyIfChosen copies a text if that was chosen in a notice.
func copyIfChosen(what, text string) func(any) tea.Cmd {
	return func(v any) tea.Cmd {
		if v == nil {
			return nil
		}
		return app.Send(app.CopyMsg{What: what, Text: text})
	}
}
