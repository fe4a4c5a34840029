// Package document checks qualification documents by their content.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the formats that are read
	_ "image/png"
)

// MaxBytes is the largest document that is taken (spec A5).
const MaxBytes = 512_000

// Check says whether data are a PNG or JPEG of at most [MaxBytes], by content
// and not by name, and which.
func Check(data []byte) (format string, err error) {
	if len(data) > MaxBytes {
		return "", fmt.Errorf("%d bytes are more than the %d that are allowed", len(data), MaxBytes)
	}
	_, format, err = image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return "", errors.New("this is neither a PNG nor a JPEG")
	}
	return format, nil
}
