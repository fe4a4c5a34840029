package action

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// preview lists what is missing (spec A1): the fields in the first steps; in the last
// one also the reasons, and what happens after submitting.
func (a *application) preview(v form.Values) func() form.Preview {
	c, i := a.c, a.i
	return func() form.Preview {
		draft, err := a.applicationFrom(v)
		if now, err := c.Backend.Instance(i.ID); err == nil { // they may come from elsewhere too
			draft.Documents = now.Application.Documents
		}
		var missing []*rules.Invalid
		for _, m := range c.Backend.Missing(i, draft) {
			if err == nil || m.Field != "csr" && m.Field != "key type" {
				missing = append(missing, m)
			}
		}
		var bad *rules.Invalid
		if errors.As(err, &bad) {
			missing = append(missing, bad)
		}
		pre := form.Preview{Errors: form.Values{}}
		var fields, empty, wrong []string // wrong ones with the reason
		for _, m := range missing {
			pre.Errors[m.Field] = c.FormatInvalid(m)
			name := c.Text.Lookup("field."+m.Field, m.Field)
			fields = append(fields, name)
			if strings.TrimSpace(v[m.Field]) == "" && m.Field != "csr" {
				empty = append(empty, name)
			} else {
				wrong = append(wrong, c.Mark("•")+name+c.T("colon")+c.FormatInvalid(m))
			}
		}
		if a.packsNotChosen(v) {
			fields, empty = append(fields, c.T("apply.packs")), append(empty, c.T("apply.packs"))
		}
		complete := form.Line{Tone: style.Good, Text: c.T("apply.complete")}
		last := v[form.StepKey] == strconv.Itoa(stepSubmit)
		switch {
		case len(fields) == 0 && !last: // the steps that follow are sent as they are
			pre.Lines = []form.Line{complete, {Text: a.sentSummary(v, draft)}}
		case len(fields) == 0:
			pre.Lines = []form.Line{complete}
		case !last:
			pre.Lines = []form.Line{{Tone: style.Warn, Text: c.T("apply.missing", strings.Join(fields, c.T("list.join")))}}
		default:
			if len(empty) > 0 {
				pre.Lines = append(
					pre.Lines,
					form.Line{Tone: style.Warn, Text: c.T("apply.missing", strings.Join(empty, c.T("list.join")))},
				)
			}
			if len(wrong) > 0 {
				pre.Lines = append(append(pre.Lines, form.Line{Tone: style.Warn, Text: c.T("apply.wrong")}), form.Lines(wrong...)...)
			}
		}
		few := ""
		if last && a.maxPacks() > 0 {
			var lines []form.Line
			lines, few = a.packSummary(chosenPacks(v))
			pre.Lines = slices.Concat(lines, form.Lines(""), pre.Lines)
			if few != "" {
				pre.Errors["hosting packs"] = few
			}
		}
		if last && few == "" {
			pre.Lines = append(pre.Lines, form.Lines(a.nextSteps()...)...)
		}
		return pre
	}
}

// sentSummary says what would be submitted now, for a person who skips the remaining
// steps.
func (a *application) sentSummary(v form.Values, draft model.Application) string {
	c := a.c
	key := c.T("apply.sent.csr")
	if !draft.Manual() {
		key = c.T("apply.sent.key", string(draft.KeyType))
	}
	parts := []string{c.T(app.PluralKey("apply.sent.names", len(draft.Domains)), len(draft.Domains)), key}
	if a.maxPacks() > 0 {
		if n := chosenPacks(v); n > 0 {
			parts = append(parts, c.T("apply.sent.hosted", n))
		} else {
			parts = append(parts, c.T("apply.sent.nothosted"))
		}
	}
	return c.T("apply.sent", strings.Join(parts, c.T("list.join")))
}

// nextSteps says what an application waits for once it is submitted (spec A7).
func (a *application) nextSteps() []string {
	c := a.c
	if a.issuer.Proof == "" && !slices.Contains(a.issuer.Reviewed, a.i.Spec.Level) {
		return []string{"", c.T("apply.follows.atonce")}
	}
	lines := []string{"", c.T("apply.follows.noproof")}
	if a.issuer.Proof != "" {
		lines[1] = c.T("apply.follows.proof")
	}
	if slices.Contains(a.issuer.Reviewed, a.i.Spec.Level) {
		lines = append(lines, c.T("apply.follows.review"))
	}
	return append(lines, c.T("apply.follows.shown"))
}

// invalidDomains says what is wrong with names for a type, "" for nothing (spec A2).
func invalidDomains(c *app.Context, list []string, t model.DomainType, by *rules.Capabilities) string {
	if len(list) == 0 {
		return c.T("apply.domains.none")
	}
	for _, n := range list {
		star := strings.HasPrefix(n, "*.")
		switch {
		case t != model.Wildcard && star:
			return c.T("apply.domains.star", n)
		case t == model.Wildcard && !star:
			return c.T("apply.domains.nostar", n)
		}
	}
	if err := by.CheckNames(t, list); err != nil {
		return c.FormatError(err)
	}
	return ""
}

// bothForms writes names in Unicode and in ASCII where these differ, so that letters
// which only look alike are noticed.
func bothForms(list []string) []string {
	out := make([]string, len(list))
	for n, d := range list {
		out[n] = d
		if p, err := names.Parse(d); err == nil {
			out[n] = p.Both()
		}
	}
	return out
}
