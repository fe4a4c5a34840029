package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// edits are what a person does to a line of text, and what stands there then,
// with the cursor before the bar.
var edits = []struct {
	keys, paste, want string
}{
	{"ctrl+u o n e space t w o", "", "one two|"},
	{"home x", "", "x|one two"},
	{"right delete", "", "xo|e two"},
	{"end z left y", "", "xoe twoy|z"},
	{"alt+b", "证书 管理", "xoe 证书 管理|twoyz"},
	{"left left backspace", "", "xoe 证书|管理twoyz"},
	{"left delete", "", "xoe 证|管理twoyz"},
	{"ctrl+right a ctrl+left b", "", "xoe b|证管理twoyza"},
	{"alt+right alt+left left left alt+f c", "", "xoec| b证管理twoyza"},
	{"end alt+b ctrl+w d", "", "d|b证管理twoyza"},
	{"right right ctrl+k", "\r\n中\t文\x1b\u202e ", "db证中 文|"},
	{"home right ctrl+u", "", "|b证中 文"},
	{"home ctrl+k", "", "|"},
}

// TestTextIsEditedAnywhere edits the text of every kind of field at its start,
// in its middle and at its end, in letters and in wide characters, and finds it
// as it was left and the cursor where it is, in the words for
// a screen reader too.
// spec: V2
func TestTextIsEditedAnywhere(t *testing.T) {
	fleet := func() *kittest.World { return kittest.Fleet(60) }
	for _, field := range []struct {
		name, keys string
		backend    func() *kittest.World
	}{
		{"filter of the overview", "/", fleet},
		{"filter of managed hosting", "2 /", fleet},
		{"filter of the deployments", "3 /", fleet},
		{"filter of what is watched", "3 [ /", fleet},
		{"filter of the activity", "4 /", fleet},
		{"palette", ":", fleet},
		{"form", "3 [ +", fleet},
		{"typed confirmation", "/ i m g . enter ctrl+k tab", fleet},
		{"field that finds", "/ O V enter a tab tab tab tab tab", ov},
	} {
		for _, plain := range []bool{false, true} {
			d := drive(t, field.backend(), 80, 24, reviewer, func(o *Options) { o.Plain = plain })
			d.keys(strings.Fields(field.keys)...)
			for _, e := range edits {
				d.keys(strings.Fields(e.keys)...)
				if e.paste != "" {
					d.paste(e.paste)
				}
				left, right, _ := strings.Cut(e.want, "|")
				if plain {
					d.cursorAfter(field.name+": "+e.keys, left, right)
					continue
				}
				if !strings.Contains(d.screen(), left+right) {
					t.Fatalf("%s: after %s, %q is not on the screen:\n%s", field.name, e.keys, e.want, d.screen())
				}
				d.fits()
				if right != "" {
					r := string([]rune(right)[:1])
					drawn := d.m.screen()
					if top := d.m.top(); top != nil { // before it is laid over the page
						drawn = top.View().GetContent()
					}
					if at := left + d.m.ctx.Styles.Paint(style.Brand, r); !strings.Contains(drawn, at) {
						t.Fatalf("%s: after %s, the cursor is not on %q of %q", field.name, e.keys, r, e.want)
					}
				}
			}
		}
	}
}

// cursorAfter checks that the terminal's cursor stands between two texts.
func (d *driver) cursorAfter(what, left, right string) {
	d.t.Helper()
	v := d.m.View()
	line := strings.Split(v.Content, "\n")[v.Cursor.Y]
	for n := range line + " " {
		if widget.Width(line[:n]) == v.Cursor.X && strings.HasSuffix(line[:n], left) && strings.HasPrefix(line[n:],
			strings.TrimRight(right, " ")) {
			return
		}
	}
	d.t.Fatalf("%s: the cursor is in cell %d of %q, not between %q and %q", what, v.Cursor.X, line, left, right)
}

// TestPastedTextIsEdited edits pasted text line by line, over SSH: what may be
// of a private key is dots throughout, and what is sent is what was made of it.
// spec: V2 I3
func TestPastedTextIsEdited(t *testing.T) {
	for _, plain := range []bool{false, true} {
		d := drive(t, kittest.New(), 80, 24, func(o *Options) { o.Remote, o.Plain = true, plain })
		d.keys("i")
		d.paste("-----BEGIN CERTIFICATE-----\r\nMIIBAAbbCC\r\n-----END CERTIFICATE-----\r\n")
		d.keys("up", "up", "end", "left", "left", "backspace", "backspace", "home", "right").text("x").keys("end").text("y")
		d.sees("MxIIBAACCy")
		d.paste("\r证书\r")
		d.keys("backspace", "up", "end")
		d.sees("证书")
		d.keys("backspace", "backspace", "backspace")
		secret := "-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n"
		d.paste(secret + secret) // the first one begins within a line of a certificate
		for range 6 {
			d.keys("up")
			if d.has("SECRET") {
				t.Fatalf("a pasted key is on the screen:\n%s", d.screen())
			}
		}
		d.sees("-----BEGIN PRIVATE KEY-----")
		d.keys("ctrl+u").sees("a private key is never shown")
		d.paste(secret)
		d.keys("left", "left", "left").text("X")
		if d.has("RETX") || d.has("SECX") {
			t.Fatalf("a pasted key is on the screen:\n%s", d.screen())
		}
		d.sees(strings.Repeat("•", 10))
		d.keys("ctrl+u")
		d.paste("-----BEGIN CERTIFICATE-----\n" + strings.Repeat("M", 79) + strings.Repeat("证", 100))
		if d.keys("left"); plain {
			d.spoken()
			d.cursorAfter("a long line", "证", "证")
		} else {
			d.fits()
		}
		d.keys("ctrl+u")
		d.paste(strings.Repeat("A", 1_000_000)) // held as it was pasted
		d.keys("a").sees("bytes: 1,000,001").keys("backspace").sees("a private key is never shown")
	}
}
