package ui

import (
	"fmt"
	"strings"
	"testing"

	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestScreens draws every screen and dialog in three sizes; nothing may wrap,
// be clipped at the edge, or leave a line short. The files are to be looked at
// by eye when they change. Each is drawn in every language; the English ones
// stand in testdata, the others in a directory of their own. spec: V2 V5
func TestScreens(t *testing.T) {
	screens := []struct {
		name  string
		fleet int
		keys  []string
	}{
		{"list", 60, nil},
		{"cards", 60, []string{"v"}},
		{"empty", 0, nil},
		{"details", 60, []string{"/", "s", "h", "o", "p", "enter", "enter"}},
		{"awaiting", 60, []string{"/", "c", "o", "r", "p", "enter", "enter"}},
		{"history", 60, []string{"/", "i", "m", "g", ".", "enter", "enter", "l", "l", "l"}},
		{"hosting", 60, []string{"2"}},
		{"hosting-details", -4, []string{"2", "enter"}},
		{"hosting-panel", -4, []string{"2", "f"}},
		{"hosting-filtered", -4, []string{"2", "f", "j", "space", "enter"}},
		{"deployments", 60, []string{"3"}},
		{"deployments-slb", 60, []string{"3", "]"}},
		{"deployments-empty", 0, []string{"3"}},
		{"deployments-watched", 60, []string{"3", "["}},
		{"deployments-watched-none", 0, []string{"3", "["}},
		{"activity", 60, []string{"4"}},
		{"event", 60, []string{"4", "enter"}},
		{"forecast", 60, []string{"5"}},
		{"forecast-empty", 0, []string{"5"}},
		{"forecast-days", 60, []string{"5", "j", "j", "enter"}},
		{"forecast-moments", 60, []string{"5", "l", "j"}},
		{"forecast-compare", 60, []string{"5", "p", "p", "p", "p", "j", "j"}},
		{"forecast-compare-theirs", 60, []string{"5", "p", "p", "p", "p", "W", "j", "j"}},
		{"forecast-sorted", 60, []string{"5", "S"}},
		{"activity-oldest", 60, []string{"4", "O"}},
		{"watched-sorted", 60, []string{"3", "[", "S"}},
		{"forecast-explain", 60, []string{"5", "p", "p", "p", "p", "j", "j", "x"}},
		{"help", 60, []string{"?"}},
		{"palette", 60, []string{":", "s", "a", "v"}},
		{"panel", 60, []string{"f"}},
		{"explain", 60, []string{"x"}},
		{"refused", 60, []string{"r"}},
		{"undo", 60, []string{"u"}},
		{"quit", 60, []string{"ctrl+c"}},
		{"marked", 60, []string{"space", "space", "space"}},
		{"buy", 60, []string{"b", "tab", "right", "tab"}},
		{"buy-confirm", 60, []string{"b", "ctrl+s"}},
		{"apply", 60, []string{"/", "n", "e", "w", "enter", "a"}},
		{"buy-hosting", 60, []string{"b", "up", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "right", "tab"}},
		{"buy-from-pack", 60, []string{"b", "tab", "tab", "tab", "tab", "right", "tab", "right"}},
		{"buy-pack", 60, []string{"b", "right"}},
		{"buy-pack-confirm", 60, []string{"b", "left", "ctrl+s"}},
		{"costs-packs", 60, []string{"$"}},
		{"costs-months", 60, []string{"$", "tab"}},
		{"costs-orders", 60, []string{"$", "left"}},
		{"apply-names", -1, []string{"/", "O", "V", "enter", "a", "b", "ü", "c", "h", "e", "r", ".", "d", "e"}},
		{"apply-csr", -1, []string{"/", "O", "V", "enter", "a", "pgdown", "right", "tab", "x", "up"}},
		{"apply-organization", -1, []string{"/", "O", "V", "enter", "a", "pgdown", "pgdown", "right"}},
		{"apply-documents", -1, []string{"/", "O", "V", "enter", "a", "pgdown", "pgdown", "pgdown", "P", "N", "G", "enter", "J", "P", "E", "G", "enter", "up"}},
		{"apply-submit", -1, []string{"/", "O", "V", "enter", "a", "pgdown", "pgdown", "pgdown", "pgdown"}},
		{"apply-like", -1, []string{"/", "O", "V", "enter", "a", "tab", "tab", "tab", "tab", "tab", "right"}},
		{"apply-like-found", -1, []string{"/", "O", "V", "enter", "a", "tab", "tab", "tab", "tab", "tab", "e", "x", "a", "right"}},
		{"apply-like-done", -1, []string{"/", "O", "V", "enter", "a", "tab", "tab", "tab", "tab", "tab", "right", "right", "enter"}},
		{"apply-packs-none", -2, []string{"/", "p", "a", "c", "k", "enter", "a", "pgdown", "pgdown"}},
		{"apply-packs", -2, []string{"/", "p", "a", "c", "k", "enter", "a", "w", ".", "d", "e", "pgdown", "pgdown", "right", "right"}},
		{"apply-packs-few", -2, []string{"/", "p", "a", "c", "k", "enter", "a", "w", ".", "d", "e", "pgdown", "pgdown", "left"}},
		{"apply-packs-buy", -2, []string{"/", "p", "a", "c", "k", "enter", "a", "w", ".", "d", "e", "pgdown", "pgdown", "left", "ctrl+b"}},
		{"apply-pasted", -3, []string{"/", "O", "V", "enter", "a", "pgdown", "pgdown", "pgdown", "a", "b", "c"}},
		{"review", 60, []string{"/", "b", "a", "n", "k", "enter", "R"}},
		{"review-save", 60, []string{"/", "b", "a", "n", "k", "enter", "R", "s"}},
		{"review-reject", 60, []string{"/", "b", "a", "n", "k", "enter", "R", "r", "ctrl+s"}},
		{"review-awaited", 60, []string{"/", "b", "a", "n", "k", "enter", "enter"}},
		{"upload-key", 60, []string{"/", "l", "e", "g", "a", "c", "y", "enter", "K"}},
		{"reissue-csr", 60, []string{"j", "j", "n", "right", "right"}},
		{"import", 60, []string{"i"}},
		{"deploy", 60, []string{"j", "d", "tab"}},
		{"save", 60, []string{"j", "s"}},
		{"reissue", 60, []string{"j", "j", "n"}},
		{"renew", 60, []string{"j", "j", "r"}},
		{"host", 60, []string{"j", "j", "m"}},
		{"host-confirm", 60, []string{"j", "j", "m", "ctrl+s"}},
		{"stop-hosting", -4, []string{"2", "m"}},
		{"auto-deploy", -4, []string{"2", "t"}},
		{"watch-add", 60, []string{"3", "[", "+"}},
		{"watch-details", 60, []string{"3", "[", "enter"}},
		{"withdraw", 60, []string{"/", "c", "o", "r", "p", "enter", "w"}},
		{"undeploy", 60, []string{"/", "s", "h", "o", "p", "enter", "D"}},
		{"undeploy-one", 60, []string{"D"}},
		{"revoke", 60, []string{"j", "j", "ctrl+k"}},
		{"revoke-wrong", 60, []string{"j", "j", "ctrl+k", "tab", "n", "o", "enter"}},
		{"close", 60, []string{"/", "n", "e", "w", "enter", "ctrl+k"}},
		{"delete", 60, []string{"/", "g", "o", "n", "e", "enter", "ctrl+x"}},
	}
	for _, lang := range text.Languages() {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
			for _, s := range screens {
				name := fmt.Sprintf("%s_%dx%d", s.name, size[0], size[1])
				if lang != "en" {
					name = lang + "/" + name
				}
				t.Run(name, func(t *testing.T) {
					b := kittest.New()
					switch {
					case s.fleet > 0 && strings.HasPrefix(s.name, "forecast"):
						b = ahead()
					case s.fleet > 0:
						b = kittest.Fleet(s.fleet)
					case s.fleet == -2:
						b = fromPack(2, 2)
					case s.fleet == -4:
						b = hostedFleet()
					case s.fleet < 0:
						b = ov()
					}
					session := func(o *Options) {
						o.Remote, o.Support, o.Lang = s.fleet == -3, support, lang
						if lang == "zh" {
							o.EdgeNote = text.New("zh").T("edge.note")
						}
					}
					d := drive(t, b, size[0], size[1], reviewer, session).keys(s.keys...)
					d.golden(name)
					if lang == "en" && size[0] == 120 { // one size of each with its colours
						d.same("colours/"+name, painted(d.m.screen(), size[0], size[1]))
						d.looks(name)
					}
				})
			}
		}
	}
}
