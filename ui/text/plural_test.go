package text

import (
	"regexp"
	"strings"
	"testing"

	"certquay/model"
)

// counted matches a number in a text and the two words after it, which may be counted.
var counted = regexp.MustCompile(`(?:%(?:\[\d\])?d|\{[a-z]+\}) ([a-z]+)(?: ([a-z]+))?`)

// numbers are the arguments of messages that are numbers.
var numbers = regexp.MustCompile(`%|\{(?:n|of|times|events|records|keys|years|free|good|skipped|tables|roots|hosted)\}`)

// severalOnly are texts that are never said of one, with the reason.
var severalOnly = map[string]string{
	"apply.packs.some":         "one has a label of its own",
	"bundle.several-leaves":    "several",
	"buy.hosting.norefund":     "five for each",
	"challenge.http.redirects": "a limit",
	"contact.name.long":        "a limit",
	"forecast.least":           "a limit",
	"forecast.months":          "six at least",
	"forecast.most":            "a limit",
	"forecast.strip.weeks":     "two at least",
	"host.credits":             "five",
	"names.counted":            "four at least",
	"one.only":                 "two at least",
	"small":                    "a limit",
	"verb.config.more":         "a limit",
}

// TestOneIsNotSeveral wants a text of its own for one of whatever an English text counts,
// where the words differ then. finding: U30
func TestOneIsNotSeveral(t *testing.T) {
	en := texts("en")
	seen := 0
	for key, words := range en {
		if strings.HasSuffix(key, ".one") {
			continue
		}
		for _, m := range counted.FindAllStringSubmatch(words, -1) {
			if !numbers.MatchString(m[0]) || !several(m[1]) && !several(m[2]) {
				continue
			}
			seen++
			if _, ok := en[key+".one"]; !ok && severalOnly[key] == "" {
				t.Errorf("%s = %s: one is said as several", key, words)
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d texts count something", seen)
	}
	for key := range severalOnly {
		if _, ok := en[key]; !ok {
			t.Errorf("there is no text %s any more", key)
		}
	}
}

// several reports whether a word is said of several: a noun, or a verb of them.
func several(word string) bool {
	switch word {
	case "are", "have", "need", "remain", "continue", "wait", "fail", "keep", "do":
		return true
	case "is", "as", "was", "has", "less", "this", "its", "does":
		return false
	}
	return len(word) > 1 && strings.HasSuffix(word, "s")
}

// TestTheNumberChoosesTheText says the same of one and of two, with one number and with
// two in a text. finding: U30
func TestTheNumberChoosesTheText(t *testing.T) {
	en, zh := New("en"), New("zh")
	for want, got := range map[string]string{
		"1 server presents what was replaced":                  en.T("task.presents-predecessor", 1),
		"2 servers present what was replaced":                  en.T("task.presents-predecessor", 2),
		"1 event":                                              en.T("activity.count", "1"),
		"1,000 events":                                         en.T("activity.count", "1,000"),
		"3, of which 1 is hidden by the filter: a":             en.T("hidden", 1, 3, "a"),
		"共 3 个，其中 1 个被筛选条件隐藏：a":                                zh.T("hidden", 1, 3, "a"),
		"1 key destroyed":                                      en.Text(model.Say("log.keys-destroyed", "n", 1)),
		"clean: 1 record, 2 events":                            en.Text(model.Say("verb.fsck.clean", "records", 1, "events", 2)),
		"auto-deploy is on at 1 of 1 resource":                 en.Text(model.Say("explain.auto", "n", 1, "of", 1)),
		"1 certificate to upload, 0 refused, 1 file left out.": en.Text(model.Say("verb.upload.found", "good", 1, "bad", 0, "skipped", 1)),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTasksAreCounted says how many tasks of each kind there are. finding: U30
func TestTasksAreCounted(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for _, kind := range model.TaskKinds {
			for _, n := range []int{1, 2} {
				said := New(lang).T("task."+string(kind), n)
				if strings.ContainsAny(said, "{}%<") || n == 2 && !strings.Contains(said, "2") {
					t.Errorf("%d of %s are %q", n, kind, said)
				}
			}
		}
	}
}

// replaced are wordings that were found unclear, each with the texts that may keep it.
var replaced = map[string][]string{
	`(?i)not possible now`: nil, `(?i)not possible: `: nil, `\banew\b`: nil, `\bfor good\b`: nil, `\btried again\b`: nil,
	`\bis auto-deploy\b`: nil, `(?i)pale ones`: nil, `\bin all\b`: nil, `(?i)\bmend\b`: nil, `PEOPLE`: nil, `(?i)paid back`: nil,
	`\bmost [%{\d]`: {"at most", "At most"}, `(?i)\bannotate`: nil, // U31
	`(?i)\bimports?\b`: {"Import-PfxCertificate"}, `\bsaves it\b`: nil, // U24: upload, download
}

// TestUnclearWordingsAreGone looks for wordings that were replaced, and in Chinese for
// English ones. finding: U24, U31
func TestUnclearWordingsAreGone(t *testing.T) {
	for pattern, kept := range replaced {
		unclear := regexp.MustCompile(pattern)
		for _, lang := range Languages() {
			for key, words := range texts(lang) {
				said := words
				for _, k := range kept {
					said = strings.ReplaceAll(said, k, "")
				}
				if unclear.MatchString(said) {
					t.Errorf("%s: %s = %s has %s", lang, key, words, pattern)
				}
			}
		}
	}
}
