package action

import (
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// personFields ask for the applicant, of which the engine requires what needed tells;
// the last one is the ID number (spec A1).
func personFields(c *app.Context, step int, now model.Application, needed func(key string, v form.Values) bool) []form.Field {
	hint := func(key string) func(form.Values) string { return func(form.Values) string { return c.T(key) } }
	requiredIfNeeded := func(key string) func(string, form.Values) string {
		return func(s string, v form.Values) string {
			if needed(key, v) {
				return required(c)(s, v)
			}
			return ""
		}
	}
	return []form.Field{
		{
			Key: "applicant", Label: c.T("apply.applicant"), Step: step, Initial: now.ApplicantName,
			Hint: hint("apply.applicant.hint"), Valid: requiredIfNeeded("applicant"),
		},
		{
			Key: "phone", Label: c.T("apply.phone"), Step: step, Initial: now.Phone,
			Hint: hint("apply.phone.hint"), Valid: func(s string, v form.Values) string { return validPhone(c, needed("phone", v))(s, v) },
		},
		{
			Key: "email", Label: c.T("apply.email"), Step: step, Initial: now.Email, Hint: hint("apply.email.hint"),
			Valid: func(s string, v form.Values) string {
				switch s = strings.TrimSpace(s); {
				case s == "" && needed("email", v):
					return c.T("apply.email.needed")
				case s != "" && !rules.IsEmail(s):
					return c.T("apply.email.wrong")
				}
				return ""
			},
		},
		{
			Key: "id number", Label: c.T("apply.idnumber"), Step: step, Initial: now.IDNumber,
			Hint: hint("apply.idnumber.hint"), Valid: requiredIfNeeded("id number"),
		},
	}
}
