// Package waittest waits in tests that start the real program as a process, to which
// synctest does not apply. Other tests must not sleep, which a test of cmd enforces.
package waittest

import "time"

// every is the polling interval of Eventually.
const every = 5 * time.Millisecond

// Eventually polls ok until it returns true, and reports whether it did so within the
// timeout. It calls ok at least once.
func Eventually(timeout time.Duration, ok func() bool) bool {
	for end := time.Now().Add(timeout); !ok(); time.Sleep(every) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Pause sleeps where real time is what is tested: typing speed, the moment at which a
// process is killed, or a measurement. Use [Eventually] to wait for a condition.
func Pause(d time.Duration) { time.Sleep(d) }
