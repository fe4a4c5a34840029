package action

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// What can be bought: certificates, or packs by their kind.
const buyCertificates = "certificates"

// purchase is what the form for buying is made from.
type purchase struct {
	c        *app.Context
	issuers  map[string]rules.Capabilities
	usual    string                // the brand that the form begins with
	declared []lifecycle.Authority // the issuers, in their order
	balances []ledger.Balance
	first    form.Values    // what the form begins with
	back     func() tea.Msg // where to go afterwards; nil stays
}

func (p *purchase) caps(v form.Values) rules.Capabilities { return p.issuers[v["brand"]] }

// buy asks what to buy, certificates or a pack, with the price of each line
// while one chooses (spec B1, B3, B4), and confirms it.
func buy(q *request) tea.Msg { return buyFor(q, nil, nil) }

// buyFor opens the purchase form from another form, prefilled with first, and returns
// there by back afterwards. It keeps no draft.
func buyFor(q *request, first form.Values, back func() tea.Msg) tea.Msg {
	c := q.c
	p := &purchase{c: c, issuers: c.Backend.Issuers(), first: first, back: back}
	if len(p.issuers) == 0 {
		return failedMsg(c, q.row, errors.New(c.T("buy.noissuer")))
	}
	var err error
	if p.balances, err = c.Backend.Balances(); err != nil {
		return failedMsg(c, q.row, err)
	}
	if p.usual, err = c.Backend.UsualBrand(); err != nil {
		return failedMsg(c, q.row, err)
	}
	if p.declared, err = c.Backend.Authorities(); err != nil {
		return failedMsg(c, q.row, err)
	}
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	spec := form.Spec{ID: "buy", Title: c.T("buy.title"), Submit: c.T("buy.submit"), Intro: []string{c.T("buy.intro")},
		Fields: append(p.fields(), contactFields(c, contacts, contactChoice{Show: isHosted, Needed: always})...), Preview: p.preview}
	if p.back != nil {
		spec.ID = ""
		for n := range spec.Fields {
			if v, ok := first[spec.Fields[n].Key]; ok {
				spec.Fields[n].Initial = v
			}
		}
	}
	return q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		if v["what"] != buyCertificates {
			return p.confirmPack(q, v)
		}
		return p.confirm(q, v)
	}, func(form.Cancelled) tea.Cmd { return p.leave() })
}

func isCertificatePurchase(v form.Values) bool { return v["what"] == buyCertificates }

// hasSpecification reports whether what is bought has a specification.
func hasSpecification(v form.Values) bool {
	return isCertificatePurchase(v) || v["what"] == string(ledger.PackCertificate)
}

func isPaidWithMoney(v form.Values) bool { return isCertificatePurchase(v) && v["pay"] != "pack" }
func isHosted(v form.Values) bool        { return isPaidWithMoney(v) && v["hosting"] == "yes" }

func (p *purchase) fields() []form.Field {
	c := p.c
	brands := slices.Sorted(maps.Keys(p.issuers))
	whats, labels := []string{buyCertificates}, []string{c.T("buy.what." + buyCertificates)}
	for _, k := range ledger.PackKinds {
		whats, labels = append(whats, string(k)), append(labels, c.T("buy.what."+string(k)))
	}
	return []form.Field{
		{Key: "what", Label: c.T("buy.what"), Kind: form.Select, Options: fixedOptions(whats, labels), Hint: func(v form.Values) string {
			if v["what"] == buyCertificates {
				return c.T("buy.what.certificates.hint", c.KeyNames("left", "right"))
			}
			return c.T("buy.what." + v["what"] + ".hint")
		}},
		{
			Key:     "brand",
			Label:   c.T("buy.brand"),
			Kind:    form.Select,
			Initial: p.usual,
			Show:    hasSpecification,
			Options: fixedOptions(brands, brands),
			Hint: func(v form.Values) string {
				k := p.caps(v)
				code := "buy.brand.private"
				if k.Public {
					code = "buy.brand.public"
				}
				can, terms := capabilitiesOf(c, k)
				h := c.T(code, can+c.Separator()+terms)
				if len(p.issuers) == 1 {
					h = widget.JoinCJK(h, c.T("buy.brand.more", c.KeyFor("authorities", AuthoritiesKey)))
				}
				return h
			},
		},
		{
			Key:     "fallback",
			Label:   c.T("buy.fallback"),
			Kind:    form.Select,
			Show:    func(v form.Values) bool { return isCertificatePurchase(v) && len(p.fallbackOptions(v)) > 1 },
			Options: p.fallbackOptions,
			Warn:    p.fallbackWarning,
			Hint:    func(v form.Values) string { return c.T("buy.fallback.hint", v["brand"]) },
		},
		{Key: "level", Label: c.T("buy.level"), Kind: form.Select, Show: hasSpecification, Options: func(v form.Values) []form.Option {
			return offeredOptions(c, "level", p.caps(v).Levels)
		}, OnSelect: func(v form.Values) form.Values {
			return form.Values{"grade": string(c.Backend.Policy().DefaultGrade[model.Level(v["level"])])}
		}, Hint: func(v form.Values) string {
			h := widget.JoinCJK(p.levelHint(v), notOffered(c, "level", model.Levels, p.caps(v).Levels, v["brand"]))
			if slices.Contains(p.caps(v).Reviewed, model.Level(v["level"])) {
				h = widget.JoinCJK(h, c.T("buy.reviewed"))
			}
			return h
		}},
		{Key: "type", Label: c.T("buy.type"), Kind: form.Select, Show: hasSpecification, Options: func(v form.Values) []form.Option {
			return offeredOptions(c, "type", types(v, p.caps(v)))
		}, Hint: func(v form.Values) string {
			h := c.T("buy.type." + v["type"])
			if v["level"] == string(model.EV) {
				return widget.JoinCJK(h, c.T("buy.evwildcard"))
			}
			return widget.JoinCJK(h, notOffered(c, "type", model.DomainTypes, p.caps(v).Types, v["brand"]))
		}},
		{
			Key:     "grade",
			Label:   c.T("buy.grade"),
			Kind:    form.Select,
			Show:    hasSpecification,
			Initial: string(c.Backend.Policy().DefaultGrade[model.DV]),
			Options: func(v form.Values) []form.Option {
				return offeredOptions(c, "grade", p.caps(v).Grades)
			},
			Hint: func(v form.Values) string {
				return widget.JoinCJK(c.T("buy.grade."+v["grade"]), notOffered(c, "grade", model.Grades, p.caps(v).Grades, v["brand"]))
			},
		},
		{Key: "pay", Label: c.T("buy.pay"), Kind: form.Select, Show: isCertificatePurchase,
			Options: fixedOptions([]string{"money", "pack"}, []string{c.T("buy.pay.money"), c.T("buy.pay.pack")}),
			Hint: func(v form.Values) string {
				b := p.balance(specOf(v))
				if v["pay"] == "pack" {
					return c.T("buy.pay.pack.hint", b.Available, b.Total)
				}
				return c.T("buy.pay.money.hint", b.Available)
			}},
		{
			Key:     "years",
			Label:   c.T("buy.years"),
			Kind:    form.Select,
			Show:    isPaidWithMoney,
			Options: fixedOptions([]string{"1", "2"}, []string{c.T("buy.year1"), c.T("buy.year2")}),
			Hint:    func(form.Values) string { return c.T("buy.years.hint") },
		},
		{Key: "quantity", Label: c.T("buy.quantity"), Initial: "1", Valid: func(s string, v form.Values) string {
			_, wrong := quantity(c, s, v)
			return wrong
		}, Hint: func(v form.Values) string {
			if isCertificatePurchase(v) {
				return c.T("buy.quantity.hint")
			}
			return c.T("buy.quantity.hint.pack")
		}},
		{
			Key:     "hosting",
			Label:   c.T("buy.hosting"),
			Kind:    form.Select,
			Show:    isPaidWithMoney,
			Options: fixedOptions([]string{"no", "yes"}, []string{c.T("buy.hosting.no"), c.T("buy.hosting.yes")}),
			Hint:    func(v form.Values) string { return c.T("buy.hosting.hint." + v["hosting"]) },
			Valid: func(s string, v form.Values) string {
				if s == "yes" && v["years"] != "1" {
					return c.T("buy.hosting.years")
				}
				return ""
			},
		},
	}
}

// levelHint says what is verified about the applicant. An issuer that asks for
// no proof of control takes the word of its operator for the names.
func (p *purchase) levelHint(v form.Values) string {
	key := "buy.level." + v["level"]
	if v["level"] == string(model.DV) && p.caps(v).Proof == "" && !p.caps(v).Challenges {
		key += ".trust"
	}
	return p.c.T(key)
}

// quantity is how many are bought, or what is wrong with the number typed.
func quantity(c *app.Context, s string, v form.Values) (n int, wrong string) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	switch {
	case isCertificatePurchase(v) && (err != nil || n < 1 || n > 100):
		return 0, c.T("buy.quantity.wrong")
	case err != nil || n < 1: // what is too many, the engine says
		return 0, c.T("buy.quantity.wrong.pack")
	}
	return n, ""
}

// preview prices what is chosen, line by line; it is empty while the quantity is.
func (p *purchase) preview(v form.Values) func() form.Preview {
	c := p.c
	n, wrong := quantity(c, v["quantity"], v)
	if wrong != "" {
		return func() form.Preview { return form.Preview{Problem: wrong} }
	}
	return func() form.Preview {
		if isHosted(v) && v["years"] != "1" {
			return form.Preview{Errors: form.Values{"hosting": c.T("buy.hosting.years")}}
		}
		if !isCertificatePurchase(v) {
			quote, err := c.Backend.QuotePack(packRequest(v, n))
			if err != nil {
				return errorPreview(c, err)
			}
			return form.Preview{Lines: form.Lines(priceLines(c, quote)...)}
		}
		quote, err := c.Backend.Quote(buyRequest(v, n))
		if err != nil {
			return errorPreview(c, err)
		}
		pre := form.Preview{Lines: form.Lines(priceLines(c, quote)...)}
		if v["pay"] == "pack" {
			b := p.balance(specOf(v))
			if b.Available < n {
				pre.Errors = form.Values{"pay": c.T("buy.pay.none", n, b.Available)}
			} else {
				pre.Lines = append(pre.Lines, form.Line{Text: c.T("buy.pay.left", n, b.Available-n)})
			}
		}
		return pre
	}
}

func specOf(v form.Values) model.Specification {
	return model.Specification{
		Level: model.Level(v["level"]),
		Type:  model.DomainType(v["type"]),
		Brand: v["brand"],
		Grade: model.Grade(v["grade"]),
	}
}

// balance is the account of a pack of certificates.
func (p *purchase) balance(s model.Specification) ledger.Balance {
	for _, b := range p.balances {
		if b.Specification != nil && *b.Specification == s {
			return b
		}
	}
	return ledger.Balance{}
}

func buyRequest(v form.Values, n int) lifecycle.BuyRequest {
	r := lifecycle.BuyRequest{Spec: specOf(v), Quantity: n, Years: 1, FromPack: v["pay"] == "pack", Fallback: fallbackOf(v)}
	if !r.FromPack {
		r.Years, _ = strconv.Atoi(v["years"])
		r.Hosting = isHosted(v)
	}
	return r
}

// types leaves out what does not exist: an EV wildcard (spec B1).
func types(v form.Values, k rules.Capabilities) []model.DomainType {
	var ts []model.DomainType
	for _, t := range k.Types {
		if v["level"] != string(model.EV) || t != model.Wildcard {
			ts = append(ts, t)
		}
	}
	return ts
}
