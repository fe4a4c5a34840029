package action

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"

	"certquay/lifecycle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/ports"
	"certquay/model/setting"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Keys of the form of a product: one looks for servers on its hosts, the other takes the
// settings over that were found.
const (
	proposeKey = "ctrl+f"
	takeKey    = "ctrl+t"
)

// proposals are what a form of a product proposes: the settings for the servers that are found
// on its hosts (spec P1). On this machine they are looked for at once, on others when the
// person asks for it.
type proposals struct {
	c    *app.Context
	kind ports.ProductKind
	name string // of a product that is there; "" for a new one
	f    *settingForm

	mu      sync.Mutex
	hosts   string // that were looked at
	looked  bool
	found   []discover.Proposal
	problem string // why they could not be looked at
	next    int    // the proposal that is taken over next
}

// hostSettings are the settings that say where a product is, as against what its server is
// told.
func (p *proposals) hostSettings() []string {
	return []string{"ssh", "ssh_key", "known_hosts", "accept_host_key", "sudo"}
}

// about joins the values that say which hosts are looked at.
func (p *proposals) about(v form.Values) string {
	var all []string
	for _, name := range p.hostSettings() {
		all = append(all, v[name])
	}
	return strings.Join(all, "\n")
}

// addTo adds the proposals to a form.
func (p *proposals) addTo(spec *form.Spec) {
	spec.Preview = p.preview
	spec.Commands = []form.Command{
		{Key: proposeKey, Label: p.c.T("propose.key"), Run: func(v form.Values) func() form.Result {
			return func() form.Result { p.look(v); return form.Result{} }
		}},
		{Key: takeKey, Label: p.c.T("propose.take"), Show: p.offers, Run: func(v form.Values) func() form.Result {
			return func() form.Result { return p.take(v) }
		}},
	}
}

// preview says what was found, and looks at this machine first.
func (p *proposals) preview(v form.Values) func() form.Preview {
	return func() form.Preview {
		switch {
		case p.knows(v):
			return p.said(v)
		case strings.TrimSpace(v["ssh"]) != "":
			return form.Preview{Lines: []form.Line{{
				Tone: style.Muted, Text: p.c.T("propose.hint", p.c.KeyName(proposeKey), p.kind.Name),
			}}}
		}
		return form.Preview{
			Lines: []form.Line{{Tone: style.Muted, Text: p.c.T("propose.looking")}},
			Then:  func() form.Preview { p.look(v); return p.said(v) },
		}
	}
}

func (p *proposals) knows(v form.Values) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.looked && p.hosts == p.about(v)
}

// offers reports whether there is something to take over.
func (p *proposals) offers(v form.Values) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.looked && p.hosts == p.about(v) && slices.ContainsFunc(p.found, usable)
}

func usable(p discover.Proposal) bool { return p.Problem == "" }

// look asks the hosts. Settings that cannot be read yet are left out.
func (p *proposals) look(v form.Values) {
	settings, secrets, err := p.f.read(v)
	if err != nil {
		only := form.Values{}
		for _, name := range p.hostSettings() {
			only[name] = v[name]
		}
		settings, secrets, err = p.f.read(only)
	}
	var found []discover.Proposal
	if err == nil {
		ctx, cancel := context.WithTimeout(p.c.Ctx, discoveryTimeout)
		defer cancel()
		found, err = p.c.Backend.ProposeProduct(ctx, p.name, p.kind.Name, settings, secrets)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts, p.looked, p.found, p.problem, p.next = p.about(v), true, found, "", 0
	if err != nil {
		p.problem = p.c.FormatError(err)
	}
}

// said are the lines about what was found. What is in the form is marked.
func (p *proposals) said(v form.Values) form.Preview {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.c
	preview := form.Preview{}
	if p.problem != "" {
		preview.Lines = append(preview.Lines, form.Line{Tone: style.Warn, Text: text.Clean(p.problem)})
	} else if len(p.found) == 0 {
		preview.Lines = append(preview.Lines, form.Line{Tone: style.Muted, Text: c.T("propose.nothing", p.kind.Name)})
	}
	for n := range p.found {
		one := &p.found[n]
		lines, bad := lifecycle.ProposalLines(one, p.tells(one))
		for k, t := range lines {
			line := form.Line{Tone: style.Muted, Text: "  " + text.Clean(c.Text.Text(t))}
			switch {
			case k == 0 && usable(*one) && p.inForm(one, v):
				line = form.Line{Tone: style.Good, Text: text.Clean(c.Text.Text(t))}
			case k == 0:
				line.Tone = style.Normal
			case k >= len(lines)-bad:
				line.Text = "    " + c.Mark("▲") + strings.TrimSpace(line.Text)
			default:
				line.Text = "  " + line.Text
			}
			preview.Lines = append(preview.Lines, line)
		}
	}
	return preview
}

// tells is the setting of a proposal that tells most: the first one. "" if all are the usual
// ones.
func (p *proposals) tells(one *discover.Proposal) string {
	for _, s := range setting.Of(p.f.defaults) {
		if v, is := one.Settings[s.Name]; is && !reflect.DeepEqual(v, s.Default) {
			return p.typed(s, v)
		}
	}
	return ""
}

// typed is a value of a setting as it is typed into its field.
func (p *proposals) typed(s setting.Setting, v any) string {
	if argv, is := v.([]string); is && s.Command {
		return setting.JoinCommand(argv)
	}
	return written(v)
}

// values are what a proposal puts into the form: its settings, and the usual ones for the
// rest. Hosts, windows and secrets stay.
func (p *proposals) values(one *discover.Proposal) form.Values {
	v := form.Values{}
	for _, s := range setting.Of(p.f.defaults) {
		if s.Secret || s.File || s.Name == "windows" || slices.Contains(p.hostSettings(), s.Name) {
			continue
		}
		value, is := one.Settings[s.Name]
		if !is {
			value = s.Default
		}
		v[s.Name] = p.typed(s, value)
	}
	return v
}

func (p *proposals) inForm(one *discover.Proposal, v form.Values) bool {
	for name, value := range p.values(one) {
		if strings.TrimSpace(v[name]) != value {
			return false
		}
	}
	return true
}

// take puts the next proposal that can be used into the form.
func (p *proposals) take(v form.Values) form.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.found {
		one := &p.found[p.next%len(p.found)]
		p.next++
		if usable(*one) && !p.inForm(one, v) {
			return form.Result{Set: p.values(one), Note: p.c.T("propose.taken", strings.Join(one.Hosts, p.c.T("list.join")))}
		}
	}
	return form.Result{}
}
