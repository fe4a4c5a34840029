package ui

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeHoldsTheKeys keeps the generated key table in the README; UPDATE=1
// writes it.
func TestReadmeHoldsTheKeys(t *testing.T) {
	const begin, end = "<!-- keys: generated -->\n", "<!-- keys: end -->"
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	from, to := strings.Index(readme, begin), strings.Index(readme, end)
	if from < 0 || to < from {
		t.Fatal("the README has no place for the keys")
	}
	want := KeyTable()
	if readme[from+len(begin):to] == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("the keys in the README are not those of the dashboard; write them with: UPDATE=1 go test ./ui -run Readme")
	}
	if err := os.WriteFile("../README.md", []byte(readme[:from+len(begin)]+want+readme[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
