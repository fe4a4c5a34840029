package lifecycle

import (
	"fmt"
	"strings"

	"certquay/model"
)

// Template is the verification form of an application, as text to print, fill
// in, sign, stamp and upload as a picture (spec A5). What the draft knows is
// filled in already.
func (e *Engine) Template(id model.ID) (string, error) {
	i, err := e.Instance(id)
	if err != nil {
		return "", err
	}
	a, c := i.Application, i.Application.Company
	var b strings.Builder
	line := func(name, value string) {
		if value == "" {
			value = strings.Repeat("_", 44)
		}
		fmt.Fprintf(&b, "  %-28s %s\n", name, value)
	}
	fmt.Fprintf(&b, "CONFIRMATION OF AN APPLICATION FOR A CERTIFICATE\n\n")
	line("Application", string(i.ID))
	line("Specification", i.Spec.String())
	line("Names", strings.Join(a.Domains, ", "))
	b.WriteString("\nOrganization\n")
	line("Name", c.Name)
	line("Type", c.Type)
	line("Registered as", c.OrganizationID)
	line("Address", c.Address)
	line("Zip code, city", strings.TrimSpace(c.Zip+" "+c.City))
	line("Province, country", strings.Trim(c.Province+", "+c.Country, ", "))
	line("Phone", c.Phone)
	b.WriteString("\nApplicant\n")
	line("Name", a.ApplicantName)
	line("Identity card", a.IDNumber)
	line("Phone", a.Phone)
	line("E-mail", a.Email)
	switch i.Spec.Level {
	case model.DV:
		b.WriteString("\nThe applicant confirms control of the names above.\n")
	case model.OV:
		b.WriteString(`
The organization confirms that it exists as stated, that it controls the names
above, and that the applicant may act for it in this matter.
`)
	default:
		b.WriteString(`
The organization confirms that it exists as stated and is active, that it
controls the names above, that the applicant is employed by it and may act for it
in this matter, and that the signatory below may bind it by contract.
`)
	}
	b.WriteString(`

  Place, date  ______________________    Signature  ______________________

  Stamp of the organization




Sign and stamp it, and upload it as a PNG or JPEG of at most 512,000 bytes.
`)
	return b.String(), nil
}
