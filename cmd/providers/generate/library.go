package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/challenge/dns/catalogue"
)

// library is the source of lego.
type library struct{ dir string }

// variable is the name of a setting; other entries of lego's tables are prose.
var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// unread are settings that only lego's own loop reads: how long it waits, and how
// often it looks.
var unread = []string{"_POLLING_INTERVAL", "_PROPAGATION_TIMEOUT", "_SEQUENCE_INTERVAL"}

// secret finds the settings that are typed without being shown.
var secret = regexp.MustCompile(`KEY|TOKEN|SECRET|PASS|PWD|_PIN|AUTH|CREDENTIAL|SIGNATURE|SERVICE_ACCOUNT$`)

// open are settings that look like secrets and are none.
var open = regexp.MustCompile(
	`_(URL|PATH|FILE|ENDPOINT|METHOD|ALGORITHM|ID|NAME|TIMEOUT|USER|USERNAME|MODE|TTL|LOCATION|REGION)$|_TSIG_KEY$|IMPERSONATE`,
)

// provider reads the description of a provider and what its source says of it.
func (l library) provider(name string) (catalogue.Provider, error) {
	dir := filepath.Join(l.dir, "providers/dns", name)
	p, err := describe(filepath.Join(dir, name+".toml"))
	if err != nil {
		return p, err
	}
	if p.Name != name {
		return p, fmt.Errorf("it is named %s", p.Name)
	}
	src, err := parse(dir)
	if err != nil {
		return p, err
	}
	must := src.required()
	for n := range p.Settings {
		s := &p.Settings[n]
		s.Required = slices.Contains(must, s.Name)
		s.Secret = secret.MatchString(s.Name) && !open.MatchString(s.Name)
		s.Optional = s.Optional && !s.Required
	}
	p.Settings = append(p.Settings, untold[name]...)
	p.Sequential = src.method("Sequential") != nil
	if !strings.HasPrefix(p.URL, "http") { // a page of lego's own
		p.URL = ""
	}
	return p, nil
}

// describe reads the part of TOML that lego's descriptions use.
func describe(path string) (p catalogue.Provider, err error) {
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer func() { _ = f.Close() }()
	table, long := "", false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if long || strings.Count(line, "'''") == 1 { // prose of several lines
			long = long != (strings.Count(line, "'''") == 1)
			continue
		}
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case table == "" && key == "Code":
			p.Name, err = text(value)
		case table == "" && key == "Name":
			p.Title, err = text(value)
		case table == "" && key == "URL":
			p.URL, err = text(value)
		case table == "" && key == "Aliases":
			value, _, _ = strings.Cut(strings.TrimPrefix(value, "["), "]")
			for _, a := range strings.Split(value, ",") {
				p.Aliases = append(p.Aliases, strings.Trim(a, ` "`))
			}
		case strings.HasPrefix(table, "Configuration.") && variable.MatchString(key):
			if slices.ContainsFunc(unread, func(end string) bool { return strings.HasSuffix(key, end) }) {
				continue
			}
			s := catalogue.Setting{Name: key, Optional: table == "Configuration.Additional"}
			s.Help, err = text(value)
			p.Settings = append(p.Settings, s)
		}
		if err != nil {
			return p, fmt.Errorf("%s: %s: %w", path, line, err)
		}
	}
	return p, nil
}

// text is a TOML string in one line.
func text(value string) (string, error) {
	if q, ok := strings.CutPrefix(value, "'"); ok {
		return strings.TrimSuffix(q, "'"), nil
	}
	return strconv.Unquote(value)
}

// source is the parsed package of a provider.
type source struct {
	files  []*ast.File
	consts map[string]string
}

func parse(dir string) (*source, error) {
	src := &source{consts: map[string]string{}}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		src.files = append(src.files, f)
	}
	for range 3 { // constants are made of constants
		for _, f := range src.files {
			ast.Inspect(f, src.constant)
		}
	}
	return src, nil
}

func (src *source) constant(n ast.Node) bool {
	if spec, ok := n.(*ast.ValueSpec); ok {
		for k, name := range spec.Names {
			if k < len(spec.Values) {
				if v := src.value(spec.Values[k]); v != "" {
					src.consts[name.Name] = v
				}
			}
		}
	}
	return true
}

// value is that of a constant string, "" where it is none.
func (src *source) value(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.Ident:
		return src.consts[e.Name]
	case *ast.BinaryExpr:
		if x, y := src.value(e.X), src.value(e.Y); x != "" && y != "" {
			return x + y
		}
	}
	return ""
}

func (src *source) method(name string) *ast.FuncDecl {
	for _, f := range src.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == name {
				return fn
			}
		}
	}
	return nil
}

// required are the settings that the constructor asks for in its only call of env.Get:
// where there are several, they are ways to choose from.
func (src *source) required() []string {
	fn := src.method("NewDNSProvider")
	if fn == nil {
		return nil
	}
	var calls []*ast.CallExpr
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Get" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "env" {
					calls = append(calls, c)
				}
			}
		}
		return true
	})
	if len(calls) != 1 {
		return nil
	}
	var names []string
	for _, a := range calls[0].Args {
		if v := src.value(a); v != "" {
			names = append(names, v)
		}
	}
	return names
}

// light reports whether a provider needs no vendor's SDK.
func (l library) light(name string) (bool, error) {
	return l.lightPackage(filepath.Join("providers/dns", name), map[string]bool{})
}

func (l library) lightPackage(pkg string, seen map[string]bool) (bool, error) {
	if seen[pkg] {
		return true, nil
	}
	seen[pkg] = true
	src, err := parse(filepath.Join(l.dir, pkg))
	if err != nil {
		return false, err
	}
	for _, f := range src.files {
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return false, err
			}
			if below, ours := strings.CutPrefix(path, module+"/"); ours {
				if ok, err := l.lightPackage(below, seen); !ok || err != nil {
					return ok, err
				}
				continue
			}
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && !slices.ContainsFunc(general, func(g string) bool { return strings.HasPrefix(path, g) }) {
				return false, nil
			}
		}
	}
	return true, nil
}
