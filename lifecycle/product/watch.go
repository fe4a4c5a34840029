package product

import (
	"time"

	"certquay/lifecycle"
)

// Judging makes the judge of what is watched from sets of roots.
func Judging(roots ...Roots) lifecycle.Judge {
	return func(chain [][]byte, name string, now time.Time) (found []lifecycle.Finding) {
		v := Judge(chain, name, roots, now)
		for _, f := range v.Findings {
			found = append(found, lifecycle.Finding{Problem: string(f.Problem), Text: f.Text})
		}
		return found
	}
}
