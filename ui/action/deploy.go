package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// edgeDriver is the driver of the products that end with the process.
const edgeDriver = "edge"

// deploy asks for product, regions and resources (spec D2).
func deploy(q *request) tea.Msg {
	c := q.c
	products := c.Backend.Products()
	if len(products) == 0 {
		return failedMsg(c, q.row, errors.New(c.T("deploy.noproduct")))
	}
	ids := make([]string, len(products))
	for n, p := range products {
		ids[n] = p.Name
	}
	product := func(v form.Values) lifecycle.ProductInfo {
		for _, p := range products {
			if p.Name == v["product"] {
				return p
			}
		}
		return lifecycle.ProductInfo{}
	}
	first := ids[0]
	for _, p := range products { // one that works at once, without a region typed
		if len(p.Regions) < 2 && p.Problem == "" {
			first = p.Name
			break
		}
	}
	if q.resource != nil && slices.Contains(ids, q.resource.Product) {
		first = q.resource.Product
	}
	region := ""
	if q.resource != nil {
		region = q.resource.Region
	}
	domains := q.cases[0].Instance.Domains()
	spec := form.Spec{
		ID: "deploy/" + string(q.cases[0].Instance.ID), Title: c.T("deploy.title", q.names()), Submit: c.T("deploy.submit"),
		Intro: slices.Concat(q.hidden(), []string{c.T("deploy.intro")}, q.skipped()),
		Fields: []form.Field{
			{Key: "product", Label: c.T("deploy.product"), Kind: form.Select, Initial: first, Options: fixed(ids, ids), Hint: func(v form.Values) string {
				p := product(v)
				if p.Problem != "" {
					return c.T("deploy.product.problem", c.Text.Text(p.Problem))
				}
				h := c.T("deploy.product.driver", p.Driver)
				if p.Makes {
					h = c.T("deploy.product.makes", c.Text.Or("driver."+p.Driver, p.Driver))
				}
				if what := c.Text.Or("product."+p.Name, ""); what != "" {
					h = c.T("deploy.product.what", what, h)
				}
				return h
			}},
			{Key: "regions", Label: c.T("deploy.regions"), Initial: region,
				Show: func(v form.Values) bool { return len(product(v).Regions) > 1 },
				Hint: func(v form.Values) string {
					return c.T("deploy.regions.hint", strings.Join(product(v).Regions, ", "))
				},
				Valid: func(s string, v form.Values) string {
					if len(split(s)) == 0 {
						return c.T("deploy.regions.needed", v["product"])
					}
					for _, r := range split(s) {
						if !slices.Contains(product(v).Regions, r) {
							return c.T("deploy.regions.wrong", v["product"], r, strings.Join(product(v).Regions, c.T("list.join")))
						}
					}
					return ""
				}},
			{Key: "resources", Label: c.T("deploy.resources"), Placeholder: c.T("deploy.resources.all"), Hint: func(v form.Values) string {
				if product(v).Makes {
					return c.T("deploy.resources.hint.makes", strings.Join(domains[:min(len(domains), 3)], c.T("list.join")))
				}
				return c.T("deploy.resources.hint", strings.Join(domains[:min(len(domains), 3)], c.T("list.join")))
			}},
		},
	}
	if c.EdgeNote != "" {
		spec.Preview = func(v form.Values) func() form.Preview {
			var pre form.Preview
			if product(v).Driver == edgeDriver {
				pre.Lines = form.Lines(c.EdgeNote)
			}
			return func() form.Preview { return pre }
		}
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r := lifecycle.DeployRequest{Product: v["product"], Regions: split(v["regions"]), Resources: split(v["resources"])}
		msg, err := q.each(ctx, "deploy.done", func(ctx context.Context, cs *lifecycle.Case) error {
			js, err := c.Backend.Deploy(ctx, cs.Instance.ID, r)
			for _, j := range js {
				err = q.began(j, err)
			}
			return err
		})
		if told, ok := msg.(app.ToldMsg); ok && len(q.cases) == 1 {
			name := q.cases[0].Instance.Name
			told.Text = c.T("deploy.done.at", name, v["product"], len(q.jobs))
			msg = q.follow(told, c.T("deploy.done.at.ended", name, v["product"], len(q.jobs)))
		}
		return msg, err
	})
}

// places loads where the certificates are deployed.
func (q *request) places() ([]lifecycle.ResourceView, error) {
	if q.resource != nil {
		return []lifecycle.ResourceView{*q.resource}, nil
	}
	var all []lifecycle.ResourceView
	for _, cs := range q.cases {
		rs, _, err := q.c.Backend.Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
		if err != nil {
			return nil, err
		}
		all = append(all, rs...)
	}
	return all, nil
}

func place(r *lifecycle.ResourceView) string {
	return r.Product + " " + r.Region + " " + r.Name
}

// undeploy takes certificates off one resource, or off all (spec D8).
func undeploy(q *request) tea.Msg {
	c := q.c
	rs, err := q.places()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	if len(rs) == 0 {
		return refusedMsg(c, refusal(q.row, q.cases[0], lifecycle.ReasonNotDeployed), q.cases[0])
	}
	if len(rs) == 1 || len(q.cases) > 1 {
		return q.takeOff(rs)
	}
	ids, labels := []string{}, []string{}
	for n := range rs {
		ids, labels = append(ids, string(rs[n].ID)), append(labels, place(&rs[n]))
	}
	ids, labels = append(ids, "all"), append(labels, c.T("undeploy.all", len(rs)))
	spec := form.Spec{Title: c.T("undeploy.title", q.names()), Danger: q.row.Danger, Intro: slices.Concat(q.hidden(), []string{c.T("undeploy.intro")}, q.skipped()), Submit: c.T("undeploy.submit"),
		Fields: []form.Field{{Key: "resource", Label: c.T("undeploy.resource"), Kind: form.Select, Options: fixed(ids, labels),
			Hint: func(form.Values) string { return c.T("undeploy.resource.hint") }}}}
	return q.formMsg(spec, func(_ context.Context, v form.Values) (tea.Msg, error) {
		chosen := rs
		if n := slices.Index(ids, v["resource"]); n < len(rs) {
			chosen = rs[n : n+1]
		}
		return q.takeOff(chosen), nil
	})
}

// takeOff asks before certificates are taken off resources.
func (q *request) takeOff(rs []lifecycle.ResourceView) tea.Msg {
	c, question := q.c, q.c.T("undeploy.question.one")
	if len(rs) > 1 {
		question = c.T("undeploy.question", len(rs))
	}
	lines := []string{c.T("undeploy.intro")}
	for n := range rs {
		lines = append(lines, "  "+place(&rs[n]))
	}
	return app.OpenedMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("undeploy.title", q.names()), Danger: q.row.Danger,
				Lines: slices.Concat(q.hidden(), lines, q.skipped()), Question: question}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				return q.eachPlace(ctx, "undeploy.done", rs, c.Backend.Undeploy)
			})
		},
	}
}

// verify asks the resources at once what they present.
func verify(q *request) tea.Msg {
	rs, err := q.places()
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	if len(rs) == 0 {
		return refusedMsg(q.c, refusal(q.row, q.cases[0], lifecycle.ReasonNotDeployed), q.cases[0])
	}
	ctx, cancel := context.WithTimeout(q.c.Ctx, app.Timeout)
	defer cancel()
	msg := q.eachPlace(ctx, "verify.done", rs, q.c.Backend.Verify)
	if told, ok := msg.(app.ToldMsg); ok && told.Follow != nil && len(rs) == 1 {
		told.Follow = q.looked(told.Follow, rs[0])
		return told
	}
	return msg
}

// looked tells of a place that presents what was deployed there also when that
// has expired, is revoked or is not the current version (spec D4).
func (q *request) looked(follow func(context.Context) app.ToldMsg, at lifecycle.ResourceView) func(context.Context) app.ToldMsg {
	c := q.c
	return func(ctx context.Context) app.ToldMsg {
		said := follow(ctx)
		rs, _, err := c.Backend.Resources(lifecycle.ResourceFilter{Instance: at.Instance})
		if err != nil {
			return said // what was asked is answered
		}
		for n := range rs {
			switch r := &rs[n]; {
			case r.ID != at.ID:
			case r.VerifyError != "" || r.State == model.ResourceDrifted:
				return said // says what is wrong
			case r.State == model.ResourceRevoked:
				return app.ToldMsg{Text: c.T("verify.done.revoked", place(r)), Tone: style.Bad}
			case r.NotAfter.Before(c.Backend.Now()):
				return app.ToldMsg{Text: c.T("verify.done.expired", place(r), r.NotAfter.UTC().Format(time.DateOnly)), Tone: style.Bad}
			case r.State == model.ResourceOutdated:
				return app.ToldMsg{Text: c.T("verify.done.outdated", place(r)), Tone: style.Soon}
			}
		}
		return said
	}
}

func (q *request) eachPlace(ctx context.Context, done string, rs []lifecycle.ResourceView, act func(context.Context, model.ID) (model.Job, error)) tea.Msg {
	var problems []problem
	last, ok := "", 0
	for n := range rs {
		if err := q.began(act(ctx, rs[n].ID)); err != nil {
			if len(rs) == 1 {
				return failedMsg(q.c, q.row, err)
			}
			problems = append(problems, q.problem(err, place(&rs[n])))
			continue
		}
		ok, last = ok+1, place(&rs[n])
	}
	return q.summary(done, ok, last, problems)
}

// explain answers why a certificate is as it is (spec V3).
func explain(c *app.Context, t Target) app.Action {
	a := app.Action{ID: "explain", Name: text.Called("action.explain"), Binding: app.Keys("x"), Group: app.Certificate, Footer: app.Some(app.Second+app.Rank(len(footer)), len(t.IDs) > 0), Asks: true}
	if len(t.IDs) == 0 {
		a.Why = app.Because(c.T("explain.none"), c.T("explain.none.hint"), app.Way{Key: c.KeyOf(lifecycle.Buy), Label: c.T("action.buy")})
		return a
	}
	id := t.IDs[0]
	if t.Case != nil {
		id = t.Case.Instance.ID
	}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			i, err := c.Backend.Instance(id)
			if err != nil {
				return failedMsg(c, &lifecycle.Row{Action: "explain"}, err)
			}
			e, err := c.Backend.Explain(id)
			if err != nil {
				return failedMsg(c, &lifecycle.Row{Action: "explain"}, err)
			}
			return app.OpenedMsg{Make: func() app.Dialog {
				d := &dialog.Notice{Context: c, Title: c.T("explain.title", i.Name), Tone: style.Accent,
					Parts: []dialog.Part{{Lines: []string{c.Text.Text(e.State)}, Tone: style.Strong}}}
				for _, part := range []dialog.Part{
					{Head: c.T("explain.why"), Lines: bullets(c, said(c, e.Why))},
					{Head: c.T("explain.next"), Lines: bullets(c, said(c, e.Next))},
					{Head: c.T("explain.can"), Lines: can(c, e.Can)},
					{Lines: rules(c, e), Tone: style.Muted},
				} {
					if len(part.Lines) > 0 {
						d.Parts = append(d.Parts, part)
					}
				}
				return d
			}}
		})
	}
	return a
}

// can is what a person can do, by the keys of the dashboard.
func can(c *app.Context, as []lifecycle.Action) []string {
	var keys []string
	for _, a := range as {
		label := c.Text.Or("action."+string(a), string(a))
		if k := c.KeyOf(a); k != "" {
			label = k + " " + label
		}
		keys = append(keys, label)
	}
	if len(keys) == 0 {
		return nil
	}
	return []string{c.Mark("•") + strings.Join(keys, c.T("comma"))}
}

// rules says what the codes in an explanation are.
func rules(c *app.Context, e lifecycle.Explanation) []string {
	if len(e.Why) == 0 {
		return nil
	}
	return []string{"", c.T("explain.rules")}
}

// said are sentences of the engine in the language of the session.
func said(c *app.Context, ls []lifecycle.Statement) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = c.Statement(l)
	}
	return out
}

func bullets(c *app.Context, ls []string) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = c.Mark("•") + l
	}
	return out
}
