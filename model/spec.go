package model

import (
	"fmt"
	"strings"
)

// Level is the validation level: how much the CA has verified about the applicant.
type Level string

// Validation levels, in rising order.
const (
	DV Level = "dv" // domain validated: control of the domain names
	OV Level = "ov" // organization validated
	EV Level = "ev" // extended validation
)

// Levels lists every level, in rising order.
var Levels = []Level{DV, OV, EV}

// DomainType restricts the number and kind of names in a certificate (spec A2).
type DomainType string

// Domain types.
const (
	Single   DomainType = "single"
	Multi    DomainType = "multi"
	Wildcard DomainType = "wildcard"
)

// DomainTypes lists every domain type.
var DomainTypes = []DomainType{Single, Multi, Wildcard}

// Grade is the price class of a certificate.
type Grade string

// Grades.
const (
	Free         Grade = "free"
	Standard     Grade = "standard"
	Professional Grade = "professional"
)

// Grades lists every grade in rising order of price.
var Grades = []Grade{Free, Standard, Professional}

// Specification identifies a product for sale. Two are the same only if all four fields
// are equal, so values are compared with ==. The zero value means "unknown".
type Specification struct {
	Level Level
	Type  DomainType
	Brand string // name of the issuer, in lower case
	Grade Grade
}

// String returns the specification as people write it, such as "DV single embedded
// free".
func (s Specification) String() string {
	if s == (Specification{}) {
		return "unspecified"
	}
	// The parts that are unknown, as for an upload, are left out.
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", strings.ToUpper(string(s.Level)), s.Type, s.Brand, s.Grade)), " ")
}
