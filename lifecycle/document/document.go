// Package document validates the pictures uploaded with an application, such as a
// stamped confirmation form (spec A5).
package document

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"

	"certquay/model"
)

// Limits of a document.
const (
	MaxBytes  = 512_000    // spec A5
	MinSide   = 64         // pixels; nobody can read less
	MaxPixels = 12_500_000 // a page at 300 dpi has 8.7 million, a telephone's photo 12.2
	maxScans  = 32         // of a JPEG; a progressive one has about ten
)

// Formats that [Check] recognizes.
const (
	PNG  = "png"
	JPEG = "jpeg"
)

// Reason is why a document was refused. The texts are stable: scripts may rely
// on them.
type Reason string

// Reasons of refusals (spec A5).
const (
	TooLarge    Reason = "too-large"    // more than 512,000 bytes
	NoPicture   Reason = "no-picture"   // neither PNG nor JPEG
	Damaged     Reason = "damaged"      // begins as one of them but cannot be read to its end
	TooSmall    Reason = "too-small"    // too few pixels to be read
	TooDetailed Reason = "too-detailed" // too much work or memory to read
)

// Error is a refusal: for machines its reason, for people what was refused and
// why, and what would do. No text of the document is in it.
type Error struct {
	Reason Reason
	Why    model.Text
	Hint   model.Text
}

func (e *Error) Error() string { return e.AsText().String() }

// AsText is why it was refused, and what would do.
func (e *Error) AsText() model.Text { return model.Texts(e.Why, e.Hint) }

// decodeMu serializes the decoding of pictures, since a contrived one takes up to
// 200 MB of memory (15 bytes for a pixel of a progressive JPEG) and some seconds.
var decodeMu sync.Mutex

// Check reports whether data is a valid document: a whole PNG or JPEG picture, by
// its content and never by a name, of at most 512,000 bytes (spec A5). It returns
// [PNG] or [JPEG]; a refusal is an [*Error]. It is safe for concurrent use.
func Check(data []byte) (format string, err error) {
	if len(data) > MaxBytes {
		return "", &Error{TooLarge, model.Say("document.too-large", "bytes", len(data), "most", MaxBytes),
			model.Say("document.scan-coarser")}
	}
	var head func([]byte) (image.Config, error)
	var whole func([]byte) error
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		format = PNG
		head = func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) }
		whole = func(b []byte) error { _, err := png.Decode(bytes.NewReader(b)); return err }
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		format = JPEG
		head = func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) }
		whole = func(b []byte) error { _, err := jpeg.Decode(bytes.NewReader(b)); return err }
	default:
		return "", &Error{NoPicture, model.Say("document.no-picture", "kind", model.Say(kind(data))), model.Say("document.scan-or-export")}
	}
	damaged := &Error{Damaged, model.Say("document.damaged", "format", strings.ToUpper(format)), model.Say("document.save-again")}
	c, err := head(data)
	if err != nil {
		return "", damaged
	}
	detailed := &Error{TooDetailed,
		model.Say("document.too-detailed", "width", c.Width, "height", c.Height, "most", MaxPixels), model.Say("document.scan-smaller")}
	switch {
	case c.Width < MinSide || c.Height < MinSide:
		return "", &Error{TooSmall, model.Say("document.too-small", "width", c.Width, "height", c.Height), model.Say("document.scan-whole")}
	case c.Height > MaxPixels/c.Width:
		return "", detailed
	// Each scan goes over all pixels, and costs ten bytes. The marker occurs
	// nowhere else, but for a small picture in a picture.
	case format == JPEG && bytes.Count(data, []byte{0xff, 0xda}) > maxScans:
		detailed.Why, detailed.Hint = model.Say("document.layers"), model.Say("document.save-ordinary")
		return "", detailed
	}
	decodeMu.Lock()
	defer decodeMu.Unlock()
	if whole(data) != nil {
		return "", damaged
	}
	return format, nil
}

// kind is a code for what people bring instead.
func kind(data []byte) string {
	for _, k := range []struct{ magic, name string }{
		{"%PDF-", "document.pdf"}, {"GIF8", "document.gif"}, {"BM", "document.bmp"},
		{"II*\x00", "document.tiff"}, {"MM\x00*", "document.tiff"},
		{"PK\x03\x04", "document.zip"}, {"\xd0\xcf\x11\xe0", "document.old-office"}, {"<svg", "document.svg"},
	} {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return k.name
		}
	}
	switch {
	case len(data) == 0:
		return "document.empty"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "document.webp"
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return "document.heic"
	}
	return "document.else"
}
