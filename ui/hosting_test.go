package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

const support = "cert-desk@example.com, +49 30 999"

// hostedFleet is a fleet with several hosted certificates: one fails, one has no
// renewals left, one needs a person, the others renew automatically.
func hostedFleet() *kittest.World {
	b := kittest.Fleet(30)
	for n, i := range b.Instances[13:20] {
		i.Hosting, i.Contact = model.Hosting{On: true, RenewalsLeft: 1}, b.People[0].ID
		i.Due, i.DueAction = i.ServiceEnd.Add(-29*24*time.Hour), model.DueRenew
		switch n {
		case 0:
			i.Operation = model.Operation{Kind: model.JobRenew, Since: b.Clock.Add(-time.Hour), Attempt: 2,
				Next: b.Clock.Add(90 * time.Minute), Error: model.Quoted("", "urn:ietf:params:acme:error:unauthorized: "+
					"the account is suspended until somebody has looked at it, and this is a long reason")}
			i.Failure = model.Failure{Kind: model.JobRenew, At: b.Clock.Add(-10 * time.Minute), Message: i.Operation.Error}
		case 1:
			i.Hosting.RenewalsLeft, i.Due, i.DueAction = 0, time.Time{}, ""
		case 2:
			b.Open = append(b.Open, model.Task{ID: "01K9TASK000000000000000009", Kind: model.TaskProve, Instance: i.ID, Created: b.Clock,
				Text: model.Quoted("", "prove control for the renewal")})
		}
	}
	return b
}

// TestHostingFilters shows in each line of the panel how many the tab lists with it. The
// panel edits the query, which stands in the line and can be typed as well.
// spec: H8 S5 Q1
// finding: U10
func TestHostingFilters(t *testing.T) {
	for _, f := range []struct {
		word  string
		count int
		query string
	}{
		{"needs a person", 1, "is:needs-person"}, {"failing", 1, "is:failing"}, {"no renewals left", 1, "is:no-renewals"},
		{"auto-deploy on", 1, "is:auto-deploy"}, {"auto-deploy off", 7, "!is:auto-deploy"},
	} {
		d := drive(t, hostedFleet(), 120, 40, func(o *Options) { o.Support = support })
		d.keys("2")
		d.sees("8 hosted", "1 failing", "1 needs a person")
		d.act("panel").row(f.word)
		d.sees(fmt.Sprintf("%s %d", f.word, f.count))
		d.keys("space", "enter")
		d.sees("/ "+f.query+" ", fmt.Sprintf(" %d hosted\n", f.count))
		d.keys("esc")
		d.sees("8 hosted")
		d.keys("/").text(f.query).keys("enter").sees(fmt.Sprintf(" %d hosted\n", f.count))
		if d.keys("f"); !d.has("[✓] "+f.word) && !d.has("(•) "+f.word) {
			t.Errorf("%s is not on in the panel:\n%s", f.word, d.screen())
		}
	}
	// With a text both count.
	d := drive(t, hostedFleet(), 120, 40)
	d.keys("2", "/").text("shop").keys("enter", "f")
	d.sees("auto-deploy on 1", "auto-deploy off 0")
}

// TestHostingDetails shows who is notified, what is next and why, the last attempt, the
// credits, the tasks for a person, and the contact. spec: H8
func TestHostingDetails(t *testing.T) {
	b := hostedFleet()
	at := func(n int) *driver {
		d := drive(t, b, 80, 24, func(o *Options) { o.Support = support })
		d.keys("2", "/").text(b.Instances[n].Name).keys("enter", "enter")
		d.sees("Hosting of " + b.Instances[n].Name)
		return d
	}
	d := at(13)
	d.sees("Ops <ops@example.com>", "renewals left 1, paid until", "2026-11-21 12:00Z, attempt 3", "attempt 2 failed",
		"the account is suspended", "last 30 days of the service period", "17 credits are free")
	d.keys("ctrl+d", "ctrl+d")
	d.sees(support)
	d.keys("o")
	d.sees("Deployments", "History") // its whole details
	at(15).sees("prove control for the renewal")
	at(14).sees("no renewals left: m buys another")
}

// TestHostingReally shows what the real engine hosts, and filters it. spec: H8
func TestHostingReally(t *testing.T) {
	e := real(t)
	id := inState(t, e, "issued")
	c, err := e.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Host(t.Context(), id, lifecycle.HostRequest{Contact: c.ID}); err != nil {
		t.Fatal(err)
	}
	d := drive(t, kittest.New(), 100, 30, func(o *Options) { o.Backend, o.Actor, o.Support = e.Access, boss, support })
	d.keys("2", "enter")
	d.sees("Hosting of a.example.com", "Ops <ops@example.com>", "renewals left 1", "last 30 days of the service period", "none yet",
		"5 credits are free", support)
	d.keys("esc", "f")
	d.sees("auto-deploy on 0", "auto-deploy off 1", "no renewals left 0", "needs a person 0")
	d.row("no renewals left").keys("space", "enter")
	d.sees("Nothing passes this query", "0 hosted")
	d.act("panel").row("no renewals left").keys("space").row("auto-deploy off").keys("space", "enter")
	d.sees("/ !is:auto-deploy", "1 hosted")
}

// TestAnUploadIsSaidToBeHosted: an upload is not renewed by hand, so the card of
// an expiring one names the key that is allowed. spec: I6 V2
func TestAnUploadIsSaidToBeHosted(t *testing.T) {
	b := kittest.Fleet(13)
	up := b.Instances[8]
	up.Name, up.Versions[0].KeyID, up.Deployments.Total = "printer.example.com", "01K0KEY", 1
	up.Versions[0].NotAfter = b.Clock.Add(9 * 24 * time.Hour)
	up.ServiceEnd = up.Versions[0].NotAfter
	d := drive(t, b, 120, 40)
	d.find("printer")
	d.sees("next: m hosts it")
	d.keys("m")
	d.sees("Host printer.example.com")
}

// TestHostingListsWhoIsTold names the contact of each in the list, as the
// command line does, at every size. spec: H8
func TestHostingListsWhoIsTold(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		b := hostedFleet()
		b.People = append(b.People, model.Contact{ID: "01JC0000000000000000000NET", Name: "Network"})
		b.Instances[15].Contact = "01JC0000000000000000000NET"
		d := drive(t, b, size[0], size[1]).keys("2")
		d.sees("CONTACT", "LEFT", "Ops", "Network")
		line := ""
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if strings.Contains(l, b.Instances[15].Name) {
				line = l
			}
		}
		if !strings.Contains(line, "Network") {
			t.Errorf("not beside %s:\n%s", b.Instances[15].Name, d.screen())
		}
	}
}

// Hosting that was bought with a certificate shows before it is issued. What
// waits for a person, or has no renewals left, is not called fine. spec: B3, H8
func TestHostingThatWasPaidFor(t *testing.T) {
	b := kittest.Fleet(30)
	i := b.Instances[slices.IndexFunc(b.Instances, func(i *model.Instance) bool { return i.State == model.Paid })]
	i.Hosting.PrepaidRenewals = 2
	d := drive(t, b, 120, 40)
	d.find(i.Name).keys("enter")
	d.sees("from issue on; renewals paid for: 2")
	var hosted *model.Instance
	b.Change(func(b *kittest.World) {
		for _, i := range b.Instances {
			i.Hosting = model.Hosting{}
			if i.State == model.Issued && i.Failure.Kind == "" && i.Deployments.Failing == 0 {
				hosted = i
			}
		}
		hosted.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
	})
	d.feed()
	d.keys("2").sees("1 hosted", "all renew automatically")
	for text, change := range map[string]func(){
		"1 needs a person": func() {
			b.Open = append(b.Open, model.Task{ID: "01K9TASK000000000000000009", Kind: model.TaskInstall, Instance: hosted.ID,
				Created: b.Clock, Text: model.Quoted("", "install it")})
		},
		"renewals used up: 1": func() { hosted.Hosting.RenewalsLeft = 0 },
	} {
		b.Change(func(*kittest.World) { change() })
		d.feed()
		if d.sees(text); d.has("all renew automatically") {
			t.Errorf("%s, and yet:\n%s", text, d.screen())
		}
	}
}

// TestHostingAsksBeforeItMakesAContact makes the contact that was typed only
// once the price is confirmed. spec: H1 H2
func TestHostingAsksBeforeItMakesAContact(t *testing.T) {
	b := kittest.Fleet(60)
	b.People = nil
	fill := func() *driver {
		d := drive(t, b, 80, 24)
		d.row("pay.").act("host").sees("a new contact").fill("contact name", "Ops").fill("contact email", "ops@example.com").keys("ctrl+s")
		return d
	}
	d := fill()
	d.keys("n").sees("nothing bought").called()
	d = fill()
	d.keys("y")
	if calls := d.b.NewEvents(); len(calls) != 2 || calls[0] != "contact Ops" || calls[1] != "host pay.example.com" {
		t.Errorf("calls %q", calls)
	}
}

// Each hosted certificate of which something needs a person says so, and they
// can be listed alone. spec: H2 V4
func TestHostingMarksWhatNeedsAPerson(t *testing.T) {
	b := kittest.Fleet(60)
	for _, i := range b.Instances[14:20] {
		i.Hosting.On, i.Hosting.RenewalsLeft = true, 1
	}
	b.Open = append(b.Open, model.Task{ID: "01K9TASK000000000000000009", Kind: model.TaskInstall, Instance: b.Instances[15].ID,
		Text: model.Quoted("", "install it")})
	name := b.Instances[15].Name
	only := func(d *driver) *driver {
		return d.keys(":").text(text.New("en").T("hosting.act.person")).keys("enter")
	}
	drive(t, b, 80, 24).keys("2").click("1 needs a person").sees("What needs a person")
	d := drive(t, b, 80, 24).keys("2").sees("▲ 1 needs a person  !", "▲ "+name, "7 hosted")
	if n := strings.Count(d.screen(), "▲"); n != 2 {
		t.Errorf("%d marks, want one above and one at its row:\n%s", n, d.screen())
	}
	only(d).sees("/ is:needs-person", name, "1 hosted").fits()
	only(d).sees("7 hosted")
	d = only(drive(t, b, 80, 24, func(o *Options) { o.Plain = true }).keys("2"))
	if said := d.m.View().Content; strings.Count(said, name) == 0 || !strings.Contains(flat(said), ",needsaperson") {
		t.Errorf("it is not said:\n%s", said)
	}
}
