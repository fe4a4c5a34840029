package ui

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// dashboardWay is how a person takes an action that is no transition of a certificate: an
// action of a page, and a key in the dialog that it opens.
type dashboardWay struct {
	page []string // keys to the page
	tab  string   // its sub-tab
	id   string
	list string // a key in the dialog that leads to another one
	row  string // the row of the dialog to go to
	then string // the key in the dialog; "" where the action itself is it
	hint string // the words of that key under the dialog
}

// besideTable are the ways to what has no key in the table of transitions.
var besideTable = map[rules.Action]dashboardWay{
	"contact": {id: "contacts", then: "a", hint: "a add"}, "company": {id: "companies", then: "a", hint: "a add"},
	rules.ActionWatch: {page: []string{"3"}, tab: "Watched", id: "watch-add"}, rules.ActionView: {id: "save-view"},
	"dismiss": {id: "tasks", then: "ctrl+x", hint: "ctrl+x dismiss"},
	"retry":   {id: "tasks", row: "img.example.com", then: "T", hint: "T try now"},
	"issuer":  {id: "authorities", then: "a", hint: "a add"}, "dns": {id: "authorities", list: "d", then: "a", hint: "a add"},
	"product": {page: []string{"3"}, id: "products", then: "a", hint: "a add"},
	"clock":   {id: "clock-day"}, rules.ActionUser: {id: "users", then: "a", hint: "a add"},
	rules.ActionApprove:  {id: "tasks", row: "dora asks", then: "A", hint: "A approve"},
	rules.ActionDiscover: {id: "discovery"}, rules.ActionPreflight: {id: "preflight"},
}

// notInDashboard are the actions that no key of the dashboard takes.
var notInDashboard = map[rules.Action]string{
	rules.Issue:               "by the CA",
	rules.Reject:              "by the CA",
	rules.RenewHosted:         "by the scheduler",
	rules.EndHosting:          "by the scheduler",
	"tick":                    "a verb",
	rules.ActionRotateCA:      "a verb",
	rules.ActionSession:       "a verb",
	"unseal":                  "a verb",
	"backup":                  "a verb",
	"restore":                 "a verb",
	rules.ActionLogin:         "no action of a person",
	rules.ActionRead:          "all that is shown",
	"reopen":                  "the undo of a dismissal, which needs the same role",
	rules.ActionAdopt:         "of what was discovered, which needs the same role",
	rules.ActionListDocuments: "TestSecretsOfTheDashboardNeedTheirRole",
	rules.ActionReadDocument:  "a part of review, which needs the same role",
	rules.ActionDownloadKey:   "TestSecretsOfTheDashboardNeedTheirRole",
}

// countingStore counts what is written.
type countingStore struct {
	ports.Store
	writes atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, fn func(model.Tx) error) error {
	s.writes.Add(1)
	return s.Store.Update(ctx, fn)
}

// staffed is a fleet with a user for each role above viewer, what each kind of task needs, and
// a store that counts.
func staffed(t *testing.T) (*kittest.World, *countingStore) {
	t.Helper()
	b, count := kittest.Fleet(14), &countingStore{}
	b.Open = append(b.Open, model.Task{
		ID: "01K9TASK000000000000000007", Kind: model.TaskApprove, Created: b.Clock, Instance: b.Instances[0].ID,
		Text: model.Say("todo.approve", "by", "dora", "action", rules.Revoke, "name", b.Instances[0].Name),
	}, model.Task{
		ID: "01K9TASK000000000000000008", Kind: model.TaskFailing, Created: b.Clock, Instance: b.Instances[4].ID,
		Text: model.Say("todo.failing", "about", b.Instances[4].Name, "job", model.JobDeploy, "times", 3),
	})
	b.Start(t, func(w *lifecycletest.World) {
		count.Store = w.Options.Store
		w.Options.Store = count
	})
	for name, role := range map[string]model.Role{
		"olga": model.Operator, "rita": model.Reviewer, "ada": model.Admin, "otto": model.Owner,
	} {
		if _, err := b.Engine.By(model.Actor{Name: "root", Role: model.Owner}).
			AddUser(t.Context(), name, directory.UserEdit{Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	return b, count
}

// whoHas are the users of a team with a role or more, as a message names them.
var whoHas = map[model.Role]string{
	model.Operator: "ask olga, rita, ada or otto", model.Reviewer: "ask rita, ada or otto", model.Admin: "ask ada or otto",
	model.Owner: "ask otto",
}

// Each role takes each action of the table by its key, by the palette and by the mouse. A
// role that is too low is told which role is needed and who has it, and nothing is written
// and no secret shown; every other gets as far as state and guards allow. spec: G2, V3
func TestEachRoleByEachWay(t *testing.T) {
	table := rules.NewTransitionTable()
	all := slices.DeleteFunc(table.Actions(), func(a rules.Action) bool { return a == "clock" })
	all = append(all, "clock") // last, as it changes what is listed
	for _, role := range model.Roles {
		t.Run(role.String(), func(t *testing.T) {
			t.Parallel()
			b, count := staffed(t)
			d := drive(t, b, 120, 40, func(o *Options) { o.Actor.Name, o.Actor.Role, o.Sandbox = "x", role, true })
			for _, a := range all {
				way, ok := besideTable[a]
				switch {
				case ok:
				case notInDashboard[a] != "":
					continue
				case app.DefaultKey(table.Transition(a)) == "":
					t.Errorf("no way to %s", a)
					continue
				default:
					way.id = app.ActionID(table, app.DefaultKey(table.Transition(a)))
				}
				for _, by := range []string{"key", "palette", "mouse"} {
					d.startOver()
					before := count.writes.Load()
					d.goWay(way, by)
					screen := d.screen()
					low := role < table.Role(a)
					if told := d.has("your role is " + role.String()); told != low {
						t.Fatalf("%s by %s: told of the role: %v\n%s", a, by, told, screen)
					}
					if low && (!d.has("needs "+table.Role(a).String()) || !d.has(whoHas[table.Role(a)])) {
						t.Errorf("%s by %s: it does not say what role is needed and who has it:\n%s", a, by, screen)
					}
					if n := count.writes.Load() - before; low && n > 0 {
						t.Errorf("%s by %s: %d writes", a, by, n)
					}
					if strings.Contains(screen, "PRIVATE KEY") || len(d.saved) > 0 {
						t.Errorf("%s by %s: saved %v\n%s", a, by, d.saved, screen)
					}
				}
			}
		})
	}
}

// startOver closes what is open and goes to the first page, the cursor on a certificate.
func (d *driver) startOver() {
	d.t.Helper()
	for range 10 {
		if d.m.top() == nil {
			break
		}
		d.keys("esc")
	}
	if d.m.top() != nil {
		d.t.Fatalf("a dialog does not close:\n%s", d.screen())
	}
	d.keys("1", "g")
}

// goWay goes the way to an action by its key, by the palette or by the mouse alone.
func (d *driver) goWay(w dashboardWay, by string) {
	d.t.Helper()
	if d.keys(w.page...); w.tab != "" {
		d.click(w.tab)
	}
	a, found := d.action(w.id), true
	switch {
	case by == "key" && len(a.Keys()) > 0:
		d.keys(a.Keys()[0])
	case by == "mouse" && len(a.Keys()) > 0:
		found = d.clickInHelp(a)
	case by == "mouse":
		found = d.clickInPalette(a)
	default:
		found = d.toPaletteEntry(a)
		d.keys("enter")
	}
	if !found {
		d.t.Fatalf("%s is not to be found by %s:\n%s", w.id, by, d.screen())
	}
	if w.list != "" {
		d.keys(w.list)
	}
	if w.row != "" {
		d.keys("g").row(w.row)
	}
	switch {
	case w.then == "":
	case by == "mouse":
		d.click(w.hint)
	default:
		d.keys(w.then)
	}
}

// A private key leaves for administrators alone, and documents are named to operators.
// spec: G2
func TestSecretsOfTheDashboardNeedTheirRole(t *testing.T) {
	table := rules.NewTransitionTable()
	for _, role := range model.Roles {
		b, _ := staffed(t)
		var files [][]byte
		d := drive(t, b, 120, 40, func(o *Options) {
			o.Actor.Name, o.Actor.Role = "x", role
			o.Save = func(name string, data []byte, _ bool) (string, error) {
				files = append(files, data)
				return "/home/" + name, nil
			}
		})
		d.find("shop.example.com").keys("s")
		for range 20 { // every format that is offered
			if d.m.top() == nil {
				break
			}
			format := d.screen()
			d.keys("ctrl+s", "esc")
			d.keys("s")
			for range len(files) {
				d.keys("right")
			}
			if d.screen() == format {
				break
			}
		}
		key := slices.ContainsFunc(files, func(f []byte) bool { return strings.Contains(string(f), "PRIVATE KEY") })
		if want := role >= table.Role(rules.ActionDownloadKey); key != want {
			t.Errorf("%s has a key: %v", role, key)
		}
		d.startOver()
		d.send(tea.WindowSizeMsg{Width: 200, Height: 60})
		d.keys("esc").find("corp.example.com").keys("enter")
		if d.has("register-extract.png") != (role >= table.Role(rules.ActionListDocuments)) {
			t.Errorf("%s: documents:\n%s", role, d.screen())
		}
	}
}
