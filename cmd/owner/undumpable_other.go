//go:build !linux

package owner

// SetUndumpable does nothing here: that memory is not written to a core file is all
// that is asked of this system.
func SetUndumpable() error { return nil }
