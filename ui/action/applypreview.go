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
		var empty, wrong, reasons []string
		for _, m := range missing {
			pre.Errors[m.Field] = c.FormatInvalid(m)
			name := c.Text.Lookup("field."+m.Field, m.Field)
			if isBlank(v, m.Field) {
				empty = append(empty, name)
			} else {
				wrong, reasons = append(wrong, name), append(reasons, c.Mark("•")+name+c.T("colon")+c.FormatInvalid(m))
			}
		}
		if a.packsNotChosen(v) {
			empty = append(empty, c.T("apply.packs"))
		}
		complete := form.Line{Tone: style.Good, Text: c.T("apply.complete")}
		last := v[form.StepKey] == strconv.Itoa(stepSubmit)
		if len(empty) > 0 {
			pre.Lines = append(pre.Lines, form.Line{Tone: style.Warn, Text: c.T("apply.missing", strings.Join(empty, c.T("list.join")))})
		}
		switch {
		case len(wrong) > 0 && last:
			pre.Lines = append(append(pre.Lines, form.Line{Tone: style.Warn, Text: c.T("apply.wrong")}), form.Lines(reasons...)...)
		case len(wrong) > 0: // the reasons are beside the fields
			wrong := c.T("apply.wrong.fields", strings.Join(wrong, c.T("list.join")))
			pre.Lines = append(pre.Lines, form.Line{Tone: style.Warn, Text: wrong})
		case len(empty) == 0 && last:
			pre.Lines = []form.Line{complete}
		case len(empty) == 0: // the steps that follow are sent as they are
			pre.Lines = []form.Line{complete, {Text: a.sentSummary(v, draft)}}
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
			if len(empty)+len(wrong) == 0 && a.issuer.Challenges {
				return a.withPreflight(pre, draft.Domains)
			}
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
	parts := []string{c.T("apply.sent.names", len(draft.Domains)), key}
	if a.maxPacks() > 0 {
		if n := chosenPacks(v); n > 0 {
			parts = append(parts, c.T("apply.sent.hosted", n))
		} else {
			parts = append(parts, c.T("apply.sent.nothosted"))
		}
	}
	return c.T("apply.sent", strings.Join(parts, c.T("list.join")))
}

// asksApplicant reports whether somebody has to do something once the application is
// submitted.
func (a *application) asksApplicant() bool {
	return a.issuer.Proof != "" || slices.Contains(a.issuer.Reviewed, a.i.Spec.Level)
}

// nextSteps says what an application waits for once it is submitted (spec A7).
func (a *application) nextSteps() []string {
	c := a.c
	switch {
	case a.asksApplicant():
	case a.issuer.Challenges:
		return []string{"", c.T("apply.follows.itself")}
	default:
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

// isBlank reports whether nothing was typed into a field, or into any of those that begin
// with its name, as "csr file" does.
func isBlank(v form.Values, field string) bool {
	if typed, ok := v[field]; ok {
		return strings.TrimSpace(typed) == ""
	}
	for k, typed := range v {
		if strings.HasPrefix(k, field+" ") && strings.TrimSpace(typed) != "" {
			return false
		}
	}
	return field != "csr" || v["request"] != csrKept
}

// maxWrongNames is how many wrong names a form shows the reasons of.
const maxWrongNames = 3

// invalidDomains says what is wrong with names for a type, a line for each of the first
// wrong ones; "" for nothing (spec A2).
func invalidDomains(c *app.Context, list []string, t model.DomainType, by *rules.Capabilities) string {
	if len(list) == 0 {
		return c.T("apply.domains.none")
	}
	var wrong []string
	for _, n := range list {
		star := strings.HasPrefix(n, "*.")
		_, err := names.Parse(n)
		switch {
		case err != nil:
			wrong = append(wrong, c.FormatError(err))
		case t != model.Wildcard && star:
			wrong = append(wrong, c.T("apply.domains.star", n))
		case t == model.Wildcard && !star:
			wrong = append(wrong, c.T("apply.domains.nostar", n))
		}
	}
	if more := len(wrong) - maxWrongNames; more > 0 {
		wrong = append(wrong[:maxWrongNames], c.T("and.more", more))
	}
	if err := by.CheckNames(t, list); err != nil && len(wrong) == 0 {
		return c.FormatError(err)
	}
	return strings.Join(wrong, "\n")
}
