package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// finish walks through what an action asks.
var finish = map[rules.Action]func(d *driver, name string){
	rules.Buy:      func(d *driver, _ string) { d.keys("ctrl+s", "y") },
	rules.Upload:   func(d *driver, _ string) { d.text("a.pem").keys("ctrl+s") },
	rules.Apply:    func(d *driver, _ string) { d.keys("ctrl+u").text(domain(d)).keys("ctrl+s") },
	rules.Close:    func(d *driver, name string) { d.text(name).keys("enter") },
	rules.Withdraw: func(d *driver, _ string) { d.keys("y") },
	rules.Deploy:   func(d *driver, _ string) { d.choose("product", "CDN").keys("ctrl+s") },
	rules.Undeploy: func(d *driver, _ string) {
		if !d.has("y yes") { // which of them
			d.keys("ctrl+s")
		}
		d.keys("y")
	},
	rules.Host:        func(d *driver, _ string) { d.keys("ctrl+s", "y") },
	rules.StopHosting: func(d *driver, _ string) { d.keys("y") },
	rules.AutoDeploy:  func(d *driver, _ string) { d.keys("y") },
	rules.Verify:      func(*driver, string) {},
	rules.Accept:      func(d *driver, _ string) { d.keys("y") },
	rules.Download:    func(d *driver, _ string) { d.keys("ctrl+s") },
	rules.Renew:       func(d *driver, _ string) { d.keys("y") },
	rules.Review:      func(d *driver, _ string) { d.keys("a", "y") },
	rules.UploadKey:   func(d *driver, _ string) { d.text("a.key").keys("ctrl+s") },
	rules.Reissue:     func(d *driver, _ string) { d.keys("ctrl+s") },
	rules.Revoke:      func(d *driver, name string) { d.fill("typed", name).keys("enter") },
	rules.Reorder:     func(d *driver, _ string) { d.keys("y") },
	rules.Rekey:       func(d *driver, _ string) { d.keys("ctrl+s") },

	rules.RevokeVersion: func(d *driver, name string) { d.fill("typed", name).keys("enter") },

	rules.Delete:   func(d *driver, name string) { d.text(name).keys("enter") },
	rules.Annotate: func(d *driver, _ string) { d.fill("tag", "prod").keys("ctrl+s") },
	rules.Assign: func(d *driver, _ string) {
		for !d.has("a new contact") {
			d.keys("left")
		}
		d.fill("contact name", "Zoe").fill("contact email", "zoe@example.com").keys("ctrl+s")
	},
}

func domain(d *driver) string {
	if d.has("*.example.com") {
		return "*.a.example.com"
	}
	return "a.example.com"
}

// only keeps one certificate of a fleet, and where it is deployed.
func only(b *kittest.World, i *model.Instance) *kittest.World {
	b.Instances = []*model.Instance{i}
	b.Places = slices.DeleteFunc(b.Places, func(r *model.Resource) bool { return r.Instance != i.ID })
	b.Open = nil
	return b
}

// TestEveryKeyInEveryState presses every key of the table on a certificate in
// each state: either the backend is called as the table allows, or exactly the
// table's reason and way out are on the screen and nothing was called.
// spec: S3 V3 V4
func TestEveryKeyInEveryState(t *testing.T) {
	table := rules.NewTransitionTable()
	var keys []string
	for _, r := range table.Transitions() {
		if k := app.DefaultKey(r); k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	seen := map[model.State]bool{}
	for n := range 13 {
		for _, key := range keys {
			b := kittest.Fleet(13)
			i := b.Instances[n]
			seen[i.State] = true
			t.Run(fmt.Sprintf("%s-%s-%s", i.State, i.Name, key), func(t *testing.T) {
				only(b, i)
				size := [2]int{80, 24}
				if n%2 == 0 {
					size = [2]int{120, 40}
				}
				d := drive(t, b, size[0], size[1], func(o *Options) { o.Actor.Role = model.Owner })
				press1(t, d, table, key, i)
			})
		}
	}
	for _, s := range model.States {
		if !seen[s] {
			t.Errorf("no certificate in state %s was tried", s)
		}
	}
}

func press1(t *testing.T, d *driver, table *rules.TransitionTable, key string, i *model.Instance) {
	t.Helper()
	var rows []*rules.Transition
	for _, r := range table.Transitions() {
		if app.DefaultKey(r) == key {
			rows = append(rows, r)
		}
	}
	cs, err := d.b.Facts(i.ID)
	if err != nil {
		t.Fatal(err)
	}
	row, refusal := action.Pick(table, rows, cs)
	if _, ok := finish[row.Action]; !ok && refusal == nil {
		t.Fatalf("the table allows %s and this test does not know how it goes on", row.Action)
	}
	d.keys(key)
	d.fits()
	if refusal != nil {
		d.sees(d.m.ctx.FormatRefusal(refusal), d.m.ctx.Hint(refusal), "State: "+string(i.State))
		d.called()
		d.keys("esc")
		if d.m.top() != nil {
			t.Fatal("the reason is still on the screen")
		}
		return
	}
	if row.Action != rules.Verify { // cancelled first: nothing happens
		d.keys("esc")
		if d.m.top() != nil {
			t.Fatalf("esc does not close the dialog:\n%s", d.screen())
		}
		d.called()
		d.keys(key)
	}
	finish[row.Action](d, i.Name)
	done := d.b.NewEvents()
	logged := string(row.Action)
	if v := i.Current(); row.Action == rules.Download && v != nil && v.KeyID != "" {
		logged = rules.ActionDownloadKey
	}
	// Who is made on the way, and what is presented and was not held.
	if len(done) > 1 && (done[0] == "contact Zoe" || row.Action == rules.Accept && strings.HasPrefix(done[0], "upload ")) {
		done = done[1:]
	}
	if len(done) == 0 || !strings.HasPrefix(done[0], logged+" ") || strings.Contains(done[0], ": ") {
		t.Fatalf("done is %q, want %s; screen:\n%s", done, logged, d.screen())
	}
}

// TestEveryActionHasItsFlow fails while an action of the table that a person
// does is neither carried out here nor refused by the table as not there yet.
func TestEveryActionHasItsFlow(t *testing.T) {
	table := rules.NewTransitionTable()
	c := drive(t, kittest.Fleet(12), 120, 40)
	for _, r := range table.Transitions() {
		if app.DefaultKey(r) == "" {
			continue
		}
		if !c.m.ctx.Text.Has("action." + string(r.Action)) {
			t.Errorf("no text for action %s", r.Action)
		}
	}
}

// TestHelpSaysACommonReasonOnce says that a session is read-only once, not for every key.
// spec: V3
func TestHelpSaysACommonReasonOnce(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 120, 60, func(o *Options) { o.Actor.ReadOnly = true })
	d.keys("?").sees("Unavailable now — this session is", "undeploy")
	if n := strings.Count(d.screen(), "read-only, so"); n > 1 {
		t.Errorf("the reason is said %d times:\n%s", n, d.screen())
	}
}

// TestReadOnlyRefusesEveryChange presses every key of the table in a read-only
// session. spec: V7
func TestReadOnlyRefusesEveryChange(t *testing.T) {
	for _, r := range rules.NewTransitionTable().Transitions() {
		if app.DefaultKey(r) == "" {
			continue
		}
		d := drive(t, kittest.Fleet(20), 120, 40, func(o *Options) { o.Actor.ReadOnly = true; o.Actor.Role = model.Owner })
		d.keys(app.DefaultKey(r))
		d.sees("this session is read-only", "start without --read-only", "READ-ONLY")
		d.called()
	}
}

// What is not in the table of transitions is refused as well where it changes
// anything: the clock of a sandbox, and what is watched. spec: V3, V7
func TestAReadOnlySessionAndAViewerChangeNothingElse(t *testing.T) {
	for why, as := range map[string]func(*Options){
		"this session is read-only": func(o *Options) { o.Actor.ReadOnly, o.Actor.Role = true, model.Owner },
		"your role is viewer":       func(o *Options) { o.Actor.Role = model.Viewer },
	} {
		d := drive(t, kittest.Fleet(20), 120, 40, as, func(o *Options) { o.Sandbox = true })
		now := d.b.Now()
		for _, key := range []string{">", ")", "}", "P"} {
			d.keys(key).sees(why).keys("esc")
		}
		if !d.b.Now().Equal(now) {
			t.Errorf("%s, and the clock was moved by %v", why, d.b.Now().Sub(now))
		}
		d.keys("3", "[").sees("Watched")
		for _, key := range []string{"+", "V", "ctrl+x"} {
			d.keys(key).sees(why).keys("esc")
		}
		d.called()
	}
}

// TestMarkedTogether marks three and acts once, with one summary. spec: V4
func TestMarkedTogether(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.keys("j", "j", "j", "space", "space", "space")
	d.sees("3 marked")
	d.keys("n")
	d.sees("Reissue")
	d.keys("ctrl+s")
	d.did(3, rules.Reissue)
	d.sees("reissue: 3 done")
	d.keys("esc")
	if d.has("marked") {
		t.Fatal("esc does not take the marks away")
	}
	// What is not possible for some is left out and said.
	d.keys("g", "space", "space", "space", "D")
	d.sees("Take them off 3 resources?")
	d.keys("y")
	d.did(3, rules.Undeploy)
	// One summary says how many were done, and counts the others by reason.
	d = drive(t, kittest.Fleet(60), 120, 40)
	d.keys(":").text("sort by state").keys("enter")
	for range 14 {
		d.keys("space")
	}
	d.keys("n", "ctrl+s").sees("reissue: 8 done", "6 not begun:", "• 2 (new DV single, new DV wildcard): ", "• old.example.org: ")
	d.keys("esc", "esc")
	// One at a time is said so.
	d = drive(t, kittest.Fleet(60), 120, 40)
	d.find("new ").keys("space", "space", "a")
	d.sees("one certificate at a time")
	d.called()
}

// TestNothingEndsOnAPlainLetter presses every letter and then enter and y
// nowhere: no call may follow from a letter alone, save asking what is
// presented. spec: V4
func TestNothingEndsOnAPlainLetter(t *testing.T) {
	for _, key := range strings.Split("abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUWXYZ", "") {
		d := drive(t, kittest.Fleet(60), 120, 40)
		d.keys("j", key)
		for _, c := range d.b.NewEvents() {
			t.Errorf("%s called %s", key, c)
		}
	}
}

// TestUndo withdraws what the rules let one withdraw, and else says what can
// be undone. spec: V4 A9
func TestUndo(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.find("corp").keys("u")
	d.sees("WARNING", "Withdraw the application?")
	d.keys("y")
	d.called("withdraw corp.example.com")
	d.keys("u")
	d.sees("What can be undone")
	d.called()
}

// auto counts the places of a certificate where auto-deploy is on.
func auto(d *driver, name string) int { return d.instance(name).Deployments.Auto }

// TestUndoOfTheLast takes back what was done last, says before what it does,
// and asks where it concerns the store. spec: V4
func TestUndoOfTheLast(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 180, 40)
	d.find("shop").keys("esc").sees("60 of 60", "u undo: bring the filter back")
	d.keys("u").sees("/ shop", "1 of 60")
	d.keys("esc", "H").keys("u") // another action: the filter is forgotten
	d.sees("What can be undone")
	d.keys("esc", "H", "space", "space", "esc", "?").sees("undo: bring 2 marks back")
	d.keys("esc", "u").sees("2 marked")
	d.keys("esc").find("shop").keys("t").sees("off?")
	d.keys("y")
	d.called("auto-deploy shop.example.com", "auto-deploy shop.example.com")
	if auto := auto(d, "shop.example.com"); auto != 0 {
		t.Fatalf("auto-deploy is on at %d places", auto)
	}
	d.sees("undo: auto-deploy on at shop.example.com")
	d.keys("u")
	d.called() // it asks
	d.sees("auto-deploy")
	d.keys("y")
	d.called("auto-deploy shop.example.com", "auto-deploy shop.example.com")
	if auto := auto(d, "shop.example.com"); auto != 2 {
		t.Fatalf("auto-deploy is on again at %d places", auto)
	}
	d.keys("3", "f", "j", "space", "enter", "esc")
	d.keys("u").sees("deployed")
}

// TestUndoOfHosting stops hosting that was just switched on, says that it is
// not paid back, and asks. spec: H1 V4
func TestUndoOfHosting(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.find("pay.").keys("m", "ctrl+s", "y")
	d.b.NewEvents()
	d.sees("undo: stop hosting pay.example.com; the fee is not refunded")
	d.keys("u")
	d.called()
	d.b.Change(func(b *kittest.World) {})
	if d.m.top() == nil {
		t.Fatalf("undo neither asks nor says why not:\n%s", d.screen())
	}
	d.keys("y")
	if i := d.instance("pay.example.com"); i.Hosting.On {
		t.Fatalf("it is hosted still; screen:\n%s", d.screen())
	}
}

// TestRefusedByTheEngine shows a refusal that came between looking and doing.
func TestRefusedByTheEngine(t *testing.T) {
	b := kittest.Fleet(20)
	d := drive(t, b, 80, 24)
	d.find("corp").keys("w")
	if err := b.Store.Update(t.Context(), func(tx model.Tx) error {
		j, err := model.Get[model.Job](tx, string(b.Instances[7].Operation.Job))
		j.Step = "finalize"
		return errors.Join(err, tx.Put(&j))
	}); err != nil {
		t.Fatal(err)
	}
	d.keys("y")
	d.sees("the CA has been asked to sign", "The way out")
}

// Asking a server that presents what was deployed there says also when that has
// expired, or is not the current version. spec: D4
func TestWhatIsPresentedMayBeOfNoUse(t *testing.T) {
	for want, n := range map[string]int{
		"presents what was deployed there": 2, "which expired on 2026-11-01": 3, "an earlier version than the current": 13,
	} {
		b := kittest.Fleet(60)
		i := b.Instances[n]
		if n == 13 {
			next := *i.Newest()
			next.Number, next.Fingerprint = next.Number+1, strings.Repeat("ab", 32)
			i.Versions = append(i.Versions, next)
		}
		d := drive(t, b, 120, 40).keys("3", "/").text(i.Name).keys("enter", "V").sees(i.Name+" presents what was deployed there", want)
		if n := strings.Count(want, "presents"); n == 1 && (d.has("expired on") || d.has("an earlier version")) {
			t.Errorf("it is of use:\n%s", d.screen())
		}
	}
}
