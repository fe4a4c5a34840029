// Package text holds every word that certquay says, in one message catalogue
// for each language, and the one helper that makes text from outside safe to
// draw.
package text

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"certquay/model"
)

// catalogues are read from here: a directory for each language, in which a line of a
// file is "key = text". A text that begins or ends with a blank, or has several
// lines, is written as a Go string, and goes on in further Go strings on lines of
// their own. Lines that begin with # are comments.
//
// A text of the interface has the verbs of package fmt for its arguments; the
// text of a [model.Text] has {name}, or {name:kind}, which is looked up as what
// it is; see [Catalogue.Text].
//
//go:embed words
var catalogues embed.FS

// Catalogue holds the texts of one language by key. It does not change once made
// and is safe for concurrent use.
//
// It is not go-i18n (v2.7.0), which says the 176 messages of a frame of 120x40 in
// 98 µs and 671 allocations where this takes 7 µs and 74, so that the frame, of
// 245 µs and 824 allocations, would be 37 % dearer.
type Catalogue struct {
	Lang  string
	texts map[string]string
}

// Languages lists the languages there are, sorted.
var Languages = sync.OnceValue(func() []string {
	dirs, err := catalogues.ReadDir("words")
	if err != nil {
		panic(err) // it is built in
	}
	var all []string
	for _, d := range dirs {
		all = append(all, d.Name())
	}
	return all
})

// texts reads the catalogue of a language that exists, once.
var texts = func() func(lang string) map[string]string {
	var mu sync.Mutex
	read := map[string]map[string]string{}
	return func(lang string) map[string]string {
		mu.Lock()
		defer mu.Unlock()
		if read[lang] == nil {
			t, err := load(catalogues, path.Join("words", lang))
			if err != nil {
				panic(err) // it is built in, and a test reads it
			}
			read[lang] = t
		}
		return read[lang]
	}
}()

// load reads the files of a language.
func load(dir fs.FS, lang string) (map[string]string, error) {
	files, err := fs.Glob(dir, lang+"/*.txt")
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range files {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		n, last := 0, ""
		for line := range strings.Lines(string(b)) {
			n++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			key, text, ok := strings.Cut(line, " = ")
			_, twice := all[key]
			if line[0] == '"' { // the text goes on
				key, text, ok, twice = last, line, last != "", false
			}
			if ok && strings.HasPrefix(text, `"`) {
				text, err = strconv.Unquote(text)
			}
			if !ok || twice || err != nil {
				return nil, fmt.Errorf("%s:%d: no text, or one that is there already: %s", name, n, line)
			}
			all[key], last = all[key]+text, key
		}
	}
	return all, nil
}

// New gives the catalogue of a language such as "en" or "zh-CN"; English when
// there is none.
func New(lang string) *Catalogue {
	for _, l := range []string{lang, lang[:min(2, len(lang))]} {
		if slices.Contains(Languages(), l) {
			return &Catalogue{Lang: l, texts: texts(l)}
		}
	}
	return &Catalogue{Lang: "en", texts: texts("en")}
}

// FromAcceptLanguage gives the catalogue of the first language of an Accept-Language header
// (RFC 9110 section 12.5.4) that there is; English when there is none.
func FromAcceptLanguage(header string) *Catalogue {
	for one := range strings.SplitSeq(header, ",") {
		lang, _, _ := strings.Cut(strings.TrimSpace(one), ";")
		if c := New(lang); strings.HasPrefix(lang, c.Lang) {
			return c
		}
	}
	return New("en")
}

// text is a text as it stands in the catalogue, or else in English.
func (c *Catalogue) text(key string) (string, bool) {
	t, ok := c.texts[key]
	if !ok && c.Lang != "en" {
		t, ok = texts("en")[key]
	}
	return t, ok
}

// T is the text of a key with its arguments filled in. Arguments that are text
// are made safe by [Clean], so nothing from outside reaches the screen raw, and
// errors are said in this language. A key that is missing shows as itself in
// angle brackets.
func (c *Catalogue) T(key string, args ...any) string {
	t, ok := c.text(key)
	if !ok {
		return "<" + key + ">"
	}
	if len(args) == 0 {
		return t
	}
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case string:
			safe[i] = Clean(v)
		case error:
			safe[i] = c.Text(model.TextOf(v))
		case fmt.Stringer:
			safe[i] = Clean(v.String())
		default:
			safe[i] = a
		}
	}
	return fmt.Sprintf(t, safe...)
}

// Has says whether the catalogue itself, not its fallback, holds a key.
func (c *Catalogue) Has(key string) bool { _, ok := c.texts[key]; return ok }

// Lookup is the text of a key, or the other text when there is no such key.
func (c *Catalogue) Lookup(key, other string) string {
	if t, ok := c.texts[key]; ok {
		return t
	}
	return Clean(other)
}

// Keys lists the keys of the catalogue, sorted.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.texts)) }
