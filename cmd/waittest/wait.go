// Package waittest waits in tests that start the real program as a process,
// whose time no synctest bubble holds. No other test lets real time pass, and a
// test of cmd keeps it so.
package waittest

import "time"

// every is how often Eventually looks.
const every = 5 * time.Millisecond

// Eventually looks until ok says so, and reports whether it came to that within
// a time. It looks at least once.
func Eventually(timeout time.Duration, ok func() bool) bool {
	for end := time.Now().Add(timeout); !ok(); time.Sleep(every) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Pause lets real time pass where that is what is tested, as the pace of a
// person who types, the moment a process is killed at, or a time to measure.
// What can be looked for is waited for with [Eventually].
func Pause(d time.Duration) { time.Sleep(d) }
