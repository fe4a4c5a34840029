// Package document is a placeholder until merge.
package document

import "errors"

func Check(data []byte) (string, error) { return "", errors.New("x") }
