package document_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"unicode"

	"certquay/lifecycle/document"
	"certquay/ui/text"
)

func page(w, h int) image.Image {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7)
	}
	return m
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk is one of a PNG file.
func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// sized is a PNG of exactly n bytes: what it lacks stands in a comment.
func sized(t testing.TB, n int) []byte {
	t.Helper()
	p := asPNG(t, page(200, 300))
	const head = 8 + 25 // signature and IHDR
	comment := append([]byte("Comment\x00"), make([]byte, n-len(p)-12-8)...)
	return append(append(bytes.Clone(p[:head]), chunk("tEXt", comment)...), p[head:]...)
}

// claims is a picture that says it has other dimensions.
func claims(t testing.TB, w, h uint32) []byte {
	t.Helper()
	p := asPNG(t, page(200, 300))
	body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return append(append(bytes.Clone(p[:8]), chunk("IHDR", append(body, p[24:29]...))...), p[33:]...)
}

// spec: A5
func TestDocumentsAreJudgedByContent(t *testing.T) {
	p, j := asPNG(t, page(200, 300)), asJPEG(t, page(200, 300))
	deep := image.NewRGBA64(image.Rect(0, 0, 100, 100))
	deep.Set(1, 1, color.RGBA64{1, 2, 3, 65535})
	var g bytes.Buffer
	if err := gif.Encode(&g, page(200, 300), nil); err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(j, []byte{0xff, 0xda})
	huge := bytes.Clone(j) // says 65,535 by 65,535
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[at+5:], "\xff\xff\xff\xff")
	for _, c := range []struct {
		file   string // never looked at
		data   []byte
		format string
		reason document.Reason
	}{
		{"page.png", p, document.PNG, ""},
		{"a PNG named.jpg", p, document.PNG, ""},
		{"page.jpg", j, document.JPEG, ""},
		{"a JPEG named.png", j, document.JPEG, ""},
		{"16 bits.png", asPNG(t, deep), document.PNG, ""},
		{"a page at 300 dpi.png", asPNG(t, image.NewGray(image.Rect(0, 0, 2480, 3508))), document.PNG, ""},
		{"512,000 bytes.png", sized(t, 512_000), document.PNG, ""},
		{"512,001 bytes.png", sized(t, 512_001), "", document.TooLarge},
		{"512,001 bytes of text.png", make([]byte, 512_001), "", document.TooLarge},
		{"a text file named.png", []byte("hello"), "", document.NoPicture},
		{"an HTML file named.jpg", []byte("<html>\x1b[31m</html>"), "", document.NoPicture},
		{"page.pdf", []byte("%PDF-1.7"), "", document.NoPicture},
		{"page.gif", g.Bytes(), "", document.NoPicture},
		{"page.webp", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "", document.NoPicture},
		{"photo.heic", []byte("\x00\x00\x00\x18ftypheic"), "", document.NoPicture},
		{"page.docx", []byte("PK\x03\x04"), "", document.NoPicture},
		{"empty.png", nil, "", document.NoPicture},
		{"space before.png", append([]byte(" "), p...), "", document.NoPicture},
		{"only the magic.png", p[:8], "", document.Damaged},
		{"only the magic.jpg", j[:3], "", document.Damaged},
		{"the head.png", p[:33], "", document.Damaged},
		{"cut off.png", p[:len(p)/2], "", document.Damaged},
		{"cut off.jpg", j[:len(j)/2], "", document.Damaged},
		{"a bit.png", flip(p, len(p)/2), "", document.Damaged},
		{"magic of PNG before JPEG", append(bytes.Clone(p[:8]), j...), "", document.Damaged},
		{"1 by 1.png", asPNG(t, page(1, 1)), "", document.TooSmall},
		{"63 wide.png", asPNG(t, page(63, 200)), "", document.TooSmall},
		{"64 by 64.png", asPNG(t, page(64, 64)), document.PNG, ""},
		{"a bomb.png", claims(t, 1<<31-1, 1<<31-1), "", document.Damaged}, // the decoder itself refuses it
		{"a large bomb.png", claims(t, 50_000, 50_000), "", document.TooDetailed},
		{"a long bomb.png", claims(t, 64, 1<<30), "", document.TooDetailed},
		{"a true bomb.png", asPNG(t, image.NewGray(image.Rect(0, 0, 4000, 4000))), "", document.TooDetailed},
		{"other dimensions.png", claims(t, 3000, 3000), "", document.Damaged},
		{"a bomb.jpg", huge, "", document.TooDetailed},
		{"scans.jpg", append(bytes.Clone(j), bytes.Repeat(j[start:start+20], 40)...), "", document.TooDetailed},
	} {
		format, err := document.Check(c.data)
		var e *document.Error
		errors.As(err, &e)
		switch {
		case e == nil && (err != nil || c.reason != ""), e != nil && e.Reason != c.reason, format != c.format:
			t.Errorf("%s: %q, %v, want %q %q", c.file, format, err, c.format, c.reason)
		case e != nil && (e.Why == "" || e.Hint == "" || strings.ContainsFunc(text.New("en").Text(e.AsText()),
			func(r rune) bool { return !unicode.IsPrint(r) })):
			t.Errorf("%s: %q", c.file, err)
		}
	}
}

func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 1
	return out
}

// spec: A5
func FuzzCheck(f *testing.F) {
	f.Add(asPNG(f, page(64, 64)))
	f.Add(asJPEG(f, page(64, 64)))
	f.Add([]byte("\xff\xd8\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		format, err := document.Check(data)
		var e *document.Error
		if err != nil && !errors.As(err, &e) || (err == nil) != (format == document.PNG || format == document.JPEG) {
			t.Fatalf("%q, %v", format, err)
		}
	})
}
