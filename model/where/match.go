package where

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/model"
)

// Moment is what a time is compared with: a span from now, or else the period from
// From to To, which is a day, a month or a year.
type Moment struct {
	Span     time.Duration
	From, To time.Time // zero for a span
}

var (
	spans = regexp.MustCompile(`^[+-]?[0-9]{1,6}[hdwy]$`)
	units = map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}
)

// maxSpan is the longest span, which is within what a [time.Duration] holds.
const maxSpan = 280 * 365 * 24 * time.Hour

// setTime reads the value of a time, or returns what is wrong with it.
func (t *Term) setTime() model.Text {
	t.Value = strings.ToLower(t.Value)
	wrong := model.Say("query.time", "field", t.Field, "value", t.Value)
	if spans.MatchString(t.Value) {
		last := len(t.Value) - 1
		n, err := strconv.Atoi(t.Value[:last])
		unit := units[t.Value[last]]
		if err != nil || time.Duration(max(n, -n)) > maxSpan/unit {
			return wrong
		}
		if t.By == Equal {
			return model.Say("query.compare", "field", t.Field, "value", t.Value)
		}
		t.Time.Span = time.Duration(n) * unit
		return ""
	}
	for layout, step := range map[string][3]int{time.DateOnly: {0, 0, 1}, "2006-01": {0, 1, 0}, "2006": {1, 0, 0}} {
		if from, err := time.Parse(layout, t.Value); err == nil {
			t.Time = Moment{From: from, To: from.AddDate(step[0], step[1], step[2])}
			return ""
		}
	}
	return wrong
}

// mayBecomeTime reports whether the value begins a time that the term can be compared
// with.
func (t *Term) mayBecomeTime() bool {
	ends := []string{"d", "1d"}
	for _, day := range []string{"2000-01-01", "2000-10-10"} { // every digit that may follow is in one of them
		ends = append(ends, day[min(len(t.Value), len(day)):])
	}
	return slices.ContainsFunc(ends, func(end string) bool {
		whole := Term{Field: t.Field, By: t.By, Value: t.Value + end}
		return whole.setTime() == ""
	})
}

// Between returns the seconds since 1970, from the first up to but without the second,
// that the times which match lie in.
func (t *Term) Between(now time.Time) (from, to int64) {
	at := now.Add(t.Time.Span)
	if t.Field.isPast() {
		at = now.Add(-t.Time.Span)
	}
	first, past := at.Unix(), at.Unix()+1
	if !t.Time.From.IsZero() {
		first, past = t.Time.From.Unix(), t.Time.To.Unix()
	}
	by := t.By
	if t.Field.isPast() && t.Time.From.IsZero() { // the longer ago, the earlier
		by = map[Comparison]Comparison{Before: After, BeforeOrWith: AfterOrWith, After: Before, AfterOrWith: BeforeOrWith}[by]
	}
	switch by {
	case Before:
		return math.MinInt64, first
	case BeforeOrWith:
		return math.MinInt64, past
	case After:
		return past, math.MaxInt64
	case AfterOrWith:
		return first, math.MaxInt64
	}
	return first, past
}

// Like reports whether a name is as a pattern says, ignoring case: a * in the pattern
// stands for any characters, also none.
func Like(pattern, name string) bool {
	pattern, name = model.NormalizeName(pattern), model.NormalizeName(name)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(name, p)
		if !found {
			return false
		}
		name = rest
	}
	return strings.HasSuffix(name, last)
}

// LikeResource is [Like] for the name of a resource, whose port may be left out.
func LikeResource(pattern, name string) bool {
	host, _, hasPort := cutLast(name, ":")
	return Like(pattern, name) || hasPort && Like(pattern, host)
}

// LikeKey is [Like] for a type of key, whose size may be left out.
func LikeKey(pattern, key string) bool {
	family, _, sized := strings.Cut(key, "-")
	return Like(pattern, key) || sized && Like(pattern, family)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if n := strings.LastIndex(s, sep); n >= 0 {
		return s[:n], s[n+len(sep):], true
	}
	return s, "", false
}

// MinDigits is how many hexadecimal digits a word must have to be searched in serials:
// shorter ones would be found in any.
const MinDigits = 4

// Subject is what [Expr.Matches] decides about: an instance, or a resource with the
// instance it is meant to present, which may be nil.
type Subject struct {
	Instance *model.Instance
	Resource *model.Resource
	State    model.ResourceState
}

// Matches reports whether the subject passes the query at a time. A query with contacts,
// owners or tasks must have been bound.
func (e *Expr) Matches(s *Subject, now time.Time) bool {
	if e == nil {
		return true
	}
	var row model.InstanceRow
	if s.Instance != nil {
		row = s.Instance.Row()
	}
	return e.eval(func(t *Term) bool { return t.matches(s, &row, now) })
}

func (e *Expr) eval(term func(*Term) bool) bool {
	holds := func(p *Expr) bool { return p.eval(term) }
	switch e.Kind {
	case Not:
		return !e.Parts[0].eval(term)
	case Or:
		return slices.ContainsFunc(e.Parts, holds)
	case And:
		return !slices.ContainsFunc(e.Parts, func(p *Expr) bool { return !holds(p) })
	}
	return term(&e.Term)
}

func (t *Term) matches(s *Subject, row *model.InstanceRow, now time.Time) bool {
	if s.Resource != nil && (t.Field == "" || t.Field == State || t.Field == Property) {
		if holds, known := t.ofResource(s); known {
			return holds || t.Field == "" && t.inTexts(s)
		}
	}
	switch {
	case t.Field == "":
		return t.inTexts(s) || s.Instance != nil && t.IsProperty(row, now)
	case t.Field == Expires && s.Resource != nil:
		return t.includes(s.Resource.NotAfter, now)
	case t.Field == Drifted:
		return s.Resource != nil && t.includes(s.Resource.DriftSince, now)
	case t.Field == Configured:
		return s.Resource != nil && s.Resource.Configured != "" && Like(t.Value+"*", s.Resource.Configured)
	case t.Field == Product && s.Resource != nil:
		return Like(t.Value, s.Resource.Product)
	case t.Field == Region && s.Resource != nil:
		return Like(t.Value, s.Resource.Region)
	case t.Field == On && s.Resource != nil:
		return LikeResource(t.Value, s.Resource.Name)
	case s.Instance == nil:
		return false
	}
	return t.matchesInstance(s.Instance, row, now)
}

// ofResource reports whether the resource has the state that the value names, or
// auto-deploy; known is false for what only its instance can have.
func (t *Term) ofResource(s *Subject) (holds, known bool) {
	value := model.NormalizeName(t.Value)
	if value == string(model.AutoDeploy) {
		return s.Resource.AutoDeploy, true
	}
	return value == string(s.State), slices.Contains(model.ResourceStates, model.ResourceState(value))
}

func (t *Term) matchesInstance(i *model.Instance, row *model.InstanceRow, now time.Time) bool {
	d := &i.Deployments
	switch t.Field {
	case Tag:
		return slices.ContainsFunc(i.Tags, func(tag string) bool { return Like(t.Value, tag) })
	case Contact:
		return slices.Contains(t.Names, i.Contact)
	case Owner:
		return slices.Contains(t.Names, i.Owner)
	case Product:
		return slices.ContainsFunc(d.Products, func(p string) bool { return Like(t.Value, p) })
	case Region:
		return slices.ContainsFunc(d.Regions, func(r string) bool { return Like(t.Value, r) })
	case On:
		return slices.ContainsFunc(d.Names, func(n string) bool { return LikeResource(t.Value, n) })
	case Key:
		return LikeKey(t.Value, i.CurrentKeyType())
	case Expires:
		return row.State.Group() == model.GroupIssued && t.includes(row.NotAfter, now)
	case Issued:
		return t.includes(row.NotBefore, now)
	case Renews:
		return t.includes(row.Due, now)
	}
	return t.MatchesRow(row, now)
}

// includes reports whether a time lies in what the term asks for.
func (t *Term) includes(at, now time.Time) bool {
	from, to := t.Between(now)
	return !at.IsZero() && at.Unix() >= from && at.Unix() < to
}

// MatchesRow decides a term about what many rows share: state, group, issuer, level,
// origin and properties.
func (t *Term) MatchesRow(r *model.InstanceRow, now time.Time) bool {
	switch t.Field {
	case State:
		return r.State.Is(t.Value, false)
	case Group:
		return string(r.State.Group()) == t.Value
	case Issuer:
		return Like(t.Value, r.Spec.Brand)
	case Level:
		return string(r.Spec.Level) == t.Value
	case Origin:
		return string(r.Origin) == t.Value
	case Property:
		return t.IsProperty(r, now)
	}
	return false
}

// IsProperty reports whether the value of the term is a state, a derived value or another
// property that a row has. What was revoked and then paid back counts as revoked.
func (t *Term) IsProperty(r *model.InstanceRow, now time.Time) bool {
	value := model.NormalizeName(t.Value)
	switch {
	case r.State.Is(value, !r.NotAfter.IsZero()):
		return true
	case value == NeedsPerson:
		_, waits := slices.BinarySearch(t.Names, r.ID)
		return waits
	case value == NoRenewals:
		return RenewalsUsedUp(r)
	}
	d := model.Derived(value)
	return slices.Contains(model.DerivedValues, d) && r.Has(d, now)
}

// RenewalsUsedUp reports whether a row is hosted without renewals left ([NoRenewals]).
func RenewalsUsedUp(r *model.InstanceRow) bool {
	return r.Has(model.Hosted, time.Time{}) && r.RenewalsLeft == 0
}

// inTexts reports whether a word stands in one of the texts of the subject.
func (t *Term) inTexts(s *Subject) bool {
	if r := s.Resource; r != nil && (contains(r.Place(), t.Value) || NamesID(t.Value, r.ID)) {
		return true
	}
	return s.Instance != nil && Contains(s.Instance, t.Value)
}

func contains(text, word string) bool {
	return strings.Contains(model.NormalizeName(text), model.NormalizeName(word))
}

// Contains reports whether a word stands in the name, domains, tags, note, serials or ID
// of an instance.
func Contains(i *model.Instance, word string) bool {
	has := func(text string) bool { return contains(text, word) }
	if has(i.Name) || has(i.Note) || NamesID(word, i.ID) || slices.ContainsFunc(i.Domains(), has) || slices.ContainsFunc(i.Tags, has) {
		return true
	}
	return slices.ContainsFunc(i.Versions, func(v model.Version) bool {
		return has(v.Serial) && (len(model.NormalizeName(word)) >= MinDigits || !IsHex(model.NormalizeName(v.Serial)))
	})
}

// NamesID reports whether a word is part of an ID as lists show it, at least
// [model.MinTail] characters, or the end of the whole one.
func NamesID(word string, id model.ID) bool {
	word = strings.ToUpper(strings.TrimSpace(word))
	return len(word) >= model.MinTail && (strings.Contains(id.Short(), word) || strings.HasSuffix(string(id), word))
}

// IsHex reports whether a text consists of lower-case hexadecimal digits, as serials
// do.
func IsHex(s string) bool {
	for n := range len(s) {
		if c := s[n]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
