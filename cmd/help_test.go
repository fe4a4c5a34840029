package cmd

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/product"
	"certquay/store/engine/builtin"
	"certquay/ui/text"
)

// treeIn is the tree of verbs with their help in a language.
func treeIn(lang string) *cobra.Command {
	root := newRoot(newInvocation(&session.Session{Lang: lang}, nil))
	setHelp(text.New(lang), root)
	return root
}

// each gives every verb of a tree to fn.
func each(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, fn)
	}
}

// TestEveryVerbAndFlagHasHelp wants words for every verb and every flag in each
// language, and a verb or flag for all words of help.
// spec: V5
func TestEveryVerbAndFlagHasHelp(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, lang := range text.Languages() {
		words := text.New(lang)
		each(treeIn(lang), func(cmd *cobra.Command) {
			used[helpCode(cmd, "short")], used[helpCode(cmd, "long")], used[helpCode(cmd, "use")] = true, true, true
			shown := map[string]string{"short": cmd.Short, "help": helpText(words, cmd)}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				used[helpCode(cmd, "--"+f.Name)], used["help.--"+f.Name] = true, true
				shown["--"+f.Name] = f.Usage
			})
			for what, s := range shown {
				if s == "" || strings.Contains(s, "<help.") || strings.Contains(s, "%!") || strings.Contains(s, "%s") {
					t.Errorf("%s: %s of %s is %q", lang, what, cmd.CommandPath(), s)
				}
			}
		})
	}
	for _, file := range []string{"help.go", "drivers.go", "root.go", "man.go"} { // what is around them
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(help\.[a-z.-]+)"`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
	}
	b, err := os.ReadFile("../ui/text/words/en/help.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		key, _, ok := strings.Cut(line, " = ")
		if ok && strings.HasPrefix(key, "help.") && !strings.HasPrefix(key, "help.type.") && !used[key] {
			t.Errorf("no verb or flag has %s", key)
		}
	}
}

// TestHelpIsOfTheVerb asks every verb for its help, with the flag and with the verb help: it
// is that of the verb, and an unknown one is wrong usage. finding: U19
func TestHelpIsOfTheVerb(t *testing.T) {
	t.Parallel()
	ask := func(line string) (code int, said, wrong string) {
		var stdout, stderr strings.Builder
		s := &session.Session{Out: &stdout, Err: &stderr, Lang: "en"}
		code = run(t.Context(), newInvocation(s, nil), strings.Fields(line))
		return code, stdout.String(), stderr.String()
	}
	verbs := 0
	each(treeIn("en"), func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		verbs++
		path := nameOf(cmd)
		for _, line := range []string{path + " --help", "--help " + path, "help " + path} {
			code, said, wrong := ask(line)
			about := cmd.Long
			if about == "" {
				about = cmd.Short
			}
			if code != out.ExitOK || wrong != "" || !strings.HasPrefix(said, about+"\n") ||
				!strings.Contains(said, "\n  "+cmd.CommandPath()) {
				t.Errorf("%s: exit %d, %q, %s", line, code, wrong, said)
			}
		}
	})
	if verbs < 70 {
		t.Errorf("only %d verbs", verbs)
	}
	for line, near := range map[string]string{
		"undo --help": "withdraw, undeploy, auto-deploy or host", "help undo": "withdraw", "annotate -h": "tag, owner or note",
		"lst --help": "list", "contact ad --help": "add", "expiring": "list --expiring", "leaked": "rekey or revoke", "trust": "ca root",
	} {
		if code, said, wrong := ask(line); code != out.ExitUsage || said != "" || !strings.Contains(wrong, near) {
			t.Errorf("%s: exit %d, %q, %q", line, code, said, wrong)
		}
	}
}

// TestBuiltInHasWords wants a description of everything that is built in, and of
// its settings, in every language.
// spec: V5
func TestBuiltInHasWords(t *testing.T) {
	t.Parallel()
	var want []string
	add := func(name string, settings func() any) {
		want = append(want, "built-in."+name)
		for _, s := range settingsOf(settings) {
			want = append(want, "built-in."+name+"."+s.Name)
		}
	}
	for _, k := range issuer.Kinds {
		add(k.Name, k.Settings)
	}
	for _, k := range product.Kinds {
		add(k.Name, k.Settings)
	}
	for _, k := range builtin.Kinds {
		add(k.Name, nil)
	}
	for _, lang := range text.Languages() {
		words, n := text.New(lang), 0
		for _, key := range want {
			if !words.Has(key) {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		for _, key := range words.Keys() {
			if strings.HasPrefix(key, "built-in.") {
				n++
			}
		}
		if n != len(want) {
			t.Errorf("%s describes %d things and settings, and %d are built in", lang, n, len(want))
		}
	}
}

// TestCommandLinesAreJudgedByCode gives command lines that are wrong in every way
// that cobra and pflag know: each is wrong usage by a code of our own.
func TestCommandLinesAreJudgedByCode(t *testing.T) {
	t.Parallel()
	for line, code := range map[string]string{
		"frobnicate":                    "usage.unknown-verb",
		"watch frobnicate":              "usage.unknown-verb",
		"ca frobnicate":                 "usage.unknown-verb",
		"completion frobnicate":         "usage.unknown-verb",
		"completion bash x":             "usage.only-flags",
		"list x":                        "usage.only-flags",
		"list --frobnicate":             "usage.unknown-flag",
		"list -x":                       "usage.unknown-flag",
		"renew --all":                   "usage.all",
		"list --all":                    "usage.all",
		"buy --all":                     "usage.unknown-flag",
		"list -yx":                      "usage.unknown-flag",
		"list --limit":                  "usage.no-value",
		"list --limit many":             "usage.bad-number",
		"list --json=perhaps":           "usage.bad-number",
		"revoke x --version-number a":   "usage.bad-number",
		"list --lang fr":                "usage.bad-value",
		"list --=x":                     "usage.bad-flag",
		"show":                          "usage.one",
		"show a b":                      "usage.one",
		"clock a b":                     "usage.at-most-one",
		"product drivers a b":           "usage.at-most-one",
		"upload":                        "usage.no-files",
		"upload-key a":                  "usage.upload-key",
		"auto-deploy a perhaps":         "usage.auto-deploy",
		"balance --by-order --by-month": "usage.exclusive",
		"reissue a --new-key --csr b":   "usage.exclusive",
		"restore a --identity b --passphrase-file c": "usage.exclusive",
	} {
		_, err := parse(newInvocation(&session.Session{}, nil), strings.Fields(line))
		var wrong *out.UsageError
		if !errors.As(err, &wrong) || wrong.What.Code() != code {
			t.Errorf("%s: %v, want %s", line, err, code)
		} else if out.ExitCode(err) != out.ExitUsage || wrong.Hint == "" {
			t.Errorf("%s: exit %d, hint %v", line, out.ExitCode(err), wrong.Hint)
		}
	}
	each(treeIn("en"), func(cmd *cobra.Command) {
		for n := range 6 {
			err := cmd.ValidateArgs(strings.Fields("a b c d e f")[:n])
			if wrong := (*out.UsageError)(nil); err != nil && !errors.As(err, &wrong) {
				t.Errorf("%s with %d words: %v", cmd.CommandPath(), n, err)
			}
		}
	})
}

// TestLanguageOfACommandLine finds the language before the rest is understood.
// spec: V5
func TestLanguageOfACommandLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"list": "", "--lang zh list": "zh", "list --lang=zh": "zh", "list --frobnicate --lang zh": "zh", "--help --lang zh": "zh",
		"-h --lang zh": "zh", "list --limit x --lang zh": "zh", "list --lang fr": "", "list --lang zh --lang en": "en",
		"__complete --lang zh watch ": "zh", "list -- --lang zh": "", "list -y --lang zh": "zh", "list --lang": "",
	} {
		if got := languageOf(strings.Split(line, " ")); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
