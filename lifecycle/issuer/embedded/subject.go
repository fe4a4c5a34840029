package embedded

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// Object identifiers of an EV subject (EV Guidelines section 7.1.4.2).
var (
	oidBusinessCategory    = asn1.ObjectIdentifier{2, 5, 4, 15}
	oidJurisdictionCountry = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3}
)

var businessCategory = map[string]string{
	"government":         "Government Entity",
	"public institution": "Government Entity",
	"association":        "Non-Commercial Entity",
	"sole proprietor":    "Business Entity",
}

// leafSubject names who was verified: the organization for OV, and for EV its
// registration too.
func leafSubject(r ports.CertificateRequest, cn string) (pkix.Name, error) {
	n := pkix.Name{CommonName: cn}
	if r.Level == model.DV {
		return n, nil
	}
	o := r.Organization
	if o == nil || o.Name == "" || o.Country == "" {
		return n, permanent("ca.no-organization", "level", r.Level)
	}
	add := func(to *[]string, v string) {
		if v != "" {
			*to = []string{v}
		}
	}
	add(&n.Organization, o.Name)
	add(&n.Country, o.Country)
	add(&n.Province, o.Province)
	add(&n.Locality, o.City)
	if r.Level == model.EV {
		add(&n.StreetAddress, o.Address)
		add(&n.PostalCode, o.Zip)
		n.SerialNumber = o.OrganizationID
		category := businessCategory[o.Type]
		if category == "" {
			category = "Private Organization"
		}
		n.ExtraNames = []pkix.AttributeTypeAndValue{
			{Type: oidBusinessCategory, Value: category}, {Type: oidJurisdictionCountry, Value: o.Country},
		}
	}
	return n, nil
}
