// Package where is the query language in which lists are filtered (spec Q1): in the
// dashboard after "/", in its filter panel and saved views, and by --where on the
// command line.
//
//	query      = all { "or" all }
//	all        = part { [ "and" ] part }
//	part       = "!" part | "(" query ")" | word | field ":" value | field comparison value
//	comparison = "<" | "<=" | ">" | ">="
//
// Words and values may stand in double quotes, in which a backslash makes the next
// character literal. A word is searched in names, IDs, domains, serials, tags and notes;
// one that names a state or a derived value also finds what has that. A * in the value
// of a field of names stands for any characters. Times are compared with a span from now,
// such as 14d, or with a day, month or year. Case does not matter anywhere.
//
// [Language.Parse] makes an [Expr], which evaluators walk: [Expr.Matches] decides about
// one subject, and the search table evaluates it for all rows at once. Values of this
// package are not changed once they are made, and may be shared.
package where

import (
	"slices"
	"strings"

	"certquay/model"
)

// Kind is what a node of a query is.
type Kind uint8

// Kinds of nodes.
const (
	Is  Kind = iota // a term
	Not             // Parts has one
	And             // Parts has two or more
	Or
)

// Expr is a node of a parsed query. nil is the query that everything passes.
type Expr struct {
	Kind  Kind
	Parts []*Expr
	Term  Term // of kind Is
}

// Comparison is how a term compares its field.
type Comparison string

// Comparisons. Equal is the only one of fields that are no times.
const (
	Equal        Comparison = ":"
	Before       Comparison = "<"
	BeforeOrWith Comparison = "<="
	After        Comparison = ">"
	AfterOrWith  Comparison = ">="
)

// Term is one condition of a query.
type Term struct {
	Field Field // "" for a word
	By    Comparison
	Value string // as typed
	Time  Moment // what a time is compared with

	// Names are the IDs that the value stands for: of the contacts that the value of a
	// contact or an owner names, or of the instances with open tasks. [Expr.Bind] sets
	// them.
	Names []model.ID
}

// Uses reports whether the query has a term of the field.
func (e *Expr) Uses(f Field) bool {
	found := false
	e.eachTerm(func(t *Term) { found = found || t.Field == f })
	return found
}

// eachTerm visits all terms.
func (e *Expr) eachTerm(visit func(*Term)) {
	if e == nil {
		return
	}
	if e.Kind == Is {
		visit(&e.Term)
	}
	for _, p := range e.Parts {
		p.eachTerm(visit)
	}
}

// All joins queries of which all must hold. nil ones are left out.
func All(queries ...*Expr) *Expr {
	all := &Expr{Kind: And}
	for _, q := range queries {
		if q != nil {
			all.add(q)
		}
	}
	switch len(all.Parts) {
	case 0:
		return nil
	case 1:
		return all.Parts[0]
	}
	return all
}

// add appends a part, or the parts of one of the same kind.
func (e *Expr) add(part *Expr) {
	if part.Kind == e.Kind {
		e.Parts = append(e.Parts, part.Parts...)
	} else {
		e.Parts = append(e.Parts, part)
	}
}

// needsPerson reports whether the term asks for open tasks.
func (t *Term) needsPerson() bool {
	return (t.Field == Property || t.Field == "") && model.NormalizeName(t.Value) == NeedsPerson
}

// Bind returns the query with what its terms stand for: contacts, of the names of all by
// ID, and the instances with open tasks.
func (e *Expr) Bind(contacts map[model.ID]string, waiting []model.ID) *Expr {
	if e == nil {
		return nil
	}
	bound := *e
	switch f := e.Term.Field; {
	case e.Kind == Is && e.Term.needsPerson():
		bound.Term.Names = append([]model.ID{}, waiting...)
	case f == Contact || f == Owner:
		bound.Term.Names = []model.ID{}
		for id, name := range contacts {
			if Like(e.Term.Value, name) {
				bound.Term.Names = append(bound.Term.Names, id)
			}
		}
		slices.Sort(bound.Term.Names)
	}
	bound.Parts = nil
	for _, p := range e.Parts {
		bound.Parts = append(bound.Parts, p.Bind(contacts, waiting))
	}
	return &bound
}

// Needs reports whether the query can only be answered with the names of the contacts, and
// with the open tasks; see [Expr.BindIn].
func (e *Expr) Needs() (contacts, tasks bool) {
	e.eachTerm(func(t *Term) { tasks = tasks || t.needsPerson() })
	return e.Uses(Contact) || e.Uses(Owner), tasks
}

// BindIn is [Expr.Bind] with the contacts and tasks that a reader has.
func (e *Expr) BindIn(r model.Reader) (*Expr, error) {
	contacts, tasks := e.Needs()
	if !tasks && !contacts {
		return e, nil
	}
	names := map[model.ID]string{}
	for c, err := range model.All[model.Contact](r, model.Scan{}) {
		if err != nil {
			return e, err
		}
		names[c.ID] = c.Name
	}
	var waiting []model.ID
	if tasks {
		for t, err := range model.All[model.Task](r, model.Scan{Index: "open"}) {
			if err != nil {
				return e, err
			}
			waiting = append(waiting, t.Instance)
		}
		slices.Sort(waiting)
		waiting = slices.Compact(waiting)
	}
	return e.Bind(names, waiting), nil
}

// String returns the query as it is typed, which [Language.Parse] reads as the same
// query.
func (e *Expr) String() string {
	if e == nil {
		return ""
	}
	switch e.Kind {
	case Not:
		return "!" + e.Parts[0].inside(And, Or)
	case And:
		return e.join(" ", Or)
	case Or:
		return e.join(" " + orWord + " ")
	}
	return e.Term.String()
}

// join joins the parts; those of some kinds stand in brackets.
func (e *Expr) join(by string, brackets ...Kind) string {
	parts := make([]string, len(e.Parts))
	for n, p := range e.Parts {
		parts[n] = p.inside(brackets...)
	}
	return strings.Join(parts, by)
}

func (e *Expr) inside(brackets ...Kind) string {
	for _, k := range brackets {
		if e.Kind == k {
			return "(" + e.String() + ")"
		}
	}
	return e.String()
}

// String returns the term as it is typed.
func (t *Term) String() string {
	if t.Field == "" {
		return quoteWord(t.Value)
	}
	return string(t.Field) + string(t.By) + Quote(t.Value)
}

// quoteWord quotes a word that would be read as something else.
func quoteWord(s string) string {
	if folded := strings.ToLower(s); strings.HasPrefix(s, "!") || folded == orWord || folded == andWord {
		return quoted(s)
	}
	if _, by, _ := cutField(s); by != "" {
		return quoted(s)
	}
	return Quote(s)
}

// Quote returns a value as it is typed: in quotation marks if it needs them.
func Quote(s string) string {
	if s == "" || strings.ContainsFunc(s, endsWord) {
		return quoted(s)
	}
	return s
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
