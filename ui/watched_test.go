package ui

import (
	"testing"

	"certquay/ui/kittest"
)

// spec: N3, V3
func TestWhatIsWatchedIsASubTab(t *testing.T) {
	b := kittest.Fleet(60)
	d := drive(t, b, 120, 40)
	d.keys("3", "[")
	d.sees("Watched 3", "mail.example.org:465", "unreachable", "wrong name, expired")
	d.keys("j", "V").called("CheckWatch mail.example.org:465")
	d.sees("mail.example.org:465: ok")
	d.keys("j", "enter")
	d.sees("old.example.com:443", "it is not for", `\x1b[2J`)
	d.keys("esc", "ctrl+x")
	d.sees("old.example.com:443", "NOTICE")
	d.keys("y")
	d.called("RemoveWatch 0000000C")
	d.keys("+").text("www.example.com:8443").keys("tab", "tab", "enter")
	d.feed()
	d.called("AddWatch www.example.com:8443")
	d.sees("Watched 3", "www.example.com:8443")
	d.keys("+", "tab", "tab", "enter")
	d.sees("names no host")
}
