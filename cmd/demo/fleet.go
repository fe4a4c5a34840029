package demo

import (
	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
)

// story is the history of one certificate: when it was bought, in days before the
// present, and what was done with it.
type story struct {
	ago       int
	names     string // separated by spaces
	level     model.Level
	grade     model.Grade
	years     int
	key       model.KeyType
	host      hosting
	resources []string // PRODUCT or PRODUCT/REGION
	auto      bool     // auto-deploy everywhere it is deployed
	tags      []string
	end       ending
	after     int // when it ended, or was renewed by hand, in days before the present
}

// issuer is the brand of a certificate: those that cost nothing are of the public
// authority.
func (l *story) issuer() string {
	if l.level == model.DV && l.grade == model.Free && l.host != hostedPacks {
		return Brand
	}
	return embedded.Brand
}

type hosting int

const (
	notHosted    hosting = iota
	hostedBought         // bought with hosting (spec B3)
	hostedLater          // hosting switched on after issue (spec H1)
	hostedPacks          // from packs, with two hosting packs (spec H6)
)

type ending int

const (
	goesOn ending = iota
	paidOnly
	draftOnly
	awaitsReview
	rejected
	revoked
	closed
	renewed // by hand, and its successor is deployed in its place
)

// history is the length of the history in days.
const history = 420

// Months is how many months the history has, about.
const Months = 14

// fleet is the demo's fleet: about sixty certificates of a company, in every state.
var fleet = []story{
	// Renewed and redeployed automatically.
	{ago: 410, names: "shop.example.com", level: model.OV, grade: model.Professional,
		host: hostedBought, resources: []string{"CDN", "SLB/eu-central-1"}, auto: true},
	{ago: 408, names: "pay.example.com", level: model.EV, grade: model.Professional,
		host: hostedBought, resources: []string{"WAF/eu-central-1", "SLB/eu-central-1"}, auto: true, key: model.ECDSAP384},
	{
		ago:       400,
		names:     "*.shop.example.com",
		level:     model.DV,
		grade:     model.Standard,
		host:      hostedBought,
		resources: []string{"CDN"},
		auto:      true,
	},
	{ago: 380, names: "api.example.net", level: model.DV, grade: model.Standard,
		host: hostedBought, resources: []string{"SLB/ap-southeast-1"}, auto: true},
	{ago: 377, names: "img.example.com", level: model.DV, grade: model.Standard,
		host: hostedBought, resources: []string{"CDN", "DCDN"}, auto: true},
	{ago: 371, names: "login.example.com", level: model.OV, grade: model.Standard,
		host: hostedBought, resources: []string{"WAF/cn-hangzhou"}, auto: true},
	{ago: 355, names: "static.example.net", level: model.DV, grade: model.Free, host: hostedLater, resources: []string{"CDN"}, auto: true},
	{ago: 349, names: "m.example.com", level: model.DV, grade: model.Standard, host: hostedPacks, resources: []string{"DCDN"}, auto: true},
	{
		ago:       338,
		names:     "media.example.org",
		level:     model.DV,
		grade:     model.Standard,
		host:      hostedLater,
		resources: []string{"SCDN"},
		auto:      true,
	},
	{ago: 330, names: "video.example.org", level: model.DV, grade: model.Standard, host: hostedPacks, resources: []string{"DCDN"}},
	{ago: 301, names: "data.example.net", level: model.DV, grade: model.Standard,
		host: hostedLater, resources: []string{"SLB/us-west-1"}, auto: true},
	{ago: 288, names: "search.example.com", level: model.DV, grade: model.Standard,
		host: hostedBought, resources: []string{"SLB/eu-central-1"}, auto: true},
	{ago: 260, names: "mail.example.com imap.example.com smtp.example.com", level: model.DV, grade: model.Standard,
		host: hostedLater, key: model.RSA2048},
	{ago: 244, names: "bücher.example", level: model.DV, grade: model.Standard, host: hostedLater, resources: []string{"CDN"}, auto: true},
	{ago: 231, names: "events.example.com", level: model.DV, grade: model.Free, host: hostedLater, resources: []string{"CDN"}},
	{
		ago:       208,
		names:     "docs.example.com",
		level:     model.DV,
		grade:     model.Standard,
		host:      hostedBought,
		resources: []string{"CDN"},
		auto:      true,
	},
	{
		ago:       190,
		names:     "status.example.net",
		level:     model.DV,
		grade:     model.Standard,
		host:      hostedLater,
		resources: []string{"DCDN"},
		auto:      true,
	},
	{ago: 177, names: "cart.example.com", level: model.OV, grade: model.Standard,
		host: hostedBought, resources: []string{"WAF/us-west-1"}, auto: true},
	{ago: 150, names: "app.example.net", level: model.DV, grade: model.Standard,
		host: hostedLater, resources: []string{"SLB/ap-southeast-1"}, auto: true},
	{ago: 133, names: "news.example.org", level: model.DV, grade: model.Free, host: hostedLater, resources: []string{"SCDN"}, auto: true},
	{ago: 120, names: "*.example.dev", level: model.DV, grade: model.Standard, host: hostedPacks, resources: []string{"CDN"}},
	{ago: 96, names: "partner.example.com", level: model.OV, grade: model.Standard,
		host: hostedBought, resources: []string{"WAF/eu-central-1"}, auto: true},
	{ago: 75, names: "chat.example.net", level: model.DV, grade: model.Standard,
		host: hostedLater, resources: []string{"SLB/eu-central-1"}, auto: true},
	{
		ago:       52,
		names:     "maps.example.com",
		level:     model.DV,
		grade:     model.Standard,
		host:      hostedBought,
		resources: []string{"CDN"},
		auto:      true,
	},
	{ago: 31, names: "beta.example.dev", level: model.DV, grade: model.Free, host: hostedLater, resources: []string{"DCDN"}},
	{ago: 9, names: "cloud.example.net", level: model.DV, grade: model.Standard,
		host: hostedBought, resources: []string{"SLB/cn-hangzhou"}, auto: true},

	// Reissued within the service period, but not renewed.
	{ago: 392, names: "intranet.example.com", level: model.DV, grade: model.Standard, years: 2, resources: []string{"SLB/eu-central-1"}},
	{ago: 340, names: "wiki.example.com", level: model.DV, grade: model.Free, resources: []string{"CDN"}},
	{ago: 336, names: "jobs.example.com", level: model.DV, grade: model.Standard, resources: []string{"CDN"}},
	{ago: 310, names: "forum.example.org", level: model.DV, grade: model.Free, years: 2},
	{ago: 275, names: "git.example.dev registry.example.dev", level: model.DV, grade: model.Standard,
		years: 2, resources: []string{"SLB/eu-central-1"}},
	{ago: 255, names: "ci.example.dev", level: model.DV, grade: model.Free},
	{ago: 220, names: "vpn.example.com", level: model.OV, grade: model.Standard, years: 2, key: model.RSA3072},
	{ago: 215, names: "grafana.example.dev", level: model.DV, grade: model.Free},
	{ago: 199, names: "crm.example.com", level: model.OV, grade: model.Professional, resources: []string{"WAF/cn-hangzhou"}},
	{ago: 140, names: "survey.example.org", level: model.DV, grade: model.Free, resources: []string{"SCDN"}},
	{ago: 118, names: "a.example.net b.example.net c.example.net d.example.net e.example.net f.example.net",
		level: model.DV, grade: model.Standard, resources: []string{"SLB/us-west-1"}},
	{ago: 92, names: "download.example.com", level: model.DV, grade: model.Standard, resources: []string{"CDN"}},
	{ago: 85, names: "radio.example.org", level: model.DV, grade: model.Free, resources: []string{"SCDN"}},
	{ago: 44, names: "lab.example.dev", level: model.DV, grade: model.Free},
	{ago: 27, names: "press.example.com", level: model.DV, grade: model.Standard, resources: []string{"CDN"}},
	{ago: 12, names: "summer.example.com", level: model.DV, grade: model.Standard, resources: []string{"CDN", "DCDN"}},
	{ago: 3, names: "tickets.example.com", level: model.DV, grade: model.Standard},

	// Renewed by hand before its year was over.
	{ago: 391, names: "tools.example.com", level: model.DV, grade: model.Standard, resources: []string{"CDN"},
		tags: []string{"office"}, end: renewed, after: 35},

	// Left to expire.
	{ago: 418, names: "old.example.org", level: model.DV, grade: model.Free, resources: []string{"CDN"}},
	{ago: 385, names: "campaign.example.com", level: model.DV, grade: model.Free},

	// Ended.
	{ago: 300, names: "leaked.example.com", level: model.DV, grade: model.Standard, end: revoked, after: 80},
	{ago: 14, names: "mistake.example.com", level: model.DV, grade: model.Professional, end: revoked, after: 5},
	{ago: 60, names: "", level: model.DV, grade: model.Free, end: closed, after: 58},

	// In progress.
	{ago: 6, names: "bank.example.com", level: model.EV, grade: model.Professional, end: awaitsReview},
	{ago: 2, names: "invest.example.com", level: model.OV, grade: model.Standard, end: awaitsReview},
	{ago: 11, names: "unclear.example.com", level: model.OV, grade: model.Standard, end: rejected, after: 8},
	{ago: 4, names: "winter.example.com", level: model.DV, grade: model.Standard, end: draftOnly},
	{ago: 1, names: "", level: model.DV, grade: model.Standard, end: paidOnly},
	{ago: 1, names: "", level: model.OV, grade: model.Professional, years: 2, end: paidOnly},
}
