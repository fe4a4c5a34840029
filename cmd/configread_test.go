package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"certquay/cmd/config"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/product"
	"certquay/model/setting"
	"certquay/store/engine/builtin"
	words "certquay/ui/text"
)

// configured lists the fields of a struct of the configuration and of those in
// it, each as package.Type.Field, with its name in the file.
func configured(t reflect.Type, at string, all map[string]string) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		name = strings.TrimPrefix(at+"."+name, ".")
		all[t.PkgPath()+"."+t.Name()+"."+f.Name] = name
		configured(f.Type, name, all)
	}
}

// checks are the functions that look at the configuration without doing what it
// says.
var checks = []string{"check", "Check", "checkProducts", "checkDriver", "settings", "Default"}

// readFields notes which fields the functions of a package read.
func readFields(t *testing.T, all map[string]*pkg, path string, read map[string]bool) {
	t.Helper()
	p, fset := all[path], token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: exportImporter(all, fset)}
	if _, err := conf.Check(path, fset, files, info); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok && slices.Contains(checks, f.Name.Name) {
				return false
			}
			if x, ok := n.(*ast.SelectorExpr); ok {
				if s := info.Selections[x]; s != nil && s.Kind() == types.FieldVal {
					of := value(s.Recv())
					for _, n := range s.Index()[:len(s.Index())-1] { // through embedded structs
						of = value(of.Underlying().(*types.Struct).Field(n).Type())
					}
					read[of.String()+"."+s.Obj().Name()] = true
				}
			}
			return true
		})
	}
}

// value is a type, or that to which it points.
func value(of types.Type) types.Type {
	if pointer, ok := of.(*types.Pointer); ok {
		return pointer.Elem()
	}
	return of
}

// readByName are settings that are read by their name from a declaration, whatever the kind
// is: what to ask next, and whether superseded certificates are removed.
var readByName = []string{"Settings.fallback", "Settings.remove_superseded"}

// Each field of the configuration is read by what does as it says, not by its
// check alone.
func TestEachFieldOfTheConfigurationIsRead(t *testing.T) {
	t.Parallel()
	fields, read := map[string]string{}, map[string]bool{}
	configured(reflect.TypeFor[config.Config](), "", fields)
	all := everyPackage(t)
	var packages []string
	for path := range all {
		if path == "certquay/cmd" || strings.HasPrefix(path, "certquay/cmd/") {
			packages = append(packages, path)
		}
	}
	packages = append(packages, "certquay/lifecycle/issuer", "certquay/lifecycle/product")
	for _, k := range issuer.Kinds {
		packages = append(packages, settingsPackage(k.Settings, fields)...)
	}
	for _, k := range product.Kinds {
		packages = append(packages, settingsPackage(k.Settings, fields)...)
	}
	for _, path := range packages {
		readFields(t, all, path, read)
	}
	for field, name := range fields {
		if !read[field] && !slices.Contains(readByName, name) {
			t.Errorf("%s (%s) is read by nothing", name, field)
		}
	}
	if len(fields) < 50 {
		t.Errorf("only %d fields are found", len(fields))
	}
}

// settingsPackage adds the settings of a kind to the fields, and is the package
// that declares them.
func settingsPackage(settings func() any, fields map[string]string) []string {
	if settings == nil {
		return nil
	}
	s := reflect.TypeOf(settings())
	configured(s, s.Name(), fields)
	return []string{s.PkgPath()}
}

// What is built in stands in the help with all that it can be told, and is what
// the shell completes.
func TestWhatIsBuiltInIsInTheHelp(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	help, drivers := p.must("config", "--help"), p.must("product", "drivers", "--help")
	en := words.New("en")
	explained := func(text, name string, settings func() any) {
		t.Helper()
		wanted := []string{name, config.Meaning(en, name)}
		if settings != nil {
			for _, s := range setting.Of(settings()) {
				wanted = append(wanted, s.Name+": "+config.Value(s.Default), config.Meaning(en, name, s.Name))
			}
		}
		for _, w := range wanted {
			if w == "" || !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", name, w, text)
			}
		}
	}
	if brands := strings.Split(p.must("__complete", "buy", "--brand", ""), "\n"); !slices.Contains(brands, embedded.Brand) {
		t.Errorf("%s is not completed: %v", embedded.Brand, brands)
	}
	for _, k := range issuer.Kinds {
		explained(help, k.Name, k.Settings)
	}
	for _, k := range builtin.Kinds {
		explained(help, k.Name, nil)
	}
	names := strings.Split(p.must("__complete", "product", "drivers", ""), "\n")
	list := p.must("product", "drivers")
	for _, k := range product.Kinds {
		explained(help, k.Name, k.Settings)
		explained(drivers, k.Name, k.Settings)
		if !slices.Contains(names, k.Name) {
			t.Errorf("%s is not completed: %v", k.Name, names)
		}
		if !strings.Contains(list, k.Name) || !strings.Contains(list, config.Meaning(en, k.Name)) {
			t.Errorf("%s is not in\n%s", k.Name, list)
		}
	}
}
