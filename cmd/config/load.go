package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"certquay/cmd/session"
	"certquay/model"
)

// Limits of a configuration file: its size in bytes, and nesting depth or entries on
// one line. Beyond them the parser needs excessive memory and time.
const (
	maxFile  = 64 << 10
	maxDepth = 100
)

// Error is an error in a configuration file.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 if it has no position
	Field        string // such as products[1].driver
	Problem      model.Text
	Hint         model.Text
}

func (e *Error) Error() string { return e.AsText().String() }

// AsText returns position, field, problem and advice.
func (e *Error) AsText() model.Text {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	if e.Field == "" {
		return model.Texts(model.Say("config.wrong", "at", at, "problem", e.Problem), e.Hint)
	}
	return model.Texts(model.Say("config.wrong-field", "at", at, "field", e.Field, "problem", e.Problem), e.Hint)
}

// Problems returns the errors in a configuration file that an error of [Load] or
// [Parse] contains; nil if it is about something else.
func Problems(err error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return []*Error{e}
	}
	return nil
}

// Load reads a configuration file over the defaults. A missing file means the defaults.
// Errors in the file are returned as joined [*Error]s.
func Load(path string) (*Config, error) {
	f, err := session.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return nil, model.Fail("config.read", "cause", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, model.Fail("config.read", "cause", err)
	}
	return Parse(path, text)
}

// Parse is Load for a text; name is used in messages.
func Parse(name string, text []byte) (_ *Config, err error) {
	defer func() { // the parser is known to panic at some input
		if r := recover(); r != nil {
			err = &Error{File: name, Problem: model.Say("config.unreadable")}
		}
	}()
	if len(text) > maxFile {
		return nil, &Error{File: name, Problem: model.Say("config.too-large")}
	}
	if n := tooDeep(text); n > 0 {
		return nil, &Error{File: name, Line: n, Column: 1, Problem: model.Say("config.too-deep")}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntax(name, err)
	}
	c := Default()
	d := &decoder{file: name, at: map[string]ast.Node{}}
	bodies := 0
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if bodies++; bodies > 1 {
			d.fail(doc.Body, "", model.Say("config.second-document"), model.Say("config.keep-one"))
			break
		}
		d.value(doc.Body, reflect.ValueOf(c).Elem(), "")
	}
	if len(d.errs) == 0 {
		d.settings(c)
	}
	if len(d.errs) == 0 {
		c.check(d)
	}
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	c.joinDefaults()
	return c, nil
}

// tooDeep returns the first line, from 1, at which nesting could exceed maxDepth, or 0.
// It ignores quotes and comments, so it overestimates.
func tooDeep(text []byte) int {
	open, n := 0, 0
	for line := range bytes.Lines(text) {
		n++
		marks := 0
		for i, b := range line {
			switch b {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			case '-', '?', ':':
				if i+1 < len(line) && strings.IndexByte(" \t\r\n", line[i+1]) >= 0 {
					marks++
				}
			case '&', '*', '!':
				marks++
			}
		}
		indent := len(line) - len(bytes.TrimLeft(line, " \t"))
		if open > maxDepth || marks > maxDepth || indent > maxDepth {
			return n
		}
	}
	return 0
}

// syntax converts the parser's error, whose first line is "[line:column] what".
func syntax(name string, err error) error {
	e := &Error{File: name}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if n, _ := fmt.Sscanf(first, "[%d:%d]", &e.Line, &e.Column); n == 2 {
		_, first, _ = strings.Cut(first, "] ")
	}
	e.Problem = model.Say("config.no-yaml", "cause", model.Quoted("", session.Escape(first, 200)))
	return e
}

// decoder decodes a syntax tree and collects errors.
type decoder struct {
	file string
	at   map[string]ast.Node // where each field was set
	errs []error
}

// noHint is the empty hint.
var noHint model.Text

// MaxErrors is the maximum number of reported errors.
const MaxErrors = 10

func (d *decoder) fail(n ast.Node, field string, problem, hint model.Text) {
	if len(d.errs) >= MaxErrors {
		return
	}
	e := &Error{File: d.file, Field: field, Problem: problem, Hint: hint}
	if n != nil {
		if t := n.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	d.errs = append(d.errs, e)
}

// value sets v from a node. A null keeps the default.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	if t, ok := n.(*ast.TagNode); ok {
		d.fail(t, path, model.Say("config.tag"), model.Say("config.value-alone"))
		return
	}
	d.at[path] = n
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		d.fail(n, path, model.Say("config.anchor"), model.Say("config.value-itself"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		if isByName(v.Type()) {
			d.byName(n, v, path)
			return
		}
		d.list(n, v, path)
	case reflect.Interface:
		// The type depends on the driver; see settings.
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		if i, ok := n.(*ast.IntegerNode); ok && v.Type() == reflect.TypeFor[Colour]() {
			v.SetString(fmt.Sprint(i.Value))
			return
		}
		if s, ok := textOf(n); ok {
			if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				d.fail(n, path, model.Say("config.unseen"), noHint)
			}
			v.SetString(s)
			return
		}
		d.fail(n, path, model.Say("config.text"), model.Say("config.quotes"))
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		d.fail(n, path, model.Say("config.boolean"), noHint)
	case reflect.Int, reflect.Int64:
		if i, ok := n.(*ast.IntegerNode); ok {
			switch x := i.Value.(type) {
			case int64:
				v.SetInt(x)
				return
			case uint64:
				if x <= 1<<62 {
					v.SetInt(int64(x))
					return
				}
			}
		}
		d.fail(n, path, model.Say("config.number"), model.Say("config.example", "example", 398))
	default:
		panic("config: a field of kind " + v.Kind().String())
	}
}

// textOf returns the string of a node: quoted, plain or a block.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), true
	}
	return "", false
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok && v.Type() == reflect.TypeFor[KeyList]() { // a single value is a list of one
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(n, one, path)
		v.Set(reflect.Append(reflect.Zero(v.Type()), one))
		return
	}
	if !ok {
		d.fail(n, path, model.Say("config.list"), model.Say("config.example", "example", "[a, b]"))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values))
	for i, e := range s.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if _, null := e.(*ast.NullNode); null || e == nil {
			d.fail(s, at, model.Say("config.empty"), noHint)
			continue
		}
		d.value(e, out.Index(i), at)
	}
	v.Set(out)
}

// pairs calls each for the entries of a mapping.
func (d *decoder) pairs(n ast.Node, path string, each func(key string, k, v ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.fail(n, path, model.Say("config.fields"), model.Say("config.lines"))
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		key, ok := textOf(it.Key())
		switch {
		case !ok:
			d.fail(it.Key(), path, model.Say("config.key"), noHint)
		case seen[key]:
			d.fail(it.Key(), join(path, key), model.Say("config.twice"), model.Say("config.keep-one"))
		default:
			seen[key] = true
			each(key, it.Key(), it.Value())
		}
	}
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	is, isIssuer := v.Addr().Interface().(*Issuer)
	if isIssuer {
		is.prepare(n)
	}
	fields := fieldsOf(v)
	d.pairs(n, path, func(key string, k, val ast.Node) {
		f, ok := find(fields, key)
		switch {
		case ok:
			d.value(val, f.value, join(path, key))
		case isIssuer && is.Settings == nil: // check says that there is no such kind
		default:
			d.fail(k, join(path, session.Escape(key, 60)), model.Say("config.unknown"), suggest(key, fields))
		}
	})
}

// byName decodes a map into entries that know their names, in its order.
func (d *decoder) byName(n ast.Node, v reflect.Value, path string) {
	all := reflect.MakeSlice(v.Type(), 0, 0)
	d.pairs(n, path, func(key string, k, val ast.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		e.Field(0).SetString(key)
		at := join(path, session.Escape(key, 60))
		d.value(val, e, at)
		d.at[at] = k // where what is missing in the entry is reported
		all = reflect.Append(all, e)
	})
	v.Set(all)
}

// mapping adds entries to the defaults.
func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.pairs(n, path, func(key string, _, val ast.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(val, e, join(path, session.Escape(key, 60)))
		v.SetMapIndex(reflect.ValueOf(key), e)
	})
}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest returns the most similar field, or else all fields.
func suggest(key string, fields []field) model.Text {
	var all []string
	best := ""
	for _, f := range fields {
		all = append(all, f.name)
		if f.value.Kind() == reflect.Struct { // one level too high, as theme for ui.theme
			if _, ok := find(fieldsOf(f.value), key); ok && best == "" {
				best = join(f.name, key)
			}
		}
	}
	if best != "" && mostSimilar(key, all) == "" {
		return model.Say("config.meant", "name", best)
	}
	return similar(key, all)
}

// similar returns the most similar of names, or else all of them.
func similar(key string, names []string) model.Text {
	if best := mostSimilar(key, names); best != "" {
		return model.Say("config.meant", "name", best)
	}
	return model.Say("config.known", "names", names)
}

// mostSimilar returns the name that was probably meant, "" for none.
func mostSimilar(key string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		n := distance(strings.ToLower(key), name)
		if n < least || best == "" && len(key) > 1 && strings.HasPrefix(name, strings.ToLower(key)) {
			best, least = name, min(n, least)
		}
	}
	return best
}

// distance returns the Levenshtein distance of short texts.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost++
			}
			prev, row[j+1] = row[j+1], min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
