package model

import (
	"fmt"
	"strings"
)

// Level is how much a CA has verified about the applicant.
type Level string

// Validation levels, in rising order of what is verified.
const (
	DV Level = "dv" // domain validated: control of the names
	OV Level = "ov" // organization validated
	EV Level = "ev" // extended validation
)

// Levels lists every level in rising order.
var Levels = []Level{DV, OV, EV}

// DomainType is how many and which names a certificate may hold (spec A2).
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

// Specification is what is sold: two are the same only if all four parts are
// equal, so values compare with ==. The zero value means "not known".
type Specification struct {
	Level Level
	Type  DomainType
	Brand string // the name of the issuer, in lower case
	Grade Grade
}

// String gives the specification in the order people say it.
func (s Specification) String() string {
	if s == (Specification{}) {
		return "unspecified"
	}
	// What is not known of an upload is left out.
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", strings.ToUpper(string(s.Level)), s.Type, s.Brand, s.Grade)), " ")
}
