package where

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/model"
)

// shape writes a query with all its brackets.
func shape(e *Expr) string {
	if e == nil {
		return ""
	}
	var parts []string
	for _, p := range e.Parts {
		parts = append(parts, shape(p))
	}
	switch e.Kind {
	case Not:
		return "!" + parts[0]
	case And:
		return "[" + strings.Join(parts, " ") + "]"
	case Or:
		return "[" + strings.Join(parts, " | ") + "]"
	}
	return e.Term.String()
}

// "!" binds closest, then what stands side by side, then "or".
// spec: Q1
// finding: U10
func TestPrecedence(t *testing.T) {
	for query, want := range map[string]string{
		"":                             "",
		"   ":                          "",
		"shop":                         "shop",
		"a b c":                        "[a b c]",
		"a and b":                      "[a b]",
		"a or b":                       "[a | b]",
		"a b or c d":                   "[[a b] | [c d]]",
		"a (b or c) d":                 "[a [b | c] d]",
		"!a b":                         "[!a b]",
		"!(a b) or !!c":                "[![a b] | !!c]",
		"((a)) (b c)":                  "[a b c]",
		"(a or b) or c":                "[a | b | c]",
		"a OR b AND c":                 "[a | [b c]]",
		`"or" "and" "!a" "state:x"`:    `["or" "and" "!a" "state:x"]`,
		`tag:"two words" owner:Anna`:   `[tag:"two words" owner:Anna]`,
		`"a \"quoted\" \\ word"`:       `"a \"quoted\" \\ word"`,
		"STATE:Paid Expires<14D":       "[state:paid expires<14d]",
		"pay.example.com:443":          "pay.example.com:443",
		"*.example.com 2001:db8::1":    "[*.example.com 2001:db8::1]",
		"expires>=2027-03 issued:2026": "[expires>=2027-03 issued:2026]",
		"order android":                "[order android]",
		"证书 or 域名":                     "[证书 | 域名]",
		"a)(":                          "error",
		"expires<2027-03-01 !on:web1":  "[expires<2027-03-01 !on:web1]",
	} {
		e, err := Instances.Parse(query)
		got := shape(e)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is %s, want %s (%v)", query, got, want, err)
		}
	}
}

// A mistake is named with its place, and what may still become right is told apart.
// spec: Q1
func TestMistakesArePointedAt(t *testing.T) {
	for _, c := range []struct {
		query      string
		code       string
		column     int
		end        int // in bytes
		incomplete bool
	}{
		{"a stat:paid", "query.field", 3, 6, false},
		{"state:paidd b", "query.value", 7, 11, false},
		{"state:", "query.no-word", 7, 6, true},
		{"state: b", "query.no-word", 7, 6, false},
		{"tag:", "query.no-value", 5, 4, true},
		{`tag:"" b`, "query.no-value", 5, 6, false},
		{"expires<", "query.no-time", 9, 8, true},
		{"expires<soon b", "query.time", 9, 12, false},
		{"expires<2027-13-01 b", "query.time", 9, 18, false},
		{"expires<999999y b", "query.time", 9, 15, false},
		{"expires:14d b", "query.compare", 9, 11, false},
		{"expires<3x", "query.time", 9, 10, false},
		{"expires<1", "query.time", 9, 9, true},
		{"expires<-", "query.time", 9, 9, true},
		{"expires:14", "query.time", 9, 10, true},
		{"expires:14d", "query.compare", 9, 11, false},
		{"expires<2027-0", "query.time", 9, 14, true},
		{"expires<2027-04-3", "query.time", 9, 17, true},
		{"expires<2027-13", "query.time", 9, 15, false},
		{"expires<2027-02-3", "query.time", 9, 17, false},
		{"state:paidd", "query.value", 7, 11, false},
		{"state:pai", "query.value", 7, 9, true},
		{`state:"pai"`, "query.value", 7, 11, false},
		{`tag:""`, "query.no-value", 5, 6, false},
		{"tag<", "query.colon", 4, 4, false},
		{"tag<prod b", "query.colon", 4, 4, false},
		{`a "b`, "query.unquoted", 3, 3, true},
		{"a (b", "query.not-closed", 3, 3, true},
		{"a )b", "query.not-open", 3, 3, false},
		{"a )", "query.not-open", 3, 3, false},
		{"a or", "query.nothing", 5, 4, true},
		{"or a", "query.nothing", 1, 0, false},
		{"or", "query.nothing", 1, 0, true},
		{"a or or b", "query.nothing", 6, 5, false},
		{"a !", "query.nothing", 4, 3, true},
		{"() a", "query.nothing", 2, 1, false},
		{`"" a`, "query.empty", 1, 2, false},
		{"证书 stat:x", "query.field", 4, 11, false},
		{strings.Repeat("a", MaxLength+1), "query.long", MaxLength + 1, MaxLength + 1, false},
	} {
		_, err := Instances.Parse(c.query)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q: %v", c.query, err)
			continue
		}
		if wrong.Why.Code() != c.code || wrong.Column() != c.column || wrong.End != c.end || wrong.Incomplete != c.incomplete {
			t.Errorf("%q: %s in column %d to %d (incomplete %v), want %+v",
				c.query, wrong.Why.Code(), wrong.Column(), wrong.End, wrong.Incomplete, c)
		}
	}
}

// Whatever is read is never a panic, and what a query is written as is read as the same
// query.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a b or !(c d)", `tag:"two words" expires<14d`, `"or" or "!x" "a:b"`, "((((",
		"!!!", "expires>=2027-03-01", "a\x00b", "\xff:\xff", `"\`,
		"issued>-3w", "K:1", "(a or b) (c or d)", "state:paid!", "a!b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Instances.Parse(s)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.At < 0 || wrong.At > len(s) || wrong.End < wrong.At || wrong.Column() < 1 {
				t.Fatalf("%q: %+v", s, err)
			}
			return
		}
		written := e.String()
		again, err := Instances.Parse(written)
		if len(written) > MaxLength {
			return
		}
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("%q is written as %q, which is %s, not %s (%v)", s, written, shape(again), shape(e), err)
		}
		for n := range s {
			Instances.Complete(s, n, func(Field, string) []string { return []string{"a b"} })
		}
	})
}

func instance() *model.Instance {
	at := func(day string) time.Time { d, _ := time.Parse(time.DateOnly, day); return d }
	return &model.Instance{
		ID:      "01JDAAAAAAAAAAAAAA7K3PQR5V",
		Name:    "shop",
		State:   model.Issued,
		Origin:  model.OriginBought,
		Contact: "ops",
		Owner:   "anna",
		Spec:    model.Specification{Level: model.DV, Brand: "embedded"},
		Tags:    []string{"eu", "prod"},
		Note:    "PCI scope, ask Jonas",
		Versions: []model.Version{{
			Number: 1, Serial: "049b20aa", Domains: []string{"shop.example.com", "*.shop.example.com"}, KeyType: "rsa-2048",
			NotBefore: at("2026-11-01"), NotAfter: at("2027-01-10").Add(time.Hour),
		}},
		Due:     at("2026-12-24"),
		Hosting: model.Hosting{On: true},
		Deployments: model.Deployments{
			Deployed: 1,
			Products: []string{"CDN"},
			Regions:  []string{"global"},
			Names:    []string{"pay.example.com:443"},
		},
	}
}

// Each field finds what it names, and what it does not name stays out.
// spec: Q1
// finding: M19
func TestFieldsFindTheirValues(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ yes, no string }{
		{"SHOP", "pay.example.org"},
		{"*.shop", "*.pay"}, // a star in a word is a star
		{"7K3PQR5V", "7K3PQR5W"},
		{"k3pqr", "k3pq"}, // a part of the ID as shown, from five characters on
		{"9b20", "9b2"},
		{"prod", "old"},
		{"jonas", "maria"},
		{"issued", "paid"},
		{"hosted", "expired"},
		{"state:issued", "state:paid"},
		{"group:issued", "group:ended"},
		{"issuer:Embedded", "issuer:embed"},
		{"issuer:emb*", "issuer:*x"},
		{"level:dv", "level:ov"},
		{"contact:ops", "contact:anna"},
		{`owner:"anna b"`, "owner:ops"},
		{"owner:*", "owner:x*"},
		{"tag:PROD", "tag:pro"},
		{"product:cdn", "product:slb"},
		{"region:glo*", "region:eu"},
		{"key:rsa", "key:ecdsa"},
		{"key:rsa-2048", "key:rsa-4096"},
		{"origin:bought", "origin:upload"},
		{"on:pay.example.com", "on:pay"},
		{"on:pay.example.com:443", "on:pay.example.com:8443"},
		{"is:hosted", "is:expired"},
		{"expires<41d", "expires<39d"},
		{"expires>39d", "expires>41d"},
		{"expires:2027-01-10", "expires:2027-01-11"},
		{"expires<=2027-01-10", "expires<2027-01-10"},
		{"expires>=2027-01-10", "expires>2027-01-10"},
		{"expires:2027-01", "expires:2027-02"},
		{"expires>2026", "expires>2027"},
		{"issued>30d", "issued>31d"},
		{"issued<31d", "issued<30d"},
		{"issued<2026-11-02", "issued>2026-11-02"},
		{"renews<4w", "renews<3w"},
		{"is:needs-person", "!is:needs-person"},
		{"is:no-renewals", "!no-renewals"},
		{"!paid", "!shop"},
		{"paid or shop", "paid shop"},
	} {
		for query, want := range map[string]bool{c.yes: true, c.no: false} {
			e, err := Instances.Parse(query)
			if err != nil {
				t.Error(err)
				continue
			}
			e = e.Bind(map[model.ID]string{"ops": "Ops", "anna": "Anna B"}, []model.ID{"01J", "01JDAAAAAAAAAAAAAA7K3PQR5V"})
			if got := e.Matches(&Subject{Instance: instance()}, now); got != want {
				t.Errorf("%s: %v", query, got)
			}
		}
	}
}

// What was revoked is found by one word, also if it was paid back.
// finding: M12
func TestRevokedIncludesPaidBack(t *testing.T) {
	i := instance()
	i.State = model.Refunded
	never := &model.Instance{State: model.Refunded} // closed before it was issued
	for query, want := range map[string][2]bool{
		"is:revoked": {true, false}, "revoked": {true, false}, "state:revoked": {false, false}, "state:refunded": {true, true},
		"group:ended": {true, true},
	} {
		e, err := Instances.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		got := [2]bool{e.Matches(&Subject{Instance: i}, time.Now()), e.Matches(&Subject{Instance: never}, time.Now())}
		if got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// Derived values come from the model's list.
func TestEveryDerivedValueHasAProperty(t *testing.T) {
	for _, d := range model.DerivedValues {
		if _, err := Instances.Parse("is:" + string(d)); err != nil {
			t.Error(err)
		}
	}
}

// Resources have states of their own, and what they present expires.
func TestResourcesAreFound(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	s := &Subject{
		Instance: instance(),
		State:    model.ResourceDrifted,
		Resource: &model.Resource{
			ID:       "01JDAAAAAAAAAAAAAA9K3PQR5V",
			Product:  "SLB",
			Region:   "eu-1",
			Name:     "pay:443",
			NotAfter: now.AddDate(0, 0, 5),
		},
	}
	for query, want := range map[string]bool{
		"drifted": true, "state:drifted": true, "is:drifted": true, "state:issued": true, "state:failed": false, "product:slb": true,
		"product:cdn": false, "region:eu*": true, "on:pay": true, "expires<6d": true, "expires<4d": false, "tag:prod": true, "shop": true,
		"9k3pqr": true, "eu-1": true, "is:hosted": true,
	} {
		e, err := Resources.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Matches(s, now); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	e, err := Resources.Parse("issuer:embedded or drifted")
	if err != nil || !e.Matches(&Subject{Resource: s.Resource, State: s.State}, now) {
		t.Errorf("without an instance: %v", err)
	}
}

func TestCompletion(t *testing.T) {
	known := func(f Field, _ string) []string {
		return map[Field][]string{Owner: {"Anna B", "Ops"}, Tag: {"prod", "preview"}}[f]
	}
	for _, c := range []struct {
		query string
		want  string
		at    int
	}{
		{"st", "state:", 0},
		{"a !stat", "state:", 3},
		{"state:p", "state:paid", 0},
		{"(tag:pr", "tag:prod tag:preview", 1},
		{"owner:a", `owner:"Anna B"`, 0},
		{`x owner:"Anna `, `owner:"Anna B"`, 2},
		{"expires<", "expires<7d expires<14d expires<30d expires<90d", 0},
		{"exp", "expires< expired expiring", 0},
		{"expired", "", 0},
		{"xyz", "", 0},
		{"nofield:", "", 0},
		{"is:re", "is:revoked is:refunded", 0},
	} {
		got := Instances.Complete(c.query, len(c.query), known)
		got.Words = slices.DeleteFunc(got.Words, func(w string) bool { return w == "is:replaced" || w == "replaced" })
		if strings.Join(got.Words, " ") != c.want || got.At != c.at {
			t.Errorf("%q: %q at %d, want %q at %d", c.query, got.Words, got.At, c.want, c.at)
		}
	}
	if got := Instances.Complete("", 0, nil); len(got.Words) != len(fields) {
		t.Errorf("nothing typed: %q", got.Words)
	}
}
