package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/session"
)

// spec: O3
func TestCandidatesThatMatch(t *testing.T) {
	t.Parallel()
	all := []candidate{
		{ID: "AAAA1111", Name: "shop.example.com", About: "issued"},
		{ID: "BBBB2222", Name: "two", About: "paid"},
		{ID: "CCCC3333", Name: "Two", About: "closed"},
		{ID: "DDDD4444", Name: "bad\x1b[2J", About: "issued"},
		{Name: "Ops Team", About: "a\tb"},
	}
	for typed, want := range map[string]string{
		"":                          "shop.example.com\tissued|BBBB2222\ttwo paid|CCCC3333\tTwo closed|Ops Team\ta\\x09b",
		"S":                         "shop.example.com\tissued",
		"t":                         "",
		"bb":                        "BBBB2222\ttwo paid",
		"A":                         "AAAA1111\tshop.example.com issued",
		"dddd":                      "DDDD4444\tbad\\x1b[2J issued",
		"shop.example.com.and.more": "",
	} {
		if got := strings.Join(matching(all, typed, ""), "|"); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	if got := matching(all, "s", "a,"); len(got) != 1 || got[0] != "a,shop.example.com\tissued" {
		t.Errorf("after a comma: %q", got)
	}
}

// freeText are the flags whose values no completion can know.
var freeText = strings.Fields(
	`address applicant authorized-keys channel city country domain email hosting-packs id-number limit remove-channel
	listen eab-kid http-listen tls-listen http-port tls-port persist-until preferred-chain profile resolver
	validity-hours months name organization-id phone province quantity recipient reject text version-number within
	years zip batch pause accept-host-key access-key-id certificate certificate-region chain combined endpoint
	fullchain jks pkcs12 reload resource-group show ssh test principal checkpoint admin configuration context impact origin socket
	target window http-host`,
)

// eachArgument gives fn the first argument of each verb that takes one of something that
// can be known, as its help calls it, and whether several are taken.
func eachArgument(t *testing.T, fn func(verb, arg string, several bool)) {
	seen := 0
	each(treeIn("en"), func(cmd *cobra.Command) {
		_, use, _ := strings.Cut(cmd.Use, " ")
		arg, _, _ := strings.Cut(strings.TrimLeft(use, "["), " ")
		arg, several := strings.CutSuffix(strings.TrimRight(arg, "]"), "...")
		if arg != "" && strings.ToUpper(arg) == arg && strings.Trim(arg, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && nameOf(cmd) != "rules" {
			seen++
			fn(nameOf(cmd), arg, several)
		}
	})
	if seen < 40 {
		t.Errorf("only %d verbs take an argument", seen)
	}
}

// TestEveryFlagIsCompleted wants each argument and each flag with a value to have
// completions, take files or be known as free text, and each entry of the tables to be
// used. spec: O3 finding: U19
func TestEveryFlagIsCompleted(t *testing.T) {
	t.Parallel()
	c := newInvocation(&session.Session{}, nil)
	root := newRoot(c)
	c.addCompletions(root)
	args, flags := c.argCompletions(), c.flagCompletions()
	used, verbs := map[string]bool{}, map[string]bool{}
	each(root, func(cmd *cobra.Command) {
		verbs[nameOf(cmd)] = true
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			key := "--" + f.Name
			if own := nameOf(cmd) + " --" + f.Name; flags[own] != nil {
				key = own
			}
			used[key] = true
			known := flags[key] != nil || fileFlags[f.Name] || directoryFlags[f.Name] || slices.Contains(freeText, f.Name)
			if f.NoOptDefVal == "" && !known {
				t.Errorf("%s --%s is not completed", cmd.CommandPath(), f.Name)
			}
		})
	})
	eachArgument(t, func(verb, arg string, several bool) {
		switch {
		case takesFiles[verb] || arg == "FILE" || verb == "tasks reopen", verb == "user add": // no list has what was dismissed or is new
		case args[verb] == nil:
			t.Errorf("%s: %s is not completed", verb, arg)
		case several && !repeats[verb]:
			t.Errorf("%s: only the first %s is completed", verb, arg)
		}
	})
	for key := range flags {
		if !used[key] {
			t.Errorf("no verb has %s", key)
		}
	}
	for verb := range args {
		if !verbs[verb] {
			t.Errorf("there is no verb %s", verb)
		}
	}
	for _, names := range []map[string]bool{takesFiles, endInFiles, repeats} {
		for verb := range names {
			if !verbs[verb] {
				t.Errorf("there is no verb %s", verb)
			}
		}
	}
	for _, names := range []map[string]bool{fileFlags, directoryFlags} {
		for name := range names {
			if !used["--"+name] {
				t.Errorf("no verb has --%s", name)
			}
		}
	}
}
