//go:build !linux

package badger

import (
	"errors"
)

func fallocate(int, int64, int64) error { return errors.ErrUnsupported }
