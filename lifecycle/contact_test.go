package lifecycle_test

import (
	"errors"
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// finding: R-L6
// spec: A1
func TestWhomACACanReach(t *testing.T) {
	for _, c := range []struct {
		is         func(string) bool
		yes, wrong []string
	}{
		{rules.IsEmail, []string{"ops@example.com", "a+b@example.com", "büro@bücher.example", strings.Repeat("a", 242) + "@example.com"},
			[]string{"", "ops", "ops@", "@example.com", "a@b@c", "Ops <ops@example.com>", "<ops@example.com>",
				"a@example.com, b@example.com", "a b@example.com", "ops@example.com\n", " ops@example.com",
				"a\u009bb@example.com", "a\x07b@example.com", "\"a\x1bb\"@example.com", "a\u202eb@example.com", "a\u2066b@example.com",
				"a\u200fb@example.com", "a@b\u0085.example", "a\ufffdb@example.com", strings.Repeat("a", 243) + "@example.com"}},
		{rules.IsPhone, []string{"110", "+49 30 123456", "(030) 12 34-56", "86.10.1234.5678", "+1 555 0100 x22", "+49 30/1234 ext. 7"},
			[]string{"", "1", "call me", "+", "---", "12 34 56 ☎", "+49 30 123456\x1b[2J", "123456789012345678901", "1+23", "0x10"}},
		{rules.IsCountry, []string{"DE", "CN"}, []string{"", "de", "D", "DEU", "99", "ÄÖ", "D "}},
	} {
		for _, s := range c.yes {
			if !c.is(s) {
				t.Errorf("%q is refused", s)
			}
		}
		for _, s := range c.wrong {
			if c.is(s) {
				t.Errorf("%q is taken", s)
			}
		}
	}
}

// An application, a contact and a company name the field that nobody could be
// reached by. spec: A1
func TestNobodyCouldBeReached(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	_, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{
			Application: model.Application{Domains: []string{"a.example.com"}, KeyType: model.ECDSAP256, Email: "a@", Phone: "call me"},
		},
	)
	_, called := w.engine.By(operator).Apply(
		w.ctx(),
		w.bought(),
		lifecycle.ApplyRequest{
			Application: model.Application{Domains: []string{"a.example.com"}, KeyType: model.ECDSAP256, Phone: "call me"},
		},
	)
	_, contact := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Ops", Email: "ops@example.com", Phone: "call me"})
	_, company := w.engine.By(operator).
		AddCompany(w.ctx(), model.Company{Organization: model.Organization{Name: "Example GmbH", Phone: "x"}})
	for n, c := range []struct {
		err   error
		field string
	}{{err, "email"}, {called, "phone"}, {contact, "phone"}, {company, "phone"}} {
		var wrong *rules.Invalid
		if !errors.As(c.err, &wrong) || wrong.Field != c.field || wrong.Example == "" {
			t.Errorf("%d: %v, want one about %s", n, c.err, c.field)
		}
	}
}

// A contact has a name that lists have room for, and a domain that mail can
// reach. spec: N1
func TestContactsAreReachable(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("é", rules.MaxContactName)
	for _, c := range []struct {
		contact model.Contact
		field   string
	}{
		{model.Contact{Name: long, Email: "root@localhost"}, ""},
		{model.Contact{Name: "Ops", Email: "ops@mail.example.com"}, ""},
		{model.Contact{Name: long + "x", Email: "ops@example.com"}, "name"},
		{model.Contact{Name: " ", Email: "ops@example.com"}, "name"},
		{model.Contact{Name: "Nobody", Email: "foo@bar"}, "email"},
	} {
		_, err := w.engine.By(operator).AddContact(w.ctx(), c.contact)
		var wrong *rules.Invalid
		if field := ""; errors.As(err, &wrong) {
			if field = wrong.Field; field != c.field {
				t.Errorf("%+v: %v, want one about %q", c.contact, err, c.field)
			}
		} else if err != nil || c.field != "" {
			t.Errorf("%+v: %v, want one about %q", c.contact, err, c.field)
		}
	}
}
