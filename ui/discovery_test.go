package ui

import (
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/authority"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestTheFormOfAProductProposesWhatRunsThere looks at this machine at once and at others by a
// key, says which line is wrong, and takes the settings over by a key. spec: P1
func TestTheFormOfAProductProposesWhatRunsThere(t *testing.T) {
	b := kittest.New()
	d := drive(t, b, 120, 40, asOwner)
	d.keys("3", "M", "a").choose("driver", "server").fill("name", "Web").keys("ctrl+s")
	d.sees("local: "+kittest.AtWork, "serves api.example.net, shop.example.com", "old.example.org in "+kittest.AtWork+":44")
	d.sees("● local: the usual settings", "ctrl+t take over")
	d.keys("ctrl+t").sees("The settings for local are in the form", "● local: "+kittest.AtWork)
	d.fill("conf", kittest.BrokenConf).keys("ctrl+f").sees("unexpected } in " + kittest.BrokenConf + ":3")
	d.keys("ctrl+t").sees("● local: " + kittest.AtWork).keys("ctrl+t").sees("● local: the usual settings").keys("ctrl+t")
	d.fill("ssh", "root@"+kittest.BadHost).keys("tab").sees("ctrl+f looks for servers of server there")
	if d.has("take over") {
		t.Errorf("what was found elsewhere is taken over:\n%s", d.screen())
	}
	d.keys("ctrl+f").sees("no route to host")
	d.fill("ssh", "").keys("ctrl+s").sees("Web is saved and ready for deployments")
	p, err := b.Access.Product("web")
	if err != nil || p.Declared.Settings["conf"] != kittest.AtWork {
		t.Errorf("%+v, %v", p.Declared.Settings, err)
	}
}

// TestAdoptingAsksForIssuerAndContactAndIsUndone adopts by keys alone, with what is filled in,
// and takes it back by u. spec: P4
func TestAdoptingAsksForIssuerAndContactAndIsUndone(t *testing.T) {
	drive(t, kittest.New(), 120, 40, asOwner).sees("U  discover what this machine and other servers hold already")
	b := kittest.Found()
	d := drive(t, b, 120, 40, asOwner)
	d.sees("U  see the certificate found on this machine")
	d.keys("U").sees("shop.example.com", "api.example.net", "old.example.org")
	d.keys("enter").sees("Adopt 1 certificate", "as found: embedded", "Ops <ops@example.com>", "upload certificate and key")
	d.choose("brand", "\x00keep").sees("kept, not renewed")
	if d.has("Ops <") {
		t.Errorf("a contact is asked for what nobody renews:\n%s", d.screen())
	}
	d.choose("brand", "embedded").sees("renew by embedded")
	d.keys("ctrl+s").sees("Adopt?", "renew by embedded").keys("y").sees("1 adopted").keys("esc")
	d.sees("u undo: give back the certificate adopted")
	hosted := func() int {
		all, err := b.Search(t.Context(), "is:hosted")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if hosted() != 1 {
		t.Error("what was adopted is not hosted")
	}
	d.keys("u").sees("Undo the adoption of shop.example.com").keys("y").sees("is as it was before it was adopted")
	d.feed()
	if hosted() != 0 || d.has("undo: give back") {
		t.Errorf("it is adopted still:\n%s", d.screen())
	}
}

// nightly adds the product Night, to which certificates are deployed by night.
func (d *driver) nightly() *driver {
	d.t.Helper()
	owner := d.b.Engine.As(func() model.Actor { return model.Actor{Name: "ada", Role: model.Owner, Via: "terminal"} })
	_, err := owner.AddProduct(d.t.Context(), authority.Declaration{
		Name: "Night", Kind: "server", Settings: map[string]any{"windows": []string{"0 2 * * * 4h UTC"}},
	}, nil, false)
	if err != nil {
		d.t.Fatal(err)
	}
	d.feed()
	return d
}

// deployedWithReceipt is a world with one resource, of whose deployment the receipt and the
// event are kept.
func deployedWithReceipt() *kittest.World {
	w := kittest.Fleet(2)
	r := w.Places[0]
	w.Receipts = []model.Receipt{
		{
			Job: "01KAJF5Z1G0000000000000JOB", Resource: r.ID, Instance: r.Instance, Product: r.Product, Region: r.Region, Name: r.Name,
			Version: 1, Wave: 1, Waves: 2, Actor: "anna", Via: "terminal", Cause: "asked", Began: w.Clock.Add(-time.Minute),
			Ended: w.Clock.Add(-50 * time.Second), Before: strings.Repeat("0b", 32), After: r.Deployed, Address: r.Address, Result: "ok",
			Changes: []model.PlannedChange{
				{Kind: "create", Subject: "/etc/nginx/tls/.certquay/shop.example.com/fullchain.pem", After: r.Deployed},
				{Kind: "link", Subject: "/etc/nginx/tls/shop.pem", After: ".certquay/shop.example.com/current/fullchain.pem"},
				{Kind: "run", Subject: "nginx -s reload"},
			},
		},
		{
			Job: "01KAJF5Z0G0000000000000JOB", Resource: r.ID, Instance: r.Instance, Product: r.Product, Region: r.Region, Name: r.Name,
			Version: 1, Actor: "certquay", Via: "scheduler", Cause: "due", Began: w.Clock.Add(-time.Hour), Ended: w.Clock.Add(-time.Hour),
			Before: strings.Repeat("0b", 32), After: strings.Repeat("0b", 32), Address: r.Address, Result: "failed",
			Reason: model.Quoted("nginx", "reload failed"),
		},
	}
	w.Events = []model.Event{
		{
			Seq:      950,
			At:       w.Clock.Add(-50 * time.Second),
			Actor:    "anna",
			Via:      "terminal",
			Action:   "deploy",
			Instance: r.Instance,
			Resource: r.ID,
			Name:     w.Instances[0].Name,
			Why:      "asked",
			Result:   "ok",
			Receipt:  w.Receipts[0].Job,
			Detail:   model.Say("log.presents", "place", r.Place(), "version", 1, "address", r.Address),
		},
	}
	return w
}

// TestEventsAndResourcesLeadToReceipts opens the receipt of a deployment by a key. spec: P10
func TestEventsAndResourcesLeadToReceipts(t *testing.T) {
	w := deployedWithReceipt()
	d := drive(t, w, 120, 40)
	d.keys("4", "enter").sees("r receipt", "01KAJF5Z1G0000000000000JOB").keys("r")
	d.sees("Receipt of a deployment", "link /etc/nginx/tls/shop.pem", "1 of 2", "handshake at "+w.Places[0].Address).keys("esc")
	d.keys("3").row("shop.shop").keys("enter").sees("r receipts").keys("r").sees("Receipts of ", "failed", "by certquay")
	d.keys("j", "enter").sees("failed, and restored: reload failed").keys("esc")
}
