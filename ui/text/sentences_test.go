package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// prose is what has at least two words of which one is written small.
var prose = regexp.MustCompile(`(?:^|[ (])[a-z]{2,}\b.* |[^ ] +[(]?[a-z]{2,}`)

// silent are the files whose sentences nobody is shown as they are, with the
// reason.
var silent = map[string]string{
	"lifecycle/rules/matrix.go":         "the page of rules",
	"lifecycle/forecast/records.go":     "faults of the program",
	"lifecycle/forecast/table.go":       "faults of the program",
	"lifecycle/forecast/script.go":      "stand-ins that never fail",
	"lifecycle/runner/scripts.go":       "scripts for a shell",
	"store/engine/postgres/sql.go":      "statements for a server",
	"store/tablefile.go":                "why a file of the search table is not used, for the log",
	"store/tablesections.go":            "why a file of the search table is not used, for the log",
	"store/search/file.go":              "why a file of the search table is not used, for the log",
	"store/engine/etcd/wire/errors.go":  "errors by which a protocol tells what happened",
	"lifecycle/bundle/decode/stores.go": "what libraries say, which tell some faults only by text",
}

// unsaid are further sentences that nobody is shown.
var unsaid = map[string]string{
	"nginx: master process ": command,
	"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -addext subjectAltName=DNS:www.example.com": command,
	"--email ops@example.com": command,
	"host --stop":             command,
	"contact assign":          command,
	"revoke --version-number": command,

	"expires:%s group:issued !is:replaced":               query,
	"group:issued !is:replaced expires>=%dd expires<%dd": query,

	"%s pack":                     code,
	"key type":                    code,
	"id number":                   code,
	"company type":                code,
	"company phone":               code,
	"organization id":             code,
	"zip code":                    code,
	"certificate from pack":       code,
	"hosted renewal":              code,
	"managed hosting":             code,
	"the CA revoked it by itself": old,

	"certquay issuing CA %d %s": name,
	"certquay root CA %s":       name,
	"pack ":                     name,
	"pack available":            name,
	"pack reserved":             name,
	"pack supply":               name,
	"pack used":                 name,
	"certquay proof|%s|%s":      name,
	"remote error":              name,

	"text/plain; charset=utf-8":                         elsewhereSaid,
	"public, no-transform, must-revalidate, max-age=%d": elsewhereSaid,

	"keep what became of notice %s: %w": logged,

	"a panic was caught": logged,

	"an edge needs the name of its product and at least one region": fault,

	"certquay %s":                         name,
	"certquay backup":                     name,
	"certquay backup\n":                   name,
	"local error":                         name,
	"lifecycle: no row for action %s":     fault,
	"lifecycle: no role for action %s":    fault,
	"directory lock":                      fault,
	"badger: %s":                          logged,
	"a reviewer":                          old,
	"public institution":                  code,
	"sole proprietor":                     code,
	"no answer yet":                       code,
	"not looked at":                       code,
	"key not found":                       fault,
	"%w: key %q":                          fault,
	"the value is not the expected one":   fault,
	"no server answers":                   fault, // wrapped by what says so
	"the index %q carries no rows":        fault,
	"events can only be appended":         fault,
	"there are no records of kind %q":     fault,
	"records of type %T cannot be stored": fault,
	"a record of kind %s has no key":      fault,

	"malformed request": elsewhereSaid,
	"%s; accounturi=%s": elsewhereSaid,
	"; policy=wildcard": elsewhereSaid,
	"; persistUntil=%s": elsewhereSaid,

	"show ssl cert":                  command,
	"set ssl cert ":                  command,
	"commit ssl cert ":               command,
	"abort ssl cert ":                command,
	"# filename":                     elsewhereSaid,
	"Connection: close":              elsewhereSaid,
	"Content-Type: application/json": elsewhereSaid,
	"Cache-Control: must-revalidate": elsewhereSaid,

	"card ":           id,
	"choice ":         id,
	"contact ":        id,
	"contact email":   id,
	"contact name":    id,
	"contact phone":   id,
	"csr file":        id,
	"csr pasted":      id,
	"document pasted": id,
	"document row %s": id,
	"document sent":   id,
	"entry ":          id,
	"entry %s":        id,
	"field ":          id,
	"files pasted":    id,
	"form at":         id,
	"form step":       id,
	"help ":           id,
	"hosting packs":   id,
	"key ":            id,
	"name ":           id,
	"pane ":           id,
	"pick company":    id,
	"product ":        id,
	"step ":           id,
	"pgup pgdn":       keys,
	"enter esc tab space up down left right home end pgup pgdown backspace delete insert f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12": keys,
	"fullchain.pem, key.pem": name,
	" certquay ":             name,
	"%s:%d: no text, or one that is there already: %s": fault,

	"decode: %s":      fault,
	"too much output": fault,
}

// Why a sentence is no code.
const (
	command       = "a command line or an example"
	code          = "a code, whose words stand in the catalogue"
	query         = "a query in the language of the filter"
	name          = "no sentence"
	id            = "names a field of a form, or a part of the screen"
	keys          = "names of keys, as they stand on them"
	elsewhereSaid = "goes to others"
	logged        = "only logged"
	old           = "what stores of before messages were data hold"
	fault         = "a fault of the program or its data, for who mends it"
)

// sentences finds every text in which a person would read English, of every
// package but the verbs, which have a test of their own: literals, formats, and what is put together of them,
// with %s for the rest. What is logged is for no person.
func sentences(t *testing.T) map[string][]string {
	found := map[string][]string{}
	look := func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && slices.Contains([]string{
			"testdata",
			"producttest",
			"issuertest",
			"notifytest",
			"storetest",
			"enginetest",
			"lifecycletest",
			"estatetest",
			"kittest",
			"dnstest",
			"knottest",
			"acmetest",
			"runnertest",
			"aliyuntest",
			"nginxtest",
			"pgtest",
			"etcdtest",
			"interoptest",
		}, e.Name()) {
			return filepath.SkipDir
		}
		short := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || silent[short] != "" {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec, *ast.Field: // a field's tag
				_, field := n.(*ast.Field)
				return field && n.(*ast.Field).Tag == nil
			case *ast.CallExpr:
				return !logs(n)
			case *ast.GenDecl: // what the model has constants of is stored
				return n.Tok != token.CONST || !strings.HasPrefix(short, "model/")
			case ast.Expr:
				if s, ok := format(n); ok {
					if prose.MatchString(s) {
						found[s] = append(found[s], short)
					}
					return false
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../../lifecycle", "../../store", "../../model", "../../ui"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// logs says whether a call writes to the log.
func logs(c *ast.CallExpr) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, s.Sel.Name) {
		return false
	}
	in, ok := s.X.(*ast.SelectorExpr)
	return ok && (in.Sel.Name == "log" || in.Sel.Name == "Log" || in.Sel.Name == "Logger")
}

// format is a literal, or a sum with at least one, with %s for what is none.
func format(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		l, left := format(e.X)
		r, right := format(e.Y)
		if !left && !right {
			return "", false
		}
		if !left {
			l = "%s"
		}
		if !right {
			r = "%s"
		}
		return l + r, true
	}
	return "", false
}

// TestTheEngineSpeaksCodes wants no sentence outside the catalogue, but for those
// that no person reads there: what is said is a code with its words in the
// catalogue. The dashboard is no exception. spec: V5
func TestTheEngineSpeaksCodes(t *testing.T) {
	found := sentences(t)
	if len(found) < 20 {
		t.Errorf("only %d sentences are found, so this proves little", len(found))
	}
	for s, where := range found {
		if unsaid[s] == "" {
			t.Errorf("%s says %q, which is no code", where[0], s)
		}
	}
	for s := range unsaid {
		if found[s] == nil {
			t.Errorf("the engine does not say %q any more", s)
		}
	}
	for f := range silent {
		if _, err := os.Stat("../../" + f); err != nil {
			t.Error(err)
		}
	}
}
