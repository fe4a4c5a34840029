package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
	Standard                bool
	Module                  *struct{ Path, Dir string }
}

// parsed are the files of the package.
func (p *pkg) parsed(t *testing.T, fset *token.FileSet) (files []*ast.File) {
	t.Helper()
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func (p *pkg) ours() bool { return p.Module != nil && p.Module.Path == "certquay" }

// packages are all packages of the module and those they need, with the types
// they export, by import path.
var packages = sync.OnceValues(func() (map[string]*pkg, error) {
	c := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Imports,Standard,Module", "certquay/...")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &errs)
	}
	all := map[string]*pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

func everyPackage(t *testing.T) map[string]*pkg {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// arrows says which folders of the module the code of a folder may import.
// Code lives in these folders and nowhere else.
var arrows = map[string][]string{
	"":          {"cmd"},
	"model":     {"model"},
	"store":     {"model", "store"},
	"lifecycle": {"model", "lifecycle"},
	"ui":        {"model", "lifecycle", "ui"},
	"cmd":       {"model", "store", "lifecycle", "ui", "cmd"},
}

// innerArrows says the same of folders inside those: the code of such a folder may
// import itself, the folders that are listed here, and nothing else of the module.
// A name that ends with * stands for each folder there, by itself.
var innerArrows = map[string][]string{
	"store/search": {"model"},
	"store/engine": {"model"},
	"ui/style":     {"model"},
	"ui/text":      {"model", "lifecycle"},
	"ui/widget":    {"ui/style", "ui/text"},
	"ui/chart":     {"ui/style", "ui/text", "ui/widget"},
	"ui/app":       {"model", "lifecycle", "ui/style", "ui/text", "ui/widget"},
	"ui/dialog":    {"model", "lifecycle", "ui/app", "ui/chart", "ui/style", "ui/text", "ui/widget"},
	"ui/list":      {"model", "lifecycle", "ui/app", "ui/style", "ui/text", "ui/widget"},
	"ui/action":    {"model", "lifecycle", "ui/app", "ui/chart", "ui/dialog", "ui/style", "ui/text", "ui/widget"},
	"ui/page/*": {
		"model", "lifecycle", "ui/action", "ui/app", "ui/chart", "ui/dialog", "ui/list", "ui/style", "ui/text", "ui/widget",
	},

	"lifecycle/rules":     {"model", "lifecycle/names"},
	"lifecycle/ports":     {"model", "lifecycle/rules"},
	"lifecycle/ledger":    {"model", "lifecycle/rules"},
	"lifecycle/journal":   {"model", "lifecycle/rules", "lifecycle/ports"},
	"lifecycle/directory": {"model", "lifecycle/rules", "lifecycle/ports", "lifecycle/journal"},
	"lifecycle/outbox":    {"model", "lifecycle/rules", "lifecycle/ports", "lifecycle/journal", "lifecycle/directory"},
	"lifecycle/monitor": {
		"model",
		"lifecycle/rules",
		"lifecycle/ports",
		"lifecycle/journal",
		"lifecycle/directory",
		"lifecycle/outbox",
		"lifecycle/names",
		"lifecycle/bundle",
	},
	"lifecycle/issuer": {
		"model", "lifecycle/ports", "lifecycle/rules", "lifecycle/names", "lifecycle/bundle", "lifecycle/challenge",
		"lifecycle/budget", "lifecycle/runner",
	},
	"lifecycle/authority": {"model", "lifecycle/ports", "lifecycle/rules", "lifecycle/journal"},
	"lifecycle/budget":    {"model", "lifecycle/ports", "lifecycle/names", "lifecycle/rules"},
	"lifecycle/runner":    {"model", "lifecycle/listen"},
	"lifecycle/discover":  {"model", "lifecycle/ports", "lifecycle/bundle", "lifecycle/runner", "lifecycle/product/pairfiles"},
	"lifecycle/product": {
		"model", "lifecycle/ports", "lifecycle/rules", "lifecycle/names", "lifecycle/bundle", "lifecycle/listen", "lifecycle/runner",
		"lifecycle/aliyun", "lifecycle/authority", "lifecycle/window",
	},

	"cmd/out":     {"model", "store", "lifecycle", "ui/text", "cmd/session", "cmd/owner"},
	"cmd/metrics": {"model", "lifecycle"},
	"cmd/program": {"model", "cmd/session", "cmd/out"},
	"cmd/sshd":    {"model", "cmd/session", "cmd/out", "lifecycle/directory"},
	"cmd/peer":    {"model", "cmd/session", "cmd/sshd/wire"},
	"cmd/app": {
		"model", "store", "lifecycle", "ui",
		"cmd/out", "cmd/session", "cmd/owner", "cmd/config", "cmd/backup", "cmd/demo", "cmd/metrics", "cmd/program", "cmd/sshd",
		"cmd/peer",
	},
}

// forTests are folders that only tests import, and each other, with what their code
// may import besides what the arrows allow.
var forTests = map[string][]string{
	"lifecycle/lifecycletest":      {"store"},
	"ui/kittest":                   nil,
	"store/engine/postgres/pgtest": nil,
	"store/engine/etcd/etcdtest":   nil,
	"lifecycle/estatetest":         nil,
}

// standardOnly are folders whose code imports nothing from outside the module but
// the standard library.
var standardOnly = []string{"model", "store/search"}

// keepers are import paths from outside that only some folders may import.
var keepers = map[string][]string{
	"github.com/dgraph-io/": {"store/engine/badger"},
	"github.com/jackc/":     {"store/engine/postgres"},
	"google.golang.org/":    {"store/engine/etcd"}, // protowire
	"charm.land/bubbletea/": {"ui", "cmd"},
	"charm.land/bubbles/":   {"ui", "cmd"},
	"certquay/ui/page/":     {"ui"}, // by innerArrows its root alone
}

// isBelow reports whether a path is a folder or below it.
func isBelow(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// own is the part of a path that a folder of innerArrows stands for: the folder
// itself, or the one below it that the path is in. It is "" when the path is in none.
func own(path, folder string) string {
	parent, each := strings.CutSuffix(folder, "/*")
	switch rest, below := strings.CutPrefix(path, parent+"/"); {
	case !each && isBelow(path, folder):
		return folder
	case each && below:
		name, _, _ := strings.Cut(rest, "/")
		return parent + "/" + name
	}
	return ""
}

// forbiddenImport returns why a package may not import another, or "".
func forbiddenImport(from, to string, standard bool) string {
	in := strings.TrimPrefix(strings.TrimPrefix(from, "certquay"), "/")
	top, _, _ := strings.Cut(in, "/")
	allowed, known := arrows[top]
	if !known {
		return "there is no folder " + top + " in the layout"
	}
	if rest, ok := strings.CutPrefix(to, "certquay"); ok && (rest == "" || rest[0] == '/') {
		target, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		fromTests := slices.ContainsFunc(slices.Collect(maps.Keys(forTests)), func(f string) bool { return isBelow(in, f) })
		for folder, more := range forTests {
			switch {
			case isBelow(in, folder):
				allowed = append(slices.Clone(allowed), more...)
			case isBelow(to, "certquay/"+folder) && !fromTests:
				return "only tests may import it"
			}
		}
		if !slices.Contains(allowed, target) {
			return fmt.Sprintf("%q may import %q only", top, allowed)
		}
		for folder, others := range innerArrows {
			self := own(in, folder)
			allowed := append([]string{self}, others...)
			if self != "" && !slices.ContainsFunc(allowed, func(f string) bool { return isBelow(to, "certquay/"+f) }) {
				return fmt.Sprintf("%q may import %q only", self, allowed)
			}
		}
	} else {
		for _, folder := range standardOnly {
			if isBelow(in, folder) && !standard {
				return folder + " imports the standard library only"
			}
		}
	}
	for prefix, folders := range keepers {
		if strings.HasPrefix(to+"/", prefix) && !slices.ContainsFunc(folders, func(f string) bool { return isBelow(in, f) }) {
			return fmt.Sprintf("only %v may import it", folders)
		}
	}
	return ""
}

// Arrows of import: model <- store, model <- lifecycle <- ui <- cmd; inside store,
// model <- store/search <- store; inside ui, style, text <- widget <- chart, and
// widget <- app <- list, dialog <- action <- each page <- the root; inside cmd,
// out <- app <- cmd; one package knows Badger; Bubble Tea is for what draws.
func TestImportArrows(t *testing.T) {
	t.Parallel()
	all, seen := everyPackage(t), map[string]bool{}
	for _, p := range all {
		if !p.ours() {
			continue
		}
		for _, to := range p.Imports {
			if why := forbiddenImport(p.ImportPath, to, all[to] != nil && all[to].Standard); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, why)
			}
		}
		top, _, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, "certquay/"), "/")
		seen[top] = true
	}
	for _, folder := range []string{"certquay", "model", "store", "lifecycle", "ui", "cmd"} {
		if !seen[folder] {
			t.Errorf("%s has no package, so this proves nothing", folder)
		}
	}
	for folder := range forTests {
		if all["certquay/"+folder] == nil {
			t.Errorf("%s is no package, so this proves nothing", folder)
		}
	}
	for folder := range innerArrows {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(path string) bool {
			in, ours := strings.CutPrefix(path, "certquay/")
			return ours && own(in, folder) != ""
		}) {
			t.Errorf("%s has no package, so this proves nothing", folder)
		}
	}
}

// What is for developers only is not in the program that people run: neither what
// tests alone need, nor the modules of their own.
func TestTheProgramHoldsNoTools(t *testing.T) {
	t.Parallel()
	all, seen := everyPackage(t), map[string]bool{}
	var walk func(path string)
	walk = func(path string) {
		if p := all[path]; p != nil && !seen[path] {
			seen[path] = true
			for _, to := range p.Imports {
				walk(to)
			}
		}
	}
	walk("certquay")
	if !seen["certquay/lifecycle"] {
		t.Fatal("the walk did not reach the core, so this proves nothing")
	}
	needed, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"github.com/charmbracelet/x/vt", "github.com/rogpeppe/go-internal", "pgregory.net/rapid",
		"go.uber.org/goleak", "github.com/letsencrypt/pebble/v2", "github.com/letsencrypt/challtestsrv"} {
		if !bytes.Contains(needed, []byte("\t"+tool+" v")) {
			t.Errorf("%s is nowhere, so this proves nothing", tool)
		}
		for path := range seen {
			if isBelow(path, tool) {
				t.Errorf("the program imports %s", path)
			}
		}
	}
	for _, tool := range []string{"cmd/tape", "lifecycle/issuer/embedded/zlinttest", "lifecycle/issuer/acme/interoptest",
		"store/engine/etcd/embedtest"} {
		if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(tool), "go.mod")); err != nil {
			t.Errorf("%s is no module of its own: %v", tool, err)
		}
		for path := range all {
			if isBelow(path, "certquay/"+tool) {
				t.Errorf("%s is in the module of the program", path)
			}
		}
	}
}

// The check of arrows finds each arrow that the layout forbids.
func TestImportArrowsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		standard bool
		ok       bool
	}{
		{"certquay", "certquay/cmd", false, true},
		{"certquay", "certquay/store", false, false},
		{"certquay/model", "time", true, true},
		{"certquay/model", "github.com/oklog/ulid/v2", false, false},
		{"certquay/model", "certquay/store", false, false},
		{"certquay/store", "certquay/store/engine", false, true},
		{"certquay/store", "certquay/model", false, true},
		{"certquay/store", "certquay/lifecycle", false, false},
		{"certquay/store/storetest", "certquay/cmd/session", false, false},
		{"certquay/store", "certquay/store/search", false, true},
		{"certquay/store/search", "certquay/model", false, true},
		{"certquay/store/search", "slices", true, true},
		{"certquay/store/search", "certquay/store", false, false},
		{"certquay/store/search", "certquay/store/engine", false, false},
		{"certquay/store/search", "github.com/fxamacker/cbor/v2", false, false},
		{"certquay/store/searchlike", "certquay/store", false, true},
		{"certquay/store/engine/badger", "certquay/store/engine/tree", false, true},
		{"certquay/store/engine/mem", "certquay/store", false, false},
		{"certquay/store/engine", "certquay/store/search", false, false},
		{"certquay/store", "github.com/dgraph-io/badger/v4", false, false},
		{"certquay/store/engine/badger", "github.com/dgraph-io/badger/v4", false, true},
		{"certquay/store/engine/badgerlike", "github.com/dgraph-io/badger/v4", false, false},
		{"certquay/lifecycle/product/edge", "certquay/lifecycle/ports", false, true},
		{"certquay/lifecycle/product/edge", "certquay/lifecycle", false, false},
		{"certquay/lifecycle/product/edge", "certquay/store", false, false},
		{"certquay/store/engine/postgres", "github.com/jackc/pgx/v5", false, true},
		{"certquay/store/engine/mem", "github.com/jackc/pgx/v5", false, false},
		{"certquay/store/engine/builtin", "certquay/store/engine/postgres/pgtest", false, false},
		{"certquay/lifecycle", "certquay/ui", false, false},
		{"certquay/lifecycle", "charm.land/bubbletea/v2", false, false},
		{"certquay/ui/page/overview", "certquay/lifecycle", false, true},
		{"certquay/ui/page/overview", "certquay/store", false, false},
		{"certquay/ui", "certquay/cmd", false, false},
		{"certquay/ui", "certquay/ui/page/overview", false, true},
		{"certquay/ui/page/overview", "certquay/ui/action", false, true},
		{"certquay/ui/page/overview", "certquay/ui/page/overview/cards", false, true},
		{"certquay/ui/page/hosting", "certquay/ui/page/overview", false, false},
		{"certquay/ui/page/hosting", "certquay/ui", false, false},
		{"certquay/ui/app", "certquay/ui/widget", false, true},
		{"certquay/ui/app", "certquay/ui/dialog", false, false},
		{"certquay/ui/app", "certquay/ui/action", false, false},
		{"certquay/ui/app", "certquay/ui/page/overview", false, false},
		{"certquay/ui/dialog/form", "certquay/ui/app", false, true},
		{"certquay/ui/dialog/form", "certquay/ui/action", false, false},
		{"certquay/ui/action", "certquay/ui/dialog/form", false, true},
		{"certquay/ui/action", "certquay/ui/page/overview", false, false},
		{"certquay/ui/action", "certquay/ui/list", false, false},
		{"certquay/ui/list", "certquay/ui/app", false, true},
		{"certquay/ui/list", "certquay/ui/action", false, false},
		{"certquay/ui/chart", "certquay/ui/widget", false, true},
		{"certquay/ui/chart", "certquay/ui/app", false, false},
		{"certquay/ui/widget", "certquay/ui/app", false, false},
		{"certquay/ui/text", "certquay/ui/app", false, false},
		{"certquay/ui/style", "certquay/ui/widget", false, false},
		{"certquay/cmd", "certquay/ui/page/overview", false, false},
		{"certquay/ui", "charm.land/bubbletea/v2", false, true},
		{"certquay/cmd", "certquay/ui", false, true},
		{"certquay/cmd", "certquay", false, false},
		{"certquay/cmd", "certquay/cmd/out", false, true},
		{"certquay/cmd/out", "certquay/cmd/session", false, true},
		{"certquay/cmd/out", "certquay/cmd", false, false},
		{"certquay/cmd/out", "certquay/cmd/sshd", false, false},
		{"certquay/cmd/out", "certquay/cmd/config", false, false},
		{"certquay/cmd/out", "certquay/cmd/app", false, false},
		{"certquay/cmd/out", "certquay/ui", false, false},
		{"certquay/cmd/sshd", "certquay/cmd/sshd/wire", false, true},
		{"certquay/cmd/sshd", "certquay/cmd/app", false, false},
		{"certquay/cmd/sshd/wire", "certquay/cmd", false, false},
		{"certquay/cmd/program", "certquay/cmd/sshd", false, false},
		{"certquay/cmd/app", "certquay/cmd/out", false, true},
		{"certquay/cmd/app", "certquay/ui", false, true},
		{"certquay/cmd/app", "certquay/cmd", false, false},
		{"certquay/cmd/app", "certquay/cmd/attach", false, false},
		{"certquay/lifecycle/lifecycletest", "certquay/store/engine/mem", false, true},
		{"certquay/lifecycle/lifecycletest", "certquay/ui", false, false},
		{"certquay/ui/kittest", "certquay/lifecycle/lifecycletest", false, true},
		{"certquay/ui/kittest", "certquay/store", false, false},
		{"certquay/lifecycle", "certquay/lifecycle/lifecycletest", false, false},
		{"certquay/cmd", "certquay/lifecycle/lifecycletest", false, false},
		{"certquay/ui", "certquay/ui/kittest", false, false},
		{"certquay/tools", "fmt", true, false},
	} {
		if why := forbiddenImport(c.from, c.to, c.standard); (why == "") != c.ok {
			t.Errorf("%s -> %s: %q", c.from, c.to, why)
		}
	}
}

// tableFile may compare states: it is the transition table.
const tableFile = "lifecycle/rules/transitions.go"

// groupsFile may too: it defines which states are a group.
const groupsFile = "model/state.go"

// stateFinder finds where code outside the table decides by a state.
type stateFinder struct {
	fset  *token.FileSet
	info  *types.Info
	found []string
}

func isState(t types.Type) bool {
	n, ok := t.(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "certquay/model" && n.Obj().Name() == "State"
}

// constantState says whether an expression is a constant state other than "",
// which is none.
func (f *stateFinder) constantState(e ast.Expr) bool {
	tv, ok := f.info.Types[e]
	return ok && tv.Value != nil && isState(tv.Type) && tv.Value.Kind() == constant.String && constant.StringVal(tv.Value) != ""
}

// containsState reports whether an expression contains a constant state.
func (f *stateFinder) containsState(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if x, ok := n.(ast.Expr); ok && f.constantState(x) {
			yes = true
		}
		return !yes
	})
	return yes
}

// asText reports whether an expression converts a state to text.
func (f *stateFinder) asText(e ast.Expr) bool {
	c, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(c.Args) != 1 {
		return false
	}
	fun, ok := f.info.Types[c.Fun]
	arg := f.info.Types[c.Args[0]]
	return ok && fun.IsType() && arg.Type != nil && isState(arg.Type)
}

func (f *stateFinder) report(n ast.Node, what string) {
	p := f.fset.Position(n.Pos())
	f.found = append(f.found, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, what))
}

// checkFile checks one file.
func (f *stateFinder) checkFile(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			switch {
			case n.Op != token.EQL && n.Op != token.NEQ:
			case f.constantState(n.X) || f.constantState(n.Y):
				f.report(n, "compares with a state")
			case f.asText(n.X) || f.asText(n.Y):
				f.report(n, "compares a state as text")
			}
		case *ast.CaseClause:
			if slices.ContainsFunc(n.List, f.constantState) {
				f.report(n, "switches on a state")
			}
		case *ast.SwitchStmt:
			if n.Tag != nil && f.asText(n.Tag) {
				f.report(n, "switches on a state as text")
			}
		case *ast.CallExpr:
			f.call(n)
		case *ast.CompositeLit:
			f.set(n)
		}
		return true
	})
}

// call finds comparisons by slices.Contains and similar functions.
func (f *stateFinder) call(c *ast.CallExpr) {
	fun := ast.Unparen(c.Fun)
	if x, ok := fun.(*ast.IndexExpr); ok {
		fun = x.X
	}
	s, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if o := f.info.Uses[s.Sel]; o == nil || o.Pkg() == nil || o.Pkg().Path() != "slices" ||
		!strings.HasPrefix(o.Name(), "Contains") && !strings.HasPrefix(o.Name(), "Index") {
		return
	}
	if slices.ContainsFunc(c.Args, f.containsState) {
		f.report(c, "looks for a state in a list")
	}
}

// set finds sets of states. A map that gives a glyph or a word to each state is
// for showing; one that says yes or no is a decision.
func (f *stateFinder) set(l *ast.CompositeLit) {
	tv, ok := f.info.Types[l]
	if !ok {
		return
	}
	m, ok := tv.Type.Underlying().(*types.Map)
	if !ok || !isState(m.Key()) || len(l.Elts) == 0 {
		return
	}
	switch e := m.Elem().Underlying().(type) {
	case *types.Basic:
		if e.Kind() == types.Bool {
			f.report(l, "is a set of states")
		}
	case *types.Struct:
		if e.NumFields() == 0 {
			f.report(l, "is a set of states")
		}
	}
}

// find type-checks the files of a package and finds its comparisons. The table
// itself, and the definition of the groups of states, are left out.
func find(path string, fset *token.FileSet, files []*ast.File, imp types.Importer) ([]string, error) {
	f := &stateFinder{fset: fset, info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
	conf := types.Config{Importer: imp}
	if _, err := conf.Check(path, fset, files, f.info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, file := range files {
		name := filepath.ToSlash(fset.Position(file.Pos()).Filename)
		if !strings.HasSuffix(name, tableFile) && !strings.HasSuffix(name, groupsFile) {
			f.checkFile(file)
		}
	}
	return f.found, nil
}

// exportImporter returns an importer of compiled packages.
func exportImporter(all map[string]*pkg, fset *token.FileSet) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		p := all[path]
		if p == nil {
			p = all["vendor/"+path]
		}
		if p == nil || p.Export == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(p.Export)
	})
}

// Only the transition table decides by a state; everything else asks it.
// spec: 2
func TestOnlyTheTableComparesStates(t *testing.T) {
	t.Parallel()
	all := everyPackage(t)
	looked := 0
	for _, p := range all {
		if !p.ours() {
			continue
		}
		fset := token.NewFileSet()
		files := p.parsed(t, fset)
		found, err := find(p.ImportPath, fset, files, exportImporter(all, fset))
		if err != nil {
			t.Fatal(err)
		}
		looked += len(files)
		for _, at := range found {
			if rel, err := filepath.Rel(p.Module.Dir, at); err == nil {
				at = rel
			}
			t.Errorf("%s: ask the table (Check, Row) instead", at)
		}
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// The finder finds each way in which code can decide by a state, and nothing
// that only shows one.
func TestComparisonsWithStatesAreFound(t *testing.T) {
	t.Parallel()
	all := everyPackage(t)
	count := func(path, source string) int {
		t.Helper()
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "snippet.go", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		found, err := find(path, fset, []*ast.File{file}, exportImporter(all, fset))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	const outside = "package x\nimport (\"certquay/model\"; \"slices\")\nvar _ = slices.Max[[]int]\n" +
		"func f(i model.Instance, s, o model.State) any {\n%s\n}"
	for body, want := range map[string]int{
		`return s == model.Paid`:                                                                          1,
		`return model.Verifying != i.State`:                                                               1,
		`return (i.State) == (model.Issued)`:                                                              1,
		`return s == "uploaded"`:                                                                          1,
		`if s == model.Revoked || s == model.Refunded { return 1 }; return 0`:                             2,
		`switch s { case model.Closed: return 1 }; return 0`:                                              1,
		`switch s { case model.Closed, model.Paid: return 1; case o: return 2 }; return 0`:                1,
		`switch { case s == model.Paid: return 1 }; return 0`:                                             1,
		`return slices.Contains([]model.State{model.Paid, model.Closed}, s)`:                              1,
		`return slices.Contains(model.States, model.Paid)`:                                                1,
		`return slices.Index([]model.State{"issued"}, s)`:                                                 1,
		`return slices.ContainsFunc(model.States, func(s model.State) bool { return s == model.Issued })`: 2,
		`return map[model.State]bool{model.Paid: true}[s]`:                                                1,
		`return map[model.State]struct{}{model.Paid: {}}`:                                                 1,
		`return string(s) == "paid"`:                                                                      1,
		`switch string(s) { case "paid": return 1 }; return 0`:                                            1,
		`const mine = model.Paid; return s == mine`:                                                       1,
		// What only shows, counts or hands on is fine.
		`return map[model.State]string{model.Paid: "o", model.Issued: "*"}[s]`: 0,
		`return s == ""`:                                 0,
		`return s == o`:                                  0,
		`return s.Group() == model.GroupEnded`:           0,
		`return i.Origin == model.OriginUpload`:          0,
		`return model.Paid`:                              0,
		`i.State = model.Issued; return i`:               0,
		`return []model.State{model.Paid, model.Issued}`: 0,
		`return slices.Contains(model.States, s)`:        0,
		`return string(s) + "!"`:                         0,
	} {
		if n := count("certquay/x", fmt.Sprintf(outside, body)); n != want {
			t.Errorf("%s: found %d, want %d", body, n, want)
		}
	}
	const inside = "package model\ntype State string\nconst (Paid State = \"paid\"; Closed State = \"closed\")\n" +
		"func f(s State) bool {\n%s\n}"
	for body, want := range map[string]int{
		`return s == Paid`: 1,
		`switch s { case Closed: return true }; return false`: 1,
		`return map[State]string{Paid: "p"}[s] == "p"`:        0,
	} {
		if n := count("certquay/model", fmt.Sprintf(inside, body)); n != want {
			t.Errorf("in model: %s: found %d, want %d", body, n, want)
		}
	}
	// The same in the table's file is its purpose.
	fset := token.NewFileSet()
	file, err := parser.ParseFile(
		fset,
		"/any/where/"+tableFile,
		fmt.Sprintf(outside, `return s == model.Paid`),
		parser.SkipObjectResolution,
	)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := find("certquay/x", fset, []*ast.File{file}, exportImporter(all, fset)); err != nil || len(found) != 0 {
		t.Errorf("%v %v", found, err)
	}
}

// tooLong is from how many lines on a file is to be split.
const tooLong = 500

// Files stay readable: none is over 500 lines, tests apart.
func TestFilesAreNotTooLong(t *testing.T) {
	t.Parallel()
	files := 0
	ourFiles(t, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return
		}
		files++
		if n := bytes.Count(content(t, path), []byte("\n")); n > tooLong {
			t.Errorf("%s has %d lines; split it", path, n)
		}
	})
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// ourFiles calls visit for the files of the module, without nested modules.
func ourFiles(t *testing.T, visit func(path string)) {
	t.Helper()
	root := everyPackage(t)["certquay"].Module.Dir
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root:
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
		case !d.IsDir():
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVerbsAndDashboardGoThroughAnAccess finds what is asked of the engine itself
// beside running it: whoever acts is then not asked for. spec: V7
func TestVerbsAndDashboardGoThroughAnAccess(t *testing.T) {
	runs := regexp.MustCompile(`\.Engine\.(\w+)`)
	wiring := []string{"As", "Close", "Flush", "Halt", "Note", "NoteBackup", "NoteLogin", "ReopenProducts", "Start", "SyncTask"}
	verbs, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	wires, err := filepath.Glob("app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range append(verbs, wires...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range runs.FindAllStringSubmatch(string(source), -1) {
			if found++; !slices.Contains(wiring, m[1]) {
				t.Errorf("%s: Engine.%s", name, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("the engine is used %d times", found)
	}
}
