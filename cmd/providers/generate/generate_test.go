package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGeneratedFilesAreCurrent wants "go generate ./cmd/providers" after lego changed.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Errorf("%d files", len(files))
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join("../../..", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what lego's source gives: run go generate ./cmd/providers (%v)", name, err)
		}
	}
}

// TestOnlyMainImportsTheProviders keeps them out of what tests compile.
func TestOnlyMainImportsTheProviders(t *testing.T) {
	out, err := output("go", "list", "-f", "{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}", "certquay/...")
	if err != nil {
		t.Fatal(err)
	}
	lego := regexp.MustCompile(`lego/v5/providers/|certquay/cmd/providers[\] ]`)
	found := 0
	for line := range strings.Lines(out) {
		name, imports, _ := strings.Cut(line, " ")
		if !lego.MatchString(imports) {
			continue
		}
		found++
		if name != "certquay" && name != "certquay/cmd/providers" {
			t.Errorf("%s imports providers", name)
		}
	}
	if found != 2 {
		t.Errorf("%d packages import providers: this test looks wrongly", found)
	}
}
