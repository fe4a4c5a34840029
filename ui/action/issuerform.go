package action

import (
	"cmp"
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// issuerForm asks for what an issuer is: what most people need in a first step, every
// other setting of its kind in a second one.
type issuerForm struct {
	c    *app.Context
	kind ports.IssuerKind
	was  *lifecycle.Authority // nil for a new one
	dns  []authority.Declaration
}

// Values of the fields that are no settings.
const (
	ownDirectory = "own"   // of "ca": a directory that is not known
	proofByRoot  = "root"  // of "proof": http-01 by a directory of a web server
	proofByRules = "rules" // the setting itself
	proofByDNS   = "dns:"  // with the name of an account
	removeValue  = "-"     // what is typed to remove a secret or a file
)

// firstStep are the settings that the first step asks for in a way of its own.
var firstStep = []string{
	"directory",
	"email",
	"eab_kid",
	"eab_key_file",
	"ca_file",
	"challenges",
	"http_root",
	"http_host",
	"ssh_key_file",
	"http_listen",
	"tls_listen",
	"profile",
}

// settingLabel is the label of a setting: a word for those of the first step, else its
// name.
func settingLabel(c *app.Context, name string) string {
	return c.Text.Lookup("issuer.field."+name, name)
}

// open opens the form, with the accounts at DNS providers that there are now.
func (f *issuerForm) open(send func(context.Context, form.Values) (tea.Msg, error)) tea.Cmd {
	return f.c.Do(func(context.Context) tea.Msg {
		var err error
		if f.dns, err = f.c.Backend.DNSAccounts(); err != nil {
			return failedMsg(f.c, issuerRow, err)
		}
		q := &request{c: f.c, row: issuerRow}
		return q.formMsg(f.spec(), send)
	})
}

// spec is the form.
func (f *issuerForm) spec() form.Spec {
	c := f.c
	spec := form.Spec{
		ID: "issuer", Title: c.T("issuer.add.title"), Intro: []string{c.T("issuer.add.intro")}, Submit: c.T("issuer.add.submit"),
		Steps: []string{c.T("issuer.step.first"), c.T("issuer.step.further")}, LabelWidth: 16,
	}
	if f.was != nil {
		spec.ID = ""
		spec.Title, spec.Intro, spec.Submit = c.T("issuer.edit.title", f.was.Name), nil, c.T("issuer.edit.submit")
	} else {
		spec.Fields = append(spec.Fields, f.caField(), f.nameField())
	}
	all := f.current()
	by := map[string]setting.Setting{}
	for _, s := range all {
		by[s.Name] = s
	}
	for _, name := range firstStep {
		s, ok := by[name]
		if !ok {
			continue
		}
		if name == "challenges" {
			spec.Fields = append(spec.Fields, f.proofField())
		}
		field := f.field(s)
		field.Show = f.shown(name)
		spec.Fields = append(spec.Fields, field)
	}
	for _, s := range all {
		if slices.Contains(firstStep, s.Name) || f.was == nil && s.Name == "agree_terms" { // which is asked for with their address
			continue
		}
		field := f.field(s)
		field.Step = 1
		spec.Fields = append(spec.Fields, field)
	}
	return spec
}

// current are the settings with their values now.
func (f *issuerForm) current() []setting.Setting {
	if f.was != nil {
		if all := settingsOf(f.c, f.was); all != nil {
			return all
		}
	}
	return setting.Of(f.kind.Settings())
}

// caField chooses the CA, among those that are known.
func (f *issuerForm) caField() form.Field {
	c := f.c
	var values, labels []string
	for _, k := range f.kind.Known {
		values, labels = append(values, k.Name), append(labels, k.Title)
	}
	values, labels = append(values, ownDirectory), append(labels, c.T("issuer.own"))
	return form.Field{
		Key: "ca", Label: c.T("issuer.field.ca"), Kind: form.Select, Options: fixedOptions(values, labels),
		OnSelect: func(v form.Values) form.Values {
			if v["ca"] == ownDirectory {
				return form.Values{"name": ""}
			}
			return form.Values{"name": v["ca"]}
		},
		Hint: func(v form.Values) string {
			k, ok := f.known(v)
			if !ok {
				return c.T("issuer.own.hint")
			}
			trust := c.T("issuer.known.test")
			if k.Public {
				trust = c.T("issuer.known.public")
			}
			h := c.T("issuer.known.hint", k.URL, trust, widget.Validity(c.T, k.Validity))
			if k.ExternalAccount {
				h = widget.JoinCJK(h, c.T("issuer.known.external"))
			}
			return h
		},
	}
}

func (f *issuerForm) nameField() form.Field {
	c, first := f.c, ""
	if len(f.kind.Known) > 0 {
		first = f.kind.Known[0].Name
	}
	return form.Field{
		Key: "name", Label: c.T("issuer.field.name"), Initial: first, Placeholder: "corporate", Valid: needed(c, "issuer.name.needed"),
		Hint: func(form.Values) string { return c.T("issuer.name.hint") },
	}
}

// known is the CA that is chosen, or named by the directory of an issuer that is edited.
func (f *issuerForm) known(v form.Values) (ports.KnownIssuer, bool) {
	given := v["ca"]
	if f.was != nil {
		given = cmp.Or(strings.TrimSpace(v["directory"]), f.was.Name)
	}
	n := slices.IndexFunc(f.kind.Known, func(k ports.KnownIssuer) bool { return k.Name == given || k.URL == given })
	if n < 0 {
		return ports.KnownIssuer{}, false
	}
	return f.kind.Known[n], true
}

// proofField chooses how control of names is shown.
func (f *issuerForm) proofField() form.Field {
	c := f.c
	values := []string{string(challenge.HTTP01), proofByRoot, string(challenge.TLSALPN01)}
	labels := []string{c.T("issuer.proof.http-01"), c.T("issuer.proof.root"), c.T("issuer.proof.tls-alpn-01")}
	for _, d := range f.dns {
		values, labels = append(values, proofByDNS+d.Name), append(labels, c.T("issuer.proof.dns", d.Name, d.Kind))
	}
	values, labels = append(
		values,
		string(challenge.Manual),
		proofByRules,
	), append(
		labels,
		c.T("issuer.proof.manual"),
		c.T("issuer.proof.rules"),
	)
	return form.Field{
		Key: "proof", Label: c.T("issuer.field.proof"), Kind: form.Select, Initial: f.proofNow(), Options: fixedOptions(values, labels),
		Hint: func(v form.Values) string {
			way, _, _ := strings.Cut(v["proof"], ":")
			h := c.T("issuer.proof." + way + ".hint")
			if len(f.dns) == 0 {
				h = widget.JoinCJK(h, c.T("issuer.proof.no-dns", dnsKey))
			}
			return h
		},
	}
}

// proofNow is the way in which control is shown now.
func (f *issuerForm) proofNow() string {
	if f.was == nil {
		return string(challenge.HTTP01)
	}
	rs := valueOf[[]string](f.c, f.was, "challenges")
	if len(rs) != 1 {
		return proofByRules
	}
	r, err := challenge.ParseRule(rs[0])
	switch {
	case err != nil, r.Pattern != "" && r.Pattern != "*":
		return proofByRules
	case r.Type == challenge.HTTP01 && valueOf[string](f.c, f.was, "http_root") != "":
		return proofByRoot
	case r.Type == challenge.HTTP01, r.Type == challenge.TLSALPN01, r.Type == challenge.Manual:
		return string(r.Type)
	case r.Type == challenge.DNS01 && slices.ContainsFunc(f.dns, func(d authority.Declaration) bool { return d.Name == r.DNS }):
		return proofByDNS + r.DNS
	}
	return proofByRules
}

// shown says when a field of the first step is asked for; nil for always.
func (f *issuerForm) shown(name string) func(form.Values) bool {
	own := func(v form.Values) bool { return f.was != nil || v["ca"] == ownDirectory }
	proof := func(ways ...string) func(form.Values) bool {
		return func(v form.Values) bool { return slices.Contains(append(ways, proofByRules), v["proof"]) }
	}
	switch name {
	case "directory", "ca_file":
		return own
	case "eab_kid", "eab_key_file":
		return func(v form.Values) bool {
			k, _ := f.known(v)
			return own(v) || k.ExternalAccount
		}
	case "challenges":
		return proof()
	case "http_listen":
		return proof(string(challenge.HTTP01))
	case "http_root", "http_host":
		return proof(proofByRoot)
	case "ssh_key_file":
		return func(v form.Values) bool { return proof(proofByRoot)(v) && v["http_host"] != "" }
	case "tls_listen":
		return proof(string(challenge.TLSALPN01))
	}
	return nil
}

// field is the field of a setting.
func (f *issuerForm) field(s setting.Setting) form.Field {
	c, field := f.c, f.settings().field(s)
	field.Valid = f.valid(s.Name)
	meaning := field.Hint
	switch s.Name {
	case "challenges":
		field.Placeholder = "dns-01=*.example.com,cloudflare"
	case "directory":
		field.Placeholder = "https://ca.example.com/acme/directory"
	case "http_root":
		field.Placeholder = "/var/www/html"
	case "http_host":
		field.Placeholder = "deploy@web1.example.com"
	case "profile":
		field.Hint = func(v form.Values) string {
			if k, ok := f.known(v); ok && len(k.Profiles) > 0 {
				return c.T("issuer.profile.known", strings.Join(k.Profiles, c.T("list.join")))
			}
			return meaning(v)
		}
	}
	return field
}

// valid checks a setting by the rules of the kind, with the other values as they are.
func (f *issuerForm) valid(name string) func(string, form.Values) string {
	rest := f.settings().valid(name)
	return func(value string, v form.Values) string {
		if name == "http_root" && v["proof"] == proofByRoot && strings.TrimSpace(value) == "" {
			return f.c.T("issuer.root.needed")
		}
		return rest(value, v)
	}
}

// settings are the fields of the settings of the kind.
func (f *issuerForm) settings() *settingForm {
	sf := &settingForm{
		c: f.c, defaults: f.kind.Settings(), edits: f.was != nil, typed: f.typed,
		label: func(name string) string { return settingLabel(f.c, name) },
		meaning: func(name string) string {
			if short := "issuer.hint." + name; f.c.Text.Has(short) {
				return f.c.T(short)
			}
			return f.c.Text.Lookup("built-in."+f.kind.Name+"."+name, "")
		},
		known: func(v form.Values, values map[string]any) {
			if k, ok := f.known(v); ok {
				values["directory"] = k.Name
			}
		},
	}
	if f.was != nil {
		sf.secrets = f.was.SecretNames
	}
	return sf
}

// typed are the values of settings as they were typed, without those that are not shown
// or empty. Secrets are among them, and the paths of files.
func (f *issuerForm) typed(v form.Values) map[string]any {
	values := typedSettings(f.kind.Settings(), v)
	delete(values, "challenges")
	switch way := v["proof"]; {
	case way == proofByRoot:
		values["challenges"] = string(challenge.HTTP01)
	case way == proofByRules:
		values["challenges"] = splitRules(v["challenges"])
	case strings.HasPrefix(way, proofByDNS):
		values["challenges"] = []string{
			challenge.Rule{Type: challenge.DNS01, Pattern: "*", DNS: strings.TrimPrefix(way, proofByDNS)}.String(),
		}
	case way != "":
		values["challenges"] = way
	}
	if v["ca"] != "" && v["ca"] != ownDirectory && model.NormalizeName(v["name"]) != v["ca"] {
		values["directory"] = v["ca"]
	}
	return values
}

// splitRules splits rules at the commas before a type: a rule may contain one itself.
func splitRules(typed string) (all []string) {
	for part := range strings.SplitSeq(typed, ",") {
		part = strings.TrimSpace(part)
		way, _, _ := strings.Cut(part, "=")
		switch begins := slices.Contains(challenge.Types, challenge.Type(strings.TrimSpace(way))); {
		case part == "":
		case begins || len(all) == 0:
			all = append(all, part)
		default:
			all[len(all)-1] += "," + part
		}
	}
	return all
}

// plainError is an error of a form's values beside no field, so that the form opens again
// with what was typed.
func plainError(err error) error {
	return &rules.Invalid{Why: model.TextOf(err)}
}
