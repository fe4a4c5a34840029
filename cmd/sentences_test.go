package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentence is what has two words of small letters in a row.
var sentence = regexp.MustCompile(`(^|[ (])[a-z]{2,}[,;:]? [a-z]{2,}`)

// Why a sentence stands in the code and not in the message catalogue.
const (
	typed      = "a command line"
	forCode    = "told apart by code, and never shown"
	forClients = "goes to an SSH client before its language is known"
	faulty     = "a fault of the program, for who mends it"
	inLog      = "only logged"
)

// untranslated are the sentences of the code of the command line that no
// catalogue has, with the reason.
var untranslated = map[string]string{
	"contact add": typed, "company add": typed, "watch add": typed, "backup verify": typed, "product drivers": typed,
	"contact list": typed, "company list": typed, "product list": typed, "watch list": typed, "user: certquay": typed,

	"another user": forCode, "of another user": forCode, "open to other users": forCode, "not writable": forCode,
	"a read-only file system": forCode, "gone with its owner": forCode, "removed while in use": forCode,
	"no files over SSH": forCode, "no key": forCode, "unknown key": forCode, "no authorized_keys file": forCode,
	"untrusted authorized_keys file": forCode, "the owner does not answer": forCode, "nobody listens on the socket": forCode,
	"the owner is leaving": forCode, "the dashboard is to attach anew": forCode, "the connection was lost": forCode,
	"the key may not log in any more": forCode, "nobody takes what is written: %w": forCode, "exit status %d": forCode,

	"the server is stopping": forClients, "this key may not use certquay": forClients, "the connection is closed": forClients,
	"too many sessions in this connection": forClients, "authenticated twice": forClients,
	"certquay is full: too many people are connected; try again later":       forClients,
	"certquay is full for this key: too many connections have it; close one": forClients,

	"config: a field of kind ": faulty, "%T is no unix socket": faulty, "this system does not tell": faulty,
	"serve over SSH: there is no host key": faulty, "a request of %d bytes is too long": faulty, "the command line is too long": faulty,

	"the note of a crash: %w": inLog, "the note of a crash: %s is no regular file; remove it": inLog,
}

// TestNoSentenceStandsInTheVerbs wants every sentence that a person reads in the
// message catalogue. What is logged is for no person's language.
// spec: V5
func TestNoSentenceStandsInTheVerbs(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	read := func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && slices.Contains([]string{"demo", "tape", "testdata", "release"}, e.Name()) {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // tags
				return n.Tag == nil
			case *ast.KeyValueExpr: // command lines as examples of help
				k, ok := n.Key.(*ast.Ident)
				return !ok || k.Name != "Example"
			case *ast.CallExpr:
				return !logs(n)
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && sentence.MatchString(s) {
					found[s] = path
				}
			}
			return true
		})
		return nil
	}
	if err := filepath.WalkDir(".", read); err != nil {
		t.Fatal(err)
	}
	for s, path := range found {
		if untranslated[s] == "" {
			t.Errorf("%s says %q, which is in no catalogue", path, s)
		}
	}
	for s := range untranslated {
		if found[s] == "" {
			t.Errorf("nothing says %q any more", s)
		}
	}
}

// logs reports whether a call writes to the log.
func logs(c *ast.CallExpr) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error", "log"}, s.Sel.Name) {
		return false
	}
	switch in := s.X.(type) {
	case *ast.Ident:
		return in.Name == "slog" || in.Name == "log"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"log", "Log", "sparing"}, in.Sel.Name)
	}
	return false
}
