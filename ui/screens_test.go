package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/exp/golden"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// pictures says which pictures of a screen are kept, beside the checks that all
// screens pass: of tabs, dialogs and forms that are each laid out in their own
// way. They are few, so that each one that changes is looked at.
type pictures int

const (
	english pictures = 1 << iota // at 80x24 and 120x40
	inZh                         // in Chinese, at 80x24
	read                         // as read to a screen reader, at 80x24
)

// screens are all there are to look at: whose fleet, the way there, and the
// pictures that are kept.
var screens = []struct {
	name  string
	fleet func() *kittest.World
	way   func(d *driver)
	kept  pictures
}{
	{"list", sixty, func(d *driver) {}, english | inZh | read},
	{"cards", sixty, func(d *driver) { d.act("layout") }, english},
	{"empty", kittest.New, func(d *driver) {}, english},
	{"filter", sixty, func(d *driver) { d.act("filter").text("sh") }, 0},
	{"marked", sixty, func(d *driver) { d.act("mark", "mark", "mark") }, english},
	{"panel", sixty, func(d *driver) { d.act("panel") }, english},
	{"details", sixty, func(d *driver) { d.find("shop").act("details") }, english | inZh | read},
	{"details-deployments", sixty, func(d *driver) { d.find("shop").act("details", "next-pane", "next-pane") }, 0},
	{"details-history", sixty, func(d *driver) { d.find("img.").act("details", "next-pane", "next-pane") }, english},
	{"details-awaiting", sixty, func(d *driver) { d.find("corp").act("details") }, english},
	{"details-awaiting-review", sixty, func(d *driver) { d.find("bank").act("details") }, 0},

	{"hosting", sixty, func(d *driver) { d.act("tab-hosting") }, english},
	{"hosting-details", hostedFleet, func(d *driver) { d.act("tab-hosting", "details") }, english},
	{"hosting-panel", hostedFleet, func(d *driver) { d.act("tab-hosting", "panel") }, 0},
	{"hosting-filtered", hostedFleet, func(d *driver) { d.act("tab-hosting", "panel").keys("down", "space", "enter") }, 0},
	{"deployments", sixty, func(d *driver) { d.act("tab-deployments") }, english | inZh | read},
	{"deployments-slb", sixty, func(d *driver) { d.act("tab-deployments", "next-product") }, 0},
	{"deployments-useless", sixty, func(d *driver) { d.act("tab-deployments", "filter").text("old") }, 0},
	{"deployments-empty", kittest.New, func(d *driver) { d.act("tab-deployments") }, 0},
	{"watched", sixty, func(d *driver) { d.act("tab-deployments", "previous-product") }, english},
	{"watched-none", kittest.New, func(d *driver) { d.act("tab-deployments", "previous-product") }, 0},
	{"watched-sorted", sixty, func(d *driver) { d.act("tab-deployments", "previous-product", "sort") }, 0},
	{"watched-details", sixty, func(d *driver) { d.act("tab-deployments", "previous-product", "details") }, english},
	{"activity", sixty, func(d *driver) { d.act("tab-activity") }, english | inZh | read},
	{"activity-oldest", sixty, func(d *driver) { d.act("tab-activity", "sort-reverse") }, 0},
	{"activity-event", sixty, func(d *driver) { d.act("tab-activity", "details") }, english},
	{"forecast", ahead, func(d *driver) { d.act("tab-forecast") }, english | inZh | read},
	{"forecast-empty", kittest.New, func(d *driver) { d.act("tab-forecast") }, 0},
	{"forecast-days", ahead, func(d *driver) { d.act("tab-forecast").row("2026-12").act("details") }, english},
	{"forecast-moments", ahead, func(d *driver) { d.act("tab-forecast", "right", "down") }, 0},
	{"forecast-sorted", ahead, func(d *driver) { d.act("tab-forecast", "sort") }, 0},
	{"forecast-compare", ahead, func(d *driver) { d.act("tab-forecast", "compare-47-days").row("2026-12") }, english},
	{"forecast-compare-theirs", ahead, func(d *driver) { d.act("tab-forecast", "compare-47-days", "whose-moments").row("2026-12") }, 0},
	{"forecast-explain", ahead, func(d *driver) { d.act("tab-forecast", "compare-47-days").row("2026-12").act("explain") }, english},

	{"authorities", kittest.Authorities, func(d *driver) { d.act("authorities").keys("j") }, english | inZh | read},
	{"authorities-own", sixty, func(d *driver) { d.act("authorities") }, 0},
	{"authorities-failing", kittest.Authorities, func(d *driver) { d.act("authorities").keys("j", "j") }, 0},
	{"issuer-add", kittest.Authorities, func(d *driver) { d.act("authorities").keys("a") }, english},
	{
		"issuer-own",
		kittest.Authorities,
		func(d *driver) {
			if d.act("authorities").keys("a"); d.m.ctx.Backend.Actor().Role >= model.Admin { // others are refused
				d.choose("ca", "own").field("eab_key_file").text("abc")
			}
		},
		0,
	},
	{"issuer-further", kittest.Authorities, func(d *driver) { d.act("authorities").keys("a", "pgdown") }, 0},
	{"products", kittest.New, func(d *driver) { d.act("tab-deployments", "products") }, english},
	{
		"product-add",
		kittest.New,
		func(d *driver) {
			if d.act("tab-deployments", "products").keys("a"); d.m.ctx.Backend.Actor().Role >= model.Admin { // others are refused
				d.choose("driver", "server").fill("name", "Web").keys("ctrl+s").fill("ssh", "deploy@web1")
			}
		},
		0,
	},
	{"product-proposed", kittest.Found, func(d *driver) {
		if d.act("tab-deployments", "products").keys("a"); d.m.ctx.Backend.Actor().Role >= model.Admin { // others are refused
			d.choose("driver", "server").fill("name", "Web").keys("ctrl+s", "ctrl+t")
		}
	}, 0},
	{"discovery", kittest.Found, func(d *driver) { d.act("discovery") }, english},
	{"adopt", kittest.Found, func(d *driver) { d.act("discovery").keys("*", "enter") }, 0},
	{"adopt-confirm", kittest.Found, func(d *driver) { d.act("discovery").keys("enter", "ctrl+s") }, english},
	{"accept", drifted, func(d *driver) { d.act("tab-deployments").row("pay.").act("accept") }, english},
	{"put-right", drifted, func(d *driver) { d.act("tab-deployments").row("pay.").act("deploy") }, 0},
	{"deploy-outside", sixty, func(d *driver) { d.nightly().row("api.").act("deploy").choose("product", "Night").keys("ctrl+s") }, english},
	{"receipt", deployedWithReceipt, func(d *driver) { d.act("tab-activity", "details").keys("r") }, english},
	{"receipts", deployedWithReceipt, func(d *driver) { d.act("tab-deployments").row("shop.shop").act("details").keys("r") }, 0},
	{"users", team, func(d *driver) { d.act("users") }, english},
	{"user-add", team, func(d *driver) { d.act("users").keys("a") }, 0},
	{"user-remove", team, func(d *driver) { d.act("users").keys("j", "ctrl+x") }, 0},
	{"approve", team, func(d *driver) { d.act("tasks").keys("G", "A") }, english},
	{"dns-accounts", kittest.Authorities, func(d *driver) { d.act("authorities").keys("d") }, 0},
	{"dns-add", kittest.Authorities, func(d *driver) { d.act("authorities").keys("d", "a").text("cloud") }, 0},

	{"help", sixty, func(d *driver) { d.act("help") }, english | inZh | read},
	{"forecast-help", ahead, func(d *driver) { d.act("tab-forecast", "help") }, 0},
	{"palette", sixty, func(d *driver) { d.act("palette").text("sav") }, english},
	{"palette-refused", sixty, func(d *driver) { d.act("palette").text("close").keys("down") }, 0},
	{"explain", sixty, func(d *driver) { d.act("explain") }, english | inZh},
	{"refused", sixty, func(d *driver) { d.act("renew") }, english | inZh | read},
	{"undo", sixty, func(d *driver) { d.act("undo") }, 0},
	{"quit", sixty, func(d *driver) { d.act("ask-quit") }, english},
	{"costs-packs", sixty, func(d *driver) { d.act("costs") }, english},
	{"costs-months", sixty, func(d *driver) { d.act("costs").keys("tab") }, english},
	{"costs-orders", sixty, func(d *driver) { d.act("costs").keys("left") }, english},

	{"buy", sixty, func(d *driver) { d.act("buy").choose("brand", "letsencrypt").field("level") }, english | inZh | read},
	{"buy-confirm", sixty, func(d *driver) { d.act("buy").keys("ctrl+s") }, english | inZh},
	{"buy-hosting", sixty, func(d *driver) { d.act("buy").choose("grade", "standard").choose("hosting", "yes").field("contact") }, 0},
	{"buy-from-pack", sixty, func(d *driver) { d.act("buy").choose("grade", "standard").choose("pay", "pack") }, 0},
	{"buy-pack", sixty, func(d *driver) { d.act("buy").choose("what", "certificate") }, english},
	{"buy-pack-confirm", sixty, func(d *driver) { d.act("buy").choose("what", "credit").keys("ctrl+s") }, 0},
	{"apply", sixty, func(d *driver) { d.find("new").act("apply") }, english | inZh | read},
	{"apply-wrong", sixty, func(d *driver) { d.find("new").act("apply").fill("domains", "*.x").keys("tab") }, 0},
	{"apply-names", ov, func(d *driver) { d.find("OV").act("apply").fill("domains", "bücher.de") }, 0},
	{"apply-csr", ov, func(d *driver) {
		d.find("OV").act("apply").choose("request", "file").fill("csr file", "x").field("request")
	}, english},
	{"apply-organization", ov, func(d *driver) { d.find("OV").act("apply").field("pick company").keys("right") }, english},
	{"apply-documents", ov, func(d *driver) {
		d.find("OV").act("apply").fill("document", "extract.png").keys("enter").fill("document",
			"stamped.png").keys("enter").field("document row 2")
	}, english},
	{"apply-submit", ov, func(d *driver) { d.find("OV").act("apply").field("contact") }, english},
	{"apply-like", ov, func(d *driver) { d.find("OV").act("apply").field("like").keys("right") }, 0},
	{"apply-like-found", ov, func(d *driver) { d.find("OV").act("apply").field("like").text("exa").keys("right") }, 0},
	{"apply-like-done", ov, func(d *driver) { d.find("OV").act("apply").field("like").keys("right", "right", "enter") }, 0},
	{"apply-packs", twoPacks, func(d *driver) { d.find("pack").act("apply").fill("domains", "w.de").choose("hosting packs", "1") }, 0},
	{"apply-packs-none", twoPacks, func(d *driver) { d.find("pack").act("apply").field("hosting packs") }, 0},
	{"apply-packs-few", twoPacks, func(d *driver) { d.find("pack").act("apply").fill("domains", "w.de").choose("hosting packs", "3") }, 0},
	{"apply-packs-buy", twoPacks, func(d *driver) {
		d.find("pack").act("apply").fill("domains", "w.de").choose("hosting packs", "3").keys("ctrl+b")
	}, 0},
	{"apply-pasted", ov, func(d *driver) { d.find("OV").act("apply").field("document pasted").text("abc") }, 0},
	{"review", sixty, func(d *driver) { d.find("bank").act("review") }, english | inZh},
	{"review-save", sixty, func(d *driver) { d.find("bank").act("review").keys("s") }, 0},
	{"review-reject", sixty, func(d *driver) { d.find("bank").act("review").keys("r", "ctrl+s") }, 0},
	{"upload-key", sixty, func(d *driver) { d.find("legacy").act("upload-key") }, 0},
	{"import", sixty, func(d *driver) { d.act("upload") }, english},
	{"save", sixty, func(d *driver) { d.row("api.").act("download") }, english},
	{"deploy", sixty, func(d *driver) { d.row("api.").act("deploy").choose("product", "SLB").field("regions") }, english | inZh},
	{"undeploy", sixty, func(d *driver) { d.find("shop").act("undeploy") }, english},
	{"undeploy-one", sixty, func(d *driver) { d.row("old.").act("undeploy") }, 0},
	{"auto-deploy", hostedFleet, func(d *driver) { d.act("tab-hosting", "auto-deploy") }, english},
	{"renew", sixty, func(d *driver) { d.row("pay.").act("renew") }, english},
	{"reissue", sixty, func(d *driver) { d.row("pay.").act("reissue") }, english},
	{"reissue-csr", sixty, func(d *driver) { d.row("pay.").act("reissue").choose("key", "file") }, 0},
	{"host", sixty, func(d *driver) { d.row("pay.").act("host") }, english},
	{"host-confirm", sixty, func(d *driver) { d.row("pay.").act("host").keys("ctrl+s") }, 0},
	{"stop-hosting", hostedFleet, func(d *driver) { d.act("tab-hosting", "host") }, 0},
	{"watch-add", sixty, func(d *driver) { d.act("tab-deployments", "previous-product", "watch-add") }, 0},
	{"withdraw", sixty, func(d *driver) { d.find("corp").act("withdraw") }, read},
	{"revoke", sixty, func(d *driver) { d.row("pay.").act("revoke") }, english | inZh},
	{"revoke-wrong", sixty, func(d *driver) { d.row("pay.").act("revoke").fill("typed", "no").keys("enter") }, read},
	{"close", sixty, func(d *driver) { d.find("new").act("close") }, 0},
	{"delete", sixty, func(d *driver) { d.find("gone").act("delete") }, english},
}

// team is a fleet with users, one of whom asks for a second person.
func team() *kittest.World {
	b := kittest.Fleet(20)
	for n, u := range []model.User{
		{Name: "anna", Role: model.Owner}, {Name: "rita", Role: model.Reviewer}, {Name: "ben", Role: model.Operator},
		{Name: "vera", Role: model.Viewer, Disabled: b.Clock},
	} {
		u.ID, u.Added, u.By = model.ID(fmt.Sprintf("01K9USER00000000000000000%d", n)), b.Clock, "anna"
		switch u.Name {
		case "ben":
			u.Principals = []string{"ben@example.com"}
		case "vera":
		default:
			u.Keys = []model.UserKey{{
				Fingerprint: "SHA256:XvRJRXbI4Ttf/9UsqEegRzzpujpS+Ttv4T/cbPLfu2" + fmt.Sprint(n), Comment: u.Name + "@laptop",
			}}
		}
		b.Members = append(b.Members, u)
	}
	b.Open = append(b.Open, model.Task{
		ID: "01K9TASK000000000000000007", Kind: model.TaskApprove, Created: b.Clock, Instance: b.Instances[0].ID,
		Text: model.Say("todo.approve-what", "by", "ben", "action", rules.Revoke, "name", b.Instances[0].Name, "what", "superseded"),
	})
	return b
}

func sixty() *kittest.World    { return kittest.Fleet(60) }
func drifted() *kittest.World  { return kittest.Fleet(2) }
func twoPacks() *kittest.World { return fromPack(2, 2) }

// TestScreens compares screens with golden files, which go test ./ui -update writes for
// review.
func TestScreens(t *testing.T) {
	type picture struct {
		lang  string
		plain bool
		w, h  int
	}
	names := map[string]bool{}
	kept := map[pictures][]picture{
		english: {{"en", false, 80, 24}, {"en", false, 120, 40}},
		inZh:    {{"zh", false, 80, 24}},
		read:    {{"en", true, 80, 24}},
	}
	for _, s := range screens {
		for kind, ps := range kept {
			for _, p := range ps {
				if s.kept&kind == 0 {
					continue
				}
				name := fmt.Sprintf("%s_%dx%d", s.name, p.w, p.h)
				switch kind {
				case inZh:
					name = "zh-" + name
				case read:
					name = "plain-" + name
				}
				names[name+".golden"] = true
				t.Run(name, func(t *testing.T) {
					d := drive(t, s.fleet(), p.w, p.h, reviewer, session(s.name, p.lang, p.plain))
					s.way(d)
					if p.plain {
						golden.RequireEqual(t, d.spoken())
					} else {
						golden.RequireEqual(t, d.screen()+"\n")
					}
				})
			}
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !names[f.Name()] {
			t.Errorf("%s is the picture of no screen; delete it", f.Name())
		}
	}
}

// byOwner are how the names begin of the screens that only owners and admins see.
// Reviewers see the others.
var byOwner = []string{"adopt", "discovery", "issuer", "product", "user"}

// session is how a screen is looked at.
func session(name, lang string, plain bool) func(*Options) {
	return func(o *Options) {
		if slices.ContainsFunc(byOwner, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			asOwner(o)
		}
		o.Remote, o.Support, o.Lang, o.Plain = name == "apply-pasted", support, lang, plain
		o.EdgeNote = text.New(lang).T("edge.note")
	}
}
