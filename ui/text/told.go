package text

import (
	"regexp"
	"strings"
	"sync"

	"certquay/lifecycle"
)

// Detail is what an event of this action tells, which the engine says in words
// of its own for some actions.
func (c *Catalogue) Detail(action, s string) string {
	if c.Lang == "en" || s == "" {
		return s
	}
	switch action {
	case "watch":
		parts := strings.Split(s, "; ")
		for n, p := range parts {
			if what, ok := strings.CutPrefix(p, "is still "); ok {
				parts[n] = c.T("watch.still", c.word("watch", what))
			} else if what, ok := strings.CutPrefix(p, "is "); ok {
				parts[n] = c.word("watch", what)
			} else {
				parts[n] = c.Say(p)
			}
		}
		return strings.Join(parts, "；")
	case "auto-deploy":
		for _, to := range []string{"on", "off"} {
			if where, ok := strings.CutSuffix(s, ": "+to); ok {
				return where + "：" + c.T("auto."+to)
			}
		}
	case "notify":
		if kind, to, ok := strings.Cut(s, ", to "); ok {
			return c.T("notice.to", c.word("notice", kind), to)
		}
	}
	return c.Say(s)
}

// Failed is what a job of this kind, or an action, has failed with. What
// certquay does not say itself is set off by who has said it.
func (c *Catalogue) Failed(kind, s string) string {
	who := ""
	switch kind {
	case "issue", "reissue", "renew", "renew-hosted", "reject", "revoke":
		who = "ca"
	case "deploy", "undeploy", "verify":
		who = "server"
	case "notify":
		who = "receiver"
	case "contact": // a test, of which the channel stands before
		who = "receiver"
		if channel, why, ok := strings.Cut(s, ": "); ok && c.Lang != "en" {
			return channel + "：" + c.heard(who, why)
		}
	}
	return c.heard(who, s)
}

// heard is a sentence of the engine, or else what somebody else has said.
func (c *Catalogue) heard(who, s string) string {
	t := c.Say(s)
	if lead, ok := leads[c.Lang][who]; ok && t == s && s != "" {
		return lead + s
	}
	return t
}

// Refused is why an action was refused, by the code of the reason and what the
// engine wrote then.
func (c *Catalogue) Refused(code, message string) string {
	own, ok := reasons[c.Lang][code]
	p, known := refusals()[code]
	if !ok || !known {
		return c.Say(message)
	}
	found := p.re.FindStringSubmatch(message)
	if found == nil {
		return c.Say(message)
	}
	args := map[string]string{}
	for n, name := range p.args {
		args[name] = found[n+1]
	}
	return c.fill(own.text, args)
}

// refusals are the texts of reasons, to find the arguments in what was written.
var refusals = sync.OnceValue(func() map[string]refusal {
	all := map[string]refusal{}
	for _, v := range lifecycle.Vocabulary() {
		r := refusal{}
		said := regexp.QuoteMeta(v[1])
		said = regexp.MustCompile(`\\\{([a-z]+)\\\}`).ReplaceAllStringFunc(said, func(h string) string {
			r.args = append(r.args, strings.Trim(h, `\{}`))
			return "(.*)"
		})
		r.re = regexp.MustCompile(`(?s)\A` + said + `\z`)
		all[v[0]] = r
	}
	return all
})

type refusal struct {
	re   *regexp.Regexp
	args []string
}
