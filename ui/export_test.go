package ui

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"certquay/ui/app"
	"certquay/ui/kittest"
)

// exporting is a dashboard whose exports are kept by path.
func exporting(t *testing.T, files map[string]string, w, h int) *driver {
	t.Helper()
	return drive(t, kittest.Fleet(60), w, h, func(o *Options) {
		o.Export = func(_ context.Context, format string, rows app.Rows) ([]byte, error) {
			return fmt.Appendf(nil, "%s %d %d %d", format, len(rows.Instances), len(rows.Resources), len(rows.Watches)), nil
		}
		o.Exists = func(path string) bool { return files[path] != "" }
		o.IsDir = func(path string) bool { return path == "out" }
		o.CompletePath = func(typed string) []string { return []string{typed + "t/"} }
		o.Save = func(path string, data []byte, secret bool) (string, error) {
			if secret || strings.Contains(path, "denied") {
				return "", fs.ErrPermission
			}
			files[path] = string(data)
			return "/home/" + path, nil
		}
	})
}

// What a list shows, or what is marked of it, is exported to a file that is asked for and
// that is not replaced without a question.
// spec: Q5
func TestListsAreExported(t *testing.T) {
	files := map[string]string{}
	d := exporting(t, files, 80, 24)
	d.keys("E").sees("60 rows, all that the list shows", "CSV, for spreadsheets").fits()
	d.keys("ctrl+s").sees("wrote 60 rows to /home/certificates.csv")
	d.keys("E").choose("format", "json").fill("path", "ou").keys("tab").sees("out/").keys("backspace", "ctrl+s")
	d.sees("wrote 60 rows to /home/out/certificates.json")
	d.keys("/").
		text("www").
		keys("enter", "space", "space", "E").
		sees("2 rows, those that are marked").
		fill("path", "two.csv").
		keys("ctrl+s")
	d.keys("E").fill("path", "two.csv").keys("ctrl+s").sees("two.csv is there already").keys("n")
	d.keys("E").fill("path", "denied.csv").keys("ctrl+s").sees("denied.csv").keys("esc", "esc")
	d.keys("2", "3", "space", "E").sees("1 row, the marked one").keys("ctrl+s")
	d.keys("[", "E").sees("3 rows").keys("ctrl+s")
	for path, want := range map[string]string{
		"certificates.csv": "csv 60 0 0", "out/certificates.json": "json 60 0 0", "two.csv": "csv 2 0 0", "resources.csv": "csv 0 1 0",
		"watched.csv": "csv 0 0 3",
	} {
		if files[path] != want {
			t.Errorf("%s: %q, want %q", path, files[path], want)
		}
	}
	files["two.csv"] = "old"
	d.keys("1", "E").fill("path", "two.csv").keys("ctrl+s", "y").sees("wrote 2 rows to /home/two.csv")
	if files["two.csv"] != "csv 2 0 0" {
		t.Errorf("replaced by %q", files["two.csv"])
	}
	d.options.Export = nil
	d = exporting(t, files, 80, 24)
	d.m.ctx.Export = func(context.Context, string, app.Rows) ([]byte, error) { return nil, errors.New("broken") }
	if d.keys("E", "ctrl+s"); d.has("wrote") {
		t.Errorf("it says that it wrote:\n%s", d.screen())
	}
}

// A session without access to the person's files says which command line does it there.
// spec: Q5
func TestAnExportOverSSHIsACommandLine(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Save, o.Remote = nil, true })
	d.keys("/").text("issued !www").keys("enter").clickHead("NAME").keys("O", "E").sees("cannot write files")
	d.sees(`ssh HOST 'list --where '\''issued !www'\'' --sort name --desc --csv' > certificates.csv`).keys("y").sees("the command")
	if n := len(d.copied); n != 1 || !strings.HasPrefix(d.copied[0], "ssh HOST 'list") {
		t.Errorf("copied: %q", d.copied)
	}
	d.keys("3", "E").sees("ssh HOST 'resources --csv' > resources.csv").fits()
}
