package cmd

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"certquay/cmd/session"
)

// TestCommandsOfTheReadmeParse parses each command line of the README that starts
// certquay, as it would be read from a shell.
func TestCommandsOfTheReadmeParse(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    certquay (.+)$`).FindAllStringSubmatch(string(page), -1)
	for _, l := range lines {
		command, _, _ := strings.Cut(l[1], " | ")
		words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1)
		for n := range words {
			words[n] = strings.Trim(words[n], "'")
		}
		if _, err := parse(newInvocation(&session.Session{}, nil), words); err != nil {
			t.Errorf("certquay %s: %v", command, err)
		}
	}
	if len(lines) < 20 {
		t.Errorf("only %d commands were found", len(lines))
	}
}
