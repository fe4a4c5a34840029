package lifecycle

import (
	"strings"

	"certquay/model"
)

// template is [Access.Template].
func (e *Engine) template(id model.ID) (model.Text, error) {
	i, err := e.instance(id)
	if err != nil {
		return "", err
	}
	a, c := i.Application, i.Application.Company
	claim := "confirmation.ev"
	switch i.Spec.Level {
	case model.DV:
		claim = "confirmation.dv"
	case model.OV:
		claim = "confirmation.ov"
	}
	args := []any{"claim", model.Say(claim)}
	line := func(name, value string) {
		if value == "" {
			value = strings.Repeat("_", 44)
		}
		args = append(args, name, value)
	}
	line("application", string(i.ID))
	line("spec", i.Spec.String())
	line("names", strings.Join(a.Domains, ", "))
	line("organization", c.Name)
	line("type", c.Type)
	line("registered", c.OrganizationID)
	line("address", c.Address)
	line("city", strings.TrimSpace(c.Zip+" "+c.City))
	line("country", strings.Trim(c.Province+", "+c.Country, ", "))
	line("company-phone", c.Phone)
	line("applicant", a.ApplicantName)
	line("id-number", a.IDNumber)
	line("phone", a.Phone)
	line("email", a.Email)
	return model.Say("confirmation.form", args...), nil
}
