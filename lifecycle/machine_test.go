package lifecycle_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// TestChangingARowIsFollowedEverywhere changes one row at run time: what the
// engine allows, what the scheduler does, what refusals name as possible and
// the matrix all follow. (Keys and verbs are checked in their own packages.)
// spec: S3
func TestChangingARowIsFollowedEverywhere(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 100 * days
	row := w.table.Transition(rules.Reissue)
	row.From = []model.State{"paid"} // reissue only what is paid: nonsense, but the table says so
	id := w.issued("a.example.com")
	_, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{})
	f := w.refused(err, rules.ReasonState)
	if !strings.Contains(inWords(f.AsText()), "needs paid") || strings.Contains(wayOut(f), "reissue") {
		t.Errorf("it says %q, %q", inWords(f.AsText()), wayOut(f))
	}
	w.forward(200 * days)
	if n := len(w.get(id).Versions); n != 1 {
		t.Errorf("the scheduler reissued: %d versions", n)
	}
	if m, _ := w.table.Matrix(); !strings.Contains(line(m, "reissue"), "| `reissue` | ● |") {
		t.Errorf("the matrix says %q", line(m, "reissue"))
	}
	row.From = []model.State{w.get(id).State}
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
}

func line(text, word string) string {
	for _, l := range strings.Split(text, "\n") {
		if strings.Contains(l, "`"+word+"`") {
			return l
		}
	}
	return ""
}

// TestEveryActionHasAReasonInEveryState asks the table for each action in each
// state: it is allowed, or the refusal names state, action, reason and way out
// without a gap.
// spec: S3
func TestEveryActionHasAReasonInEveryState(t *testing.T) {
	table := rules.NewTransitionTable()
	now := epoch
	for _, row := range table.Transitions() {
		if len(row.From) == 0 {
			continue
		}
		for _, s := range model.States {
			i := sample(s, now)
			caps := rules.Capabilities{Revocation: true}
			f := table.Check(row.Action, &rules.Facts{Actor: operator, Instance: &i, Now: now, Issuer: &caps})
			if f == nil {
				if !slices.Contains(row.From, s) {
					t.Errorf("%s is allowed in %s, which the row does not name", row.Action, s)
				}
				continue
			}
			if f.Action != row.Action || f.State != s || inWords(f.AsText()) == "" || wayOut(f) == "" || len(gaps(f)) > 0 {
				t.Errorf("%s in %s: %q, %q, nothing fills %q", row.Action, s, inWords(f.AsText()), wayOut(f), gaps(f))
			}
		}
	}
}

// sample is a plain instance in a state, with a certificate where it has one.
func sample(s model.State, now time.Time) model.Instance {
	i := model.Instance{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Name: "a.example.com", State: s, Spec: spec, Years: 1}
	if s.Group() != model.GroupUnissued {
		i.Versions = []model.Version{
			{
				Number:    1,
				KeyID:     "K",
				NotBefore: now.Add(-days),
				NotAfter:  now.Add(300 * days),
				Issuer:    "scripted",
				Domains:   []string{"a.example.com"},
			},
		}
		i.ServiceStart, i.ServiceEnd = now.Add(-days), now.Add(300*days)
	}
	return i
}

// TestRolesAreCheckedByTheTable has a viewer try everything.
func TestRolesAreCheckedByTheTable(t *testing.T) {
	table := rules.NewTransitionTable()
	i := sample("issued", epoch)
	for _, row := range table.Transitions() {
		f := table.Check(row.Action, &rules.Facts{Actor: model.Actor{Role: model.Viewer}, Instance: &i, Now: epoch})
		if f == nil || f.Reason != rules.ReasonRole {
			t.Errorf("a viewer may %s: %v", row.Action, f)
		}
	}
}

// An owner in a read-only session is refused everything too, by the engine itself:
// the verbs ask before, and are not the only ones that act.
//
// spec: V7
// finding: R-H6
func TestAReadOnlyActorIsRefusedEverything(t *testing.T) {
	table, owner := rules.NewTransitionTable(), model.Actor{Name: "me", Role: model.Owner, ReadOnly: true}
	i := sample("issued", epoch)
	for _, row := range table.Transitions() {
		if f := table.Check(row.Action, &rules.Facts{Actor: owner, Instance: &i, Now: epoch}); f == nil ||
			f.Reason != rules.ReasonReadOnly {
			t.Errorf("who is read-only may %s: %v", row.Action, f)
		}
	}
	w := newWorld(t)
	_, _, err := w.engine.By(owner).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1})
	w.refused(err, rules.ReasonReadOnly)
	_, err = w.engine.By(owner).AddContact(w.ctx(), model.Contact{Name: "Web", Email: "web@example.com"})
	w.refused(err, rules.ReasonReadOnly)
	_, err = w.engine.By(owner).AddCompany(w.ctx(), model.Company{Organization: model.Organization{Name: "Example GmbH"}})
	w.refused(err, rules.ReasonReadOnly)
	_, err = w.engine.By(owner).AddWatch(w.ctx(), "www.example.com:443", "", "")
	w.refused(err, rules.ReasonReadOnly)
	w.refused(w.engine.By(owner).MoveClock(w.ctx(), w.clock.Now().Add(days)), rules.ReasonReadOnly)
	_, err = w.engine.By(owner).RotateCA(w.ctx(), nil)
	w.refused(err, rules.ReasonReadOnly)
	_, err = w.engine.By(model.Actor{Name: "admin", Role: model.Admin}).RotateCA(w.ctx(), nil) // for owners only
	w.refused(err, rules.ReasonRole)
}

// matrix is the table and its reasons in words, as the README has them.
func matrix() string {
	table, reasons := rules.NewTransitionTable().Matrix()
	said := table + "\nThe reasons in it:\n\n"
	for _, r := range reasons {
		f := &rules.Refusal{Action: "ACTION", State: "STATE", Reason: r, Args: rules.Args{"allowed": "STATES", "possible": "ACTIONS"}}
		said += fmt.Sprintf("- `%s`: %s. Way out: %s\n", r, inWords(f.AsText()), wayOut(f))
	}
	return said
}

// TestReadmeHoldsTheMatrix keeps the generated matrix in the README; UPDATE=1
// writes it.
func TestReadmeHoldsTheMatrix(t *testing.T) {
	const begin, end = "<!-- matrix: generated -->\n", "<!-- matrix: end -->"
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	from, to := strings.Index(readme, begin), strings.Index(readme, end)
	if from < 0 || to < from {
		t.Fatal("the README has no place for the matrix")
	}
	want := matrix()
	if readme[from+len(begin):to] == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("the matrix in the README is not the table's; write it with: UPDATE=1 go test ./lifecycle -run Readme")
	}
	if err := os.WriteFile("../README.md", []byte(readme[:from+len(begin)]+want+readme[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
