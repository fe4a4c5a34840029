package action

import (
	"context"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// terminate closes, revokes or deletes. None of these can be undone, so the name must
// be typed, and the refund and the resources that still present the certificate are
// shown before (spec B5, I4, I5).
func terminate(q *request) tea.Msg {
	c := q.c
	action, versionsOnly := string(q.row.Action), q.row.Action == rules.RevokeVersion
	if versionsOnly {
		if m := q.requireOne(); m != nil {
			return m
		}
	}
	word, label := q.cases[0].Instance.Name, "end.typed"
	if len(q.cases) > 1 {
		label = "end.typed.many"
		word = c.T("end.word", action, len(q.cases))
	}
	spec := form.Spec{
		Title:  c.T(action+".title", q.names()),
		Danger: q.row.Severity,
		Submit: c.T(action + ".submit"),
		Intro:  q.hiddenLines(),
	}
	if len(q.cases) == 1 {
		v := q.cases[0].Instance.Current()
		if chosen := q.cases[0].Instance.Version(q.version); chosen != nil {
			v = chosen
		}
		if v != nil {
			spec.Intro = append(spec.Intro, c.T(action+".intro.serial", widget.Cut(v.Serial, 40)))
		} else {
			spec.Intro = append(spec.Intro, c.T(action+".intro"))
		}
	} else {
		spec.Intro = append(spec.Intro, c.T(action+".intro"))
	}
	spec.Intro = append(spec.Intro, q.skippedLines()...)
	if q.row.ToRefunded != "" { // may pay something back
		line, err := q.refund()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		spec.Intro = append(spec.Intro, line)
	}
	if versionsOnly || q.row.Action == rules.Revoke {
		at, err := q.presentedOn()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		spec.Intro = append(spec.Intro, at)
		fields, elsewhere := q.versionFields()
		spec.Intro = append(spec.Intro, elsewhere...)
		spec.Fields = append(spec.Fields, form.Field{Key: "reason", Label: c.T("revoke.reason"), Kind: form.Select,
			Options: fixedOptions(rules.RevocationReasons, rules.RevocationReasons),
			Hint:    func(v form.Values) string { return c.Text.Lookup("reason."+v["reason"], "") }})
		spec.Fields = append(spec.Fields, fields...)
	}
	spec.Fields = append(spec.Fields, form.Field{Key: "typed", Label: c.T(label), Placeholder: word,
		Hint: func(form.Values) string { return c.T("end.typed.hint", word) },
		Valid: func(s string, _ form.Values) string {
			if strings.TrimSpace(s) != word {
				return c.T("end.typed.wrong", word)
			}
			return ""
		}})
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		return q.forEach(ctx, action+".done", func(ctx context.Context, cs *rules.Facts) error {
			id := cs.Instance.ID
			switch q.row.Action {
			case rules.Close:
				return c.Backend.CloseInstance(ctx, id)
			case rules.Revoke, rules.RevokeVersion:
				return q.addJob(
					c.Backend.Revoke(ctx, id, lifecycle.RevokeRequest{Reason: v["reason"], Versions: parseNumbers(v["versions"])}),
				)
			default:
				return c.Backend.Delete(ctx, id)
			}
		})
	})
}

// refund says what is paid back, and why.
func (q *request) refund() (string, error) {
	var sum ledger.RefundPreview
	for _, cs := range q.cases {
		r, err := q.c.Backend.Refund(cs.Instance.ID)
		if err != nil {
			return "", err
		}
		sum.Amount, sum.Currency, sum.Why = sum.Amount+r.Amount, r.Currency, r.Why
	}
	return q.c.T("end.refund", widget.Money(sum.Amount, sum.Currency), q.c.Text.Text(sum.Why)), nil
}

// presentedOn says which resources still present what is to be revoked.
func (q *request) presentedOn() (string, error) {
	var at []string
	for _, cs := range q.cases {
		rs, _, err := q.c.Backend.Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
		if err != nil {
			return "", err
		}
		for n := range rs {
			if cs.PresentsRevocable(&rs[n].Resource) {
				at = append(at, resourceName(&rs[n]))
			}
		}
	}
	if len(at) == 0 {
		return q.c.T("revoke.nowhere"), nil
	}
	return q.c.T("revoke.presented", strings.Join(at, q.c.T("list.join"))), nil
}

// versionFields ask which versions to revoke where there is a choice: all that are not
// expired, unless some are named. Those issued elsewhere are left out and listed (spec
// I4).
func (q *request) versionFields() (fields []form.Field, elsewhere []string) {
	c := q.c
	if len(q.cases) != 1 {
		return nil, nil
	}
	cs := q.cases[0]
	var can []*model.Version
	current, versionsOnly := cs.Instance.Current(), q.row.Action == rules.RevokeVersion
	for n := len(cs.Instance.Versions) - 1; n >= 0; n-- {
		switch v := &cs.Instance.Versions[n]; {
		case !v.RevokedAt.IsZero() || cs.Now.After(v.NotAfter) || versionsOnly && v == current:
		case v.Issuer == "":
			elsewhere = append(elsewhere, c.T("revoke.elsewhere", v.Number))
		default:
			can = append(can, v)
		}
	}
	if len(can) < 2 && !versionsOnly {
		return nil, elsewhere
	}
	var lines []string
	for _, v := range can {
		lines = append(lines, c.T("revoke.version", v.Number, v.NotBefore.Format("2006-01-02"), v.NotAfter.Format("2006-01-02")))
	}
	chosen := ""
	if slices.ContainsFunc(can, func(v *model.Version) bool { return v.Number == q.version }) {
		chosen = strconv.Itoa(q.version)
	}
	return []form.Field{{Key: "versions", Label: c.T("revoke.versions"), Initial: chosen, Placeholder: c.T("revoke.versions.all", len(can)),
		Hint: func(form.Values) string { return c.T("revoke.versions.hint") + "\n" + strings.Join(lines, "\n") },
		Valid: func(s string, _ form.Values) string {
			for _, w := range splitList(s) {
				n, err := strconv.Atoi(w)
				if err != nil || !slices.ContainsFunc(can, func(v *model.Version) bool { return v.Number == n }) {
					return c.T("revoke.versions.wrong", w)
				}
			}
			return ""
		}}}, elsewhere
}

// parseNumbers reads a list of numbers that was checked.
func parseNumbers(s string) (ns []int) {
	for _, w := range splitList(s) {
		if n, err := strconv.Atoi(w); err == nil {
			ns = append(ns, n)
		}
	}
	return ns
}
