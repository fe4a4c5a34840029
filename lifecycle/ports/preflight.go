package ports

import (
	"context"

	"certquay/model"
)

// Preflighter is an issuer that can look, before an order is spent, for what would make
// it fail (spec C6). It changes nothing but for trial tokens, which it removes. Names are
// ASCII. It returns at the latest when ctx ends, with what is known then.
type Preflighter interface {
	Preflight(ctx context.Context, names []string) ([]PreflightFinding, error)
}

// PreflightCheck is what a preflight has looked at.
type PreflightCheck string

// The checks, in the order in which they are reported.
const (
	CheckDirectory  PreflightCheck = "directory"
	CheckClock      PreflightCheck = "clock"
	CheckBudget     PreflightCheck = "budget"
	CheckChallenge  PreflightCheck = "challenge"
	CheckDelegation PreflightCheck = "delegation"
	CheckCAA        PreflightCheck = "caa"
	CheckRecord     PreflightCheck = "record"
	CheckPort       PreflightCheck = "port"
)

// PreflightLevel is how much a finding matters.
type PreflightLevel string

// Levels of a finding.
const (
	PreflightGood    PreflightLevel = "good"
	PreflightWarning PreflightLevel = "warning" // the order may fail
	PreflightBad     PreflightLevel = "bad"     // the order will fail, as far as can be seen from here
)

// PreflightFinding is the result of one look.
type PreflightFinding struct {
	Check PreflightCheck
	Level PreflightLevel
	Name  string     // the name it is about; empty for the whole order
	Text  model.Text // what was found
	Hint  model.Text // what to do; empty for [PreflightGood]
	// Certain says that no CA that follows the rules would issue: no order is made then.
	Certain bool
}

// WorstFinding returns the level of the worst finding.
func WorstFinding(all []PreflightFinding) PreflightLevel {
	worst := PreflightGood
	for _, f := range all {
		if f.Level == PreflightBad || f.Level == PreflightWarning && worst == PreflightGood {
			worst = f.Level
		}
	}
	return worst
}
