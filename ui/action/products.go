package action

import (
	"context"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// ProductsKey lists the products, on the page of deployments.
const ProductsKey = "M"

// productRow stands for what is done with products in messages about failures.
var productRow = &rules.Transition{Action: "product"}

// ShowProducts is the action that lists the products, to add, edit, test and remove them.
func ShowProducts(c *app.Context) app.Action {
	return app.Action{
		ID: "products", Name: text.NewName("act.products"), Binding: app.Keys(ProductsKey), Group: app.View, OpensDialog: true,
		Footer: app.Third, Run: func() tea.Cmd { return productList{c: c}.open() },
	}
}

// productList is the list of products. It opens again after each thing that is done in it,
// in the same place.
type productList struct {
	c    *app.Context
	at   string // the product under the cursor
	note string // what was done
}

func (l productList) open() tea.Cmd { return l.c.Do(func(context.Context) tea.Msg { return l.msg() }) }

// noted is the list again, after something was done.
func (l productList) noted(at, note string) tea.Msg {
	l.at, l.note = at, note
	return l.msg()
}

func (l productList) msg() tea.Msg {
	c := l.c
	all := c.Backend.Products()
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context: c, Title: c.T("products.title"), EnterLabel: c.T("products.enter"), Note: l.note,
				At: max(slices.IndexFunc(all, func(p lifecycle.ProductInfo) bool { return p.Name == l.at }), 0),
				Keys: []dialog.ListKey{
					{
						Key:   addKey,
						Label: c.T("authorities.key.add"),
						Bare:  true,
					},
					{Key: editKey, Label: c.T("authorities.key.edit")},
					{Key: testKey, Label: c.T("authorities.key.test")},
					{Key: ImpactKey, Label: c.T("foot.I")},
					{Key: removeKey, Label: c.T("authorities.key.remove")},
				},
			}
			for n := range all {
				d.Entries = append(d.Entries, productEntry(c, &all[n]))
			}
			d.Entries = append(d.Entries, dialog.Entry{Head: c.T("products.add"), Value: lifecycle.ProductInfo{}})
			return d
		},
	}
}

// productEntry is what the list says of a product.
func productEntry(c *app.Context, p *lifecycle.ProductInfo) dialog.Entry {
	e := dialog.Entry{Head: p.Name, Meta: p.Driver, Value: *p}
	if p.Problem != "" {
		e.Lines = append(e.Lines, c.Text.Text(p.Problem))
	}
	where := c.T("products.regions", strings.Join(p.Regions, c.T("list.join")))
	if len(p.Regions) == 0 {
		where = ""
	}
	e.Lines = append(e.Lines, strings.TrimPrefix(where+c.Separator()+declaredWords(c, &p.Declared), c.Separator()))
	var facts []string
	for _, name := range slices.Sorted(maps.Keys(p.Declared.Settings)) {
		if name != "regions" {
			facts = append(facts, c.Fact(name, shortProductSetting(c, p, name)))
		}
	}
	for _, name := range p.Declared.SecretNames {
		facts = append(facts, c.Fact(name, c.T("authorities.secret")))
	}
	if len(facts) > 0 {
		e.Lines = append(e.Lines, strings.Join(facts, c.Separator()))
	}
	return e
}

// shortProductSetting is the value of a setting of a product on one line, a command as it is
// typed.
func shortProductSetting(c *app.Context, p *lifecycle.ProductInfo, name string) string {
	if command := p.Command(c.Backend.ProductKinds(), name); command != "" {
		return command
	}
	return shortSetting(c, p.Declared.Settings[name])
}

// declaredWords say where a product is declared.
func declaredWords(c *app.Context, d *authority.Declaration) string {
	switch {
	case d.Default:
		return c.T("products.default")
	case d.Configured:
		return c.T("authorities.configured")
	}
	return c.T("products.added", d.By)
}

// chosen does what the person chose in the list.
func (l productList) chosen(v any) tea.Cmd {
	pressed, p := "enter", lifecycle.ProductInfo{}
	switch v := v.(type) {
	case nil:
		return nil
	case dialog.Pressed:
		pressed = v.Key
		p, _ = v.Value.(lifecycle.ProductInfo)
	case lifecycle.ProductInfo:
		p = v
	}
	c := l.c
	l.at = p.Name
	if pressed == "enter" && p.Name != "" {
		return app.Send(app.ShowProductMsg{Product: p.Name})
	}
	if pressed == ImpactKey && p.Name != "" {
		return showImpact(c, lifecycle.ImpactOfProduct, p.Name)
	}
	if r := c.Backend.May(productRow.Action); r != nil {
		return c.Do(func(context.Context) tea.Msg { return l.again(refusedMsg(c, r, nil)) })
	}
	switch {
	case pressed == addKey || p.Name == "":
		return app.Send(l.add())
	case pressed == testKey:
		return c.Do(func(ctx context.Context) tea.Msg { return l.test(ctx, p.Name, c.T("products.works", p.Name)) })
	case p.Declared.Configured:
		r := &rules.Refusal{Action: productRow.Action, Reason: rules.ReasonConfigured, Args: rules.Args{"name": p.Name}}
		return app.Send(l.again(refusedMsg(c, r, nil)))
	case pressed == removeKey:
		return l.remove(p)
	}
	return app.Send(l.edit(p))
}

// again has the list open after a notice.
func (l productList) again(m tea.Msg) tea.Msg {
	if o, ok := m.(app.OpenDialogMsg); ok {
		o.Then = func(any) tea.Cmd { return l.open() }
		return o
	}
	return m
}

// test asks a product whether deployments would work, and shows a line for each thing that
// is wrong; if nothing is, the list with a note.
func (l productList) test(ctx context.Context, name, works string) tea.Msg {
	c := l.c
	wrong, err := c.Backend.TestProduct(ctx, name)
	if err != nil {
		return l.again(failedMsg(c, productRow, err))
	}
	l.at = name
	if len(wrong) == 0 {
		return l.noted(name, works)
	}
	return l.again(app.OpenDialogMsg{Make: func() app.Dialog {
		n := &dialog.Notice{Context: c, Title: c.T("products.wrong", name), Tone: style.Bad}
		var lines []string
		for _, w := range wrong {
			lines = append(lines, c.Mark("✗")+c.Text.Text(model.TextOf(w)))
		}
		n.Sections = []dialog.Section{
			{Tone: style.Bad, Lines: lines},
			{Head: c.T("refused.wayout"), Lines: []string{c.T("products.wrong.next", testKey)}},
		}
		return n
	}})
}

// add asks for the name and the driver of a new product.
func (l productList) add() tea.Msg {
	c, kinds := l.c, l.c.Backend.ProductKinds()
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	about := func(v form.Values) string { return c.Text.Lookup("built-in."+v["driver"], "") }
	q := &request{c: c, row: productRow}
	return q.formThen(form.Spec{
		Title: c.T("products.add.title"), Submit: c.T("dns.next"), Intro: []string{c.T("products.add.intro")}, LabelWidth: 12,
		Fields: []form.Field{
			{Key: "driver", Label: c.T("products.driver"), Kind: form.Select, Options: fixedOptions(names, names), Hint: about},
			{Key: "name", Label: c.T("issuer.field.name"), Placeholder: "web", Valid: needed(c, "products.name.needed"),
				Hint: func(form.Values) string { return c.T("products.name.hint") }},
		},
	}, func(_ context.Context, v form.Values) (tea.Msg, error) {
		n := slices.IndexFunc(kinds, func(k ports.ProductKind) bool { return k.Name == v["driver"] })
		if n < 0 {
			return nil, &rules.Invalid{Field: "driver", Why: model.Say("products.driver.needed")}
		}
		name := strings.TrimSpace(v["name"])
		return l.ask(kinds[n], nil, c.T("products.settings.title", name, kinds[n].Name), c.T("products.add"),
			func(ctx context.Context, settings map[string]any, secrets authority.Secrets) (lifecycle.ProductInfo, error) {
				return c.Backend.AddProduct(ctx, authority.Declaration{Name: name, Kind: kinds[n].Name, Settings: settings}, secrets, false)
			}), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() })
}

// edit asks for other settings of a product.
func (l productList) edit(p lifecycle.ProductInfo) tea.Msg {
	c, kinds := l.c, l.c.Backend.ProductKinds()
	n := slices.IndexFunc(kinds, func(k ports.ProductKind) bool { return k.Name == p.Driver })
	if n < 0 {
		return l.again(failedMsg(c, productRow, &model.Error{Text: model.Say("product.no-driver", "driver", p.Driver)}))
	}
	return l.ask(kinds[n], &p, c.T("products.edit.title", p.Name, p.Driver), c.T("issuer.edit.submit"),
		func(ctx context.Context, settings map[string]any, secrets authority.Secrets) (lifecycle.ProductInfo, error) {
			return c.Backend.EditProduct(ctx, p.Name, settings, secrets, false)
		})
}

// ask asks for the settings of a product, saves it, and tests it.
func (l productList) ask(
	kind ports.ProductKind, was *lifecycle.ProductInfo, title, submit string,
	save func(context.Context, map[string]any, authority.Secrets) (lifecycle.ProductInfo, error),
) tea.Msg {
	c, defaults := l.c, kind.Settings()
	f := &settingForm{
		c: c, defaults: defaults, edits: was != nil,
		label: func(name string) string {
			return c.Text.Lookup("products.field."+name, strings.ReplaceAll(name, "_", " "))
		},
		meaning: func(name string) string {
			return c.Text.Lookup("built-in."+kind.Name+"."+name, c.Text.Lookup("setting.products."+name, ""))
		},
		typed: func(v form.Values) map[string]any { return typedSettings(defaults, v) },
	}
	now := setting.Of(defaults)
	if was != nil {
		f.secrets = was.Declared.SecretNames
		if filled, err := setting.Fill(defaults, was.Declared.Settings); err == nil { // else it is its problem, which is shown
			now = setting.Of(filled)
		}
	}
	spec := form.Spec{Title: title, Submit: submit}
	for _, s := range now {
		field := f.field(s)
		spec.LabelWidth = max(spec.LabelWidth, len(field.Label)+2)
		spec.Fields = append(spec.Fields, field)
	}
	if kind.Proposes {
		p := &proposals{c: c, kind: kind, f: f}
		if was != nil {
			p.name = was.Name
		}
		p.addTo(&spec)
	}
	q := &request{c: c, row: productRow}
	return q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		settings, secrets, err := f.read(v)
		if err != nil {
			return nil, err
		}
		p, err := save(ctx, settings, secrets)
		if err != nil {
			return nil, err
		}
		return l.test(ctx, p.Name, c.T("products.saved", p.Name)), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() })
}

// remove asks, and removes a product at which nothing is deployed.
func (l productList) remove(p lifecycle.ProductInfo) tea.Cmd {
	c, why := l.c, "products.remove.text"
	if p.Declared.Default {
		why = "products.remove.default"
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("products.remove", p.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T(why, p.Name, p.Driver)}, Question: c.T("products.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveProduct(ctx, p.Name, false); err != nil {
					return l.again(failedMsg(c, productRow, err))
				}
				return l.noted("", c.T("products.removed", p.Name))
			})
		},
	})
}
