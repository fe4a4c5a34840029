//go:build !linux

package child

// SetUndumpable does nothing: on other systems only core files are disabled.
func SetUndumpable() error { return nil }
