package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"certquay/model"
)

// TestContactNames names who is told of each, and passes over what has nobody
// or is gone. spec: H8
func TestContactNames(t *testing.T) {
	w := newWorld(t)
	id, bare := w.hosted("a.example.com"), w.issued("b.example.com")
	names, err := w.engine.By(model.Scheduler).ContactNames([]model.ID{id, bare, "01K9NOSUCHINSTANCE00000000"})
	if err != nil || len(names) != 1 || names[id] != "Ops" {
		t.Errorf("%v, %v; want Ops for the first alone", names, err)
	}
}

// Contacts, companies and watched endpoints are listed as people count: 2 before 10.
//
// finding: U21
func TestPeopleAndEndpointsAreListedInNaturalOrder(t *testing.T) {
	w, _, _ := watching(t)
	e := w.engine.By(operator)
	var want []string
	for _, n := range []string{"10", "2", "1"} {
		_, err := e.AddContact(w.ctx(), model.Contact{Name: "team " + n, Email: "t@example.com"})
		w.check(err)
		_, err = e.AddCompany(w.ctx(), model.Company{Organization: model.Organization{Name: "Team " + n}})
		w.check(err)
		_, err = e.AddWatch(w.ctx(), "host"+n+".example.com", "", "")
		w.check(err)
		want = append([]string{n}, want...)
	}
	contacts, err := e.Contacts()
	w.check(err)
	companies, err := e.Companies()
	w.check(err)
	watches, err := e.Watches()
	w.check(err)
	contacts = slices.DeleteFunc(contacts, func(c model.Contact) bool { return !strings.HasPrefix(c.Name, "team ") })
	for n, number := range want {
		if contacts[n].Name != "team "+number || companies[n].Name != "Team "+number ||
			watches[n].Address != "host"+number+".example.com:443" {
			t.Errorf("number %d: %s, %s, %s", n, contacts[n].Name, companies[n].Name, watches[n].Address)
		}
	}
}
