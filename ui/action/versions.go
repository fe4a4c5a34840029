package action

import (
	"slices"
	"strconv"
	"strings"

	"certquay/model"
	"certquay/ui/dialog/form"
)

// versionFields ask which versions to revoke, where there is a choice: all that
// are not expired, unless some are picked. Those issued elsewhere are left out
// and named (spec I4).
func (q *request) versionFields() (fields []form.Field, elsewhere []string) {
	c := q.c
	if len(q.cases) != 1 {
		return nil, nil
	}
	cs := q.cases[0]
	var can []*model.Version
	for n := len(cs.Instance.Versions) - 1; n >= 0; n-- {
		switch v := &cs.Instance.Versions[n]; {
		case !v.RevokedAt.IsZero() || cs.Now.After(v.NotAfter):
		case v.Issuer == "":
			elsewhere = append(elsewhere, c.T("revoke.elsewhere", v.Number))
		default:
			can = append(can, v)
		}
	}
	if len(can) < 2 {
		return nil, elsewhere
	}
	var lines []string
	for _, v := range can {
		lines = append(lines, c.T("revoke.version", v.Number, v.NotBefore.Format("2006-01-02"), v.NotAfter.Format("2006-01-02")))
	}
	return []form.Field{{Key: "versions", Label: c.T("revoke.versions"), Placeholder: c.T("revoke.versions.all", len(can)),
		Hint: func(form.Values) string { return c.T("revoke.versions.hint") + "\n" + strings.Join(lines, "\n") },
		Valid: func(s string, _ form.Values) string {
			for _, w := range split(s) {
				n, err := strconv.Atoi(w)
				if err != nil || !slices.ContainsFunc(can, func(v *model.Version) bool { return v.Number == n }) {
					return c.T("revoke.versions.wrong", w)
				}
			}
			return ""
		}}}, elsewhere
}

// numbers reads a list that was checked.
func numbers(s string) (ns []int) {
	for _, w := range split(s) {
		if n, err := strconv.Atoi(w); err == nil {
			ns = append(ns, n)
		}
	}
	return ns
}
