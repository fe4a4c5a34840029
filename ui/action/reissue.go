package action

import (
	"context"
	"errors"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/dialog/form"
)

// reissue issues another version with the same key, a new one, or the key of a signing
// request (spec I7).
func reissue(q *request) tea.Msg {
	c := q.c
	keys, labels := []string{"same", "new"}, []string{c.T("reissue.same"), c.T("reissue.new")}
	manual := false
	if len(q.cases) == 1 { // a request is for the names of one
		if canReadFiles(c) {
			keys, labels = append(keys, csrFile), append(labels, c.T("csr.from.file"))
		}
		keys, labels = append(keys, csrPasted), append(labels, c.T("csr.from.pasted"))
		v := q.cases[0].Instance.Current()
		manual = v != nil && v.KeyID == ""
	}
	csr := func(v form.Values) bool { return v["key"] == csrFile || v["key"] == csrPasted }
	spec := form.Spec{
		Title:  c.T("reissue.title", q.names()),
		Submit: c.T("reissue.submit"),
		Intro:  slices.Concat(q.hiddenLines(), []string{c.T("reissue.intro")}, q.skippedLines()),
		Fields: append([]form.Field{{Key: "key", Label: c.T("reissue.key"), Kind: form.Select, Options: fixedOptions(keys, labels),
			Hint: func(v form.Values) string {
				switch {
				case csr(v):
					return c.T("apply.request.manual")
				case manual && v["key"] == "same":
					return c.T("reissue.same.manual")
				}
				return c.T("reissue." + v["key"] + ".hint")
			},
			Warn: func(v form.Values) string {
				if csr(v) {
					return c.T("csr.warning")
				}
				return ""
			}}}, csrFields(c, 0, func(v form.Values) string { return v["key"] })...),
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r := lifecycle.ReissueRequest{NewKey: v["key"] == "new"}
		if csr(v) {
			asked, err := csrOf(c, v)
			if err == nil && asked != nil {
				err = bundle.CheckCSRNames(asked, q.cases[0].Instance.Domains())
			}
			if err != nil {
				return nil, asCSR(err)
			}
			if asked == nil {
				return nil, &rules.Invalid{Field: "csr", Why: model.Say("csr.file.needed")}
			}
			r.CSR = asked.Raw
		}
		return q.forEach(ctx, "reissue.done", func(ctx context.Context, cs *rules.Facts) error {
			return q.addJob(c.Backend.Reissue(ctx, cs.Instance.ID, r))
		})
	})
}

// asCSR puts an error in a signing request beside its field.
func asCSR(err error) error {
	var i *rules.Invalid
	if errors.As(err, &i) {
		return err
	}
	return &rules.Invalid{Field: "csr", Why: model.TextOf(err)}
}
