// Package child starts this program again as a separate process for work that must
// be limited, killed, or allowed to crash.
package child

import (
	"os"
	"runtime"
)

// Self is the path by which this program starts again. On Linux it is that of
// the running file itself, even if another has taken its name since.
func Self() (string, error) {
	if runtime.GOOS == "linux" {
		const self = "/proc/self/exe"
		if _, err := os.Stat(self); err == nil {
			return self, nil
		}
	}
	return os.Executable()
}
