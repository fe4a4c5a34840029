package lifecycle

import "time"

// publicLimits is how long a publicly trusted certificate may be valid by the
// day it is issued (spec I8; CA/Browser Forum Baseline Requirements for TLS
// section 6.3.2, as changed by ballot SC-081).
var publicLimits = []struct {
	from time.Time
	days int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Time{}, 398},
}

// publicLimit is the limit on the day of issue.
func publicLimit(issued time.Time) time.Duration {
	for _, l := range publicLimits {
		if !issued.Before(l.from) {
			return time.Duration(l.days) * 24 * time.Hour
		}
	}
	return 0
}
