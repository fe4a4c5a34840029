package action

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// edgeDriver is the driver of products that stop with this process.
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
	where, err := q.deployedNow()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	options, labels := ids, ids
	first := "" // nobody is led to a product that has nothing to do with the certificate
	switch {
	case inOneProduct(q.places) && slices.Contains(ids, q.places[0].Product):
		first = q.places[0].Product
	case len(where.places) > 0:
		first = everywhere
	case len(ids) == 1:
		first = ids[0]
	default:
		options, labels = append([]string{""}, options...), append([]string{c.T("deploy.product.choose")}, labels...)
	}
	if len(where.places) > 0 {
		options, labels = append([]string{everywhere}, options...), append([]string{c.T("deploy.everywhere")}, labels...)
	}
	region, names := "", ""
	if inOneProduct(q.places) {
		region, names = q.places[0].Region, drifted(q.places)
	}
	domains := q.cases[0].Instance.Domains()
	spec := form.Spec{
		ID: "deploy/" + string(q.cases[0].Instance.ID), Title: c.T("deploy.title", q.names()), Submit: c.T("deploy.submit"),
		Intro: slices.Concat(q.hiddenLines(), []string{c.T("deploy.intro")}, q.skippedLines()),
		Fields: []form.Field{
			{
				Key:     "product",
				Label:   c.T("deploy.product"),
				Kind:    form.Select,
				Initial: first,
				Options: fixedOptions(options, labels),
				Valid: func(s string, _ form.Values) string {
					if s == "" {
						return c.T("deploy.product.choose")
					}
					return ""
				},
				Hint: func(v form.Values) string {
					switch v["product"] {
					case "":
						return c.T("deploy.product.none")
					case everywhere:
						return where.hint(c)
					}
					p := product(v)
					if p.Problem != "" {
						return c.T("deploy.product.problem", c.Text.Text(p.Problem))
					}
					h := c.T("deploy.product.driver", p.Driver)
					if p.Makes {
						h = c.T("deploy.product.makes", c.Text.Lookup("driver."+p.Driver, p.Driver))
					}
					if what := c.Text.Lookup("product."+p.Name, ""); what != "" {
						h = c.T("deploy.product.what", what, h)
					}
					return h
				},
			},
			{Key: "regions", Label: c.T("deploy.regions"), Initial: region,
				Show: func(v form.Values) bool { return len(product(v).Regions) > 1 },
				Hint: func(v form.Values) string {
					return c.T("deploy.regions.hint", strings.Join(product(v).Regions, ", "))
				},
				Valid: func(s string, v form.Values) string {
					if len(splitList(s)) == 0 {
						return c.T("deploy.regions.needed", v["product"])
					}
					for _, r := range splitList(s) {
						if !slices.Contains(product(v).Regions, r) {
							return c.T("deploy.regions.wrong", v["product"], r, strings.Join(product(v).Regions, c.T("list.join")))
						}
					}
					return ""
				}},
			{
				Key:         "resources",
				Label:       c.T("deploy.resources"),
				Initial:     names,
				Placeholder: c.T("deploy.resources.all"),
				Show: func(v form.Values) bool {
					return v["product"] != everywhere && v["product"] != ""
				},
				Hint: func(v form.Values) string {
					if product(v).Makes {
						return c.T("deploy.resources.hint.makes", strings.Join(domains[:min(len(domains), 3)], c.T("list.join")))
					}
					return c.T("deploy.resources.hint", strings.Join(domains[:min(len(domains), 3)], c.T("list.join")))
				},
			},
		},
	}
	spec.Fields = append(spec.Fields, waveFields(c, func(v form.Values) bool {
		return len(product(v).Regions) > 1 || v["product"] == everywhere && len(where.places) > 1
	})...)
	spec.Preview = func(v form.Values) func() form.Preview {
		edge := product(v).Driver == edgeDriver && c.EdgeNote != ""
		return func() form.Preview {
			var pre form.Preview
			if r, chosen := deployRequest(v, c.Backend.Policy().Waves); chosen {
				pre.Lines = form.Lines(q.planned(r)...)
			}
			if edge {
				pre.Lines = append(pre.Lines, form.Lines(c.EdgeNote)...)
			}
			return pre
		}
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r, _ := deployRequest(v, c.Backend.Policy().Waves)
		older, broken, err := q.dangers(ctx, r)
		if err != nil {
			return nil, err
		}
		used := []string{r.Product}
		if r.Everywhere {
			used = where.products()
		}
		late := outsideWindows(c, products, used)
		switch {
		case len(older) > 0:
			r.Older = true
			return q.confirmDeploy(r, "older", rules.SeverityDanger, slices.Concat(older, broken, late)), nil
		case len(broken) > 0:
			return q.confirmDeploy(r, "breaks", rules.SeverityDanger, slices.Concat(broken, late)), nil
		case len(late) > 0:
			return q.confirmDeploy(r, "outside", rules.SeverityCaution, late), nil
		}
		return q.deploy(ctx, r)
	})
}

// everywhere is the choice of every resource where a certificate, or the one that it
// replaces, is deployed now (spec I10). No product has its name.
const everywhere = "*"

// deployRequest is what the form asks for. chosen is false without a product.
func deployRequest(v form.Values, waves rules.Waves) (r lifecycle.DeployRequest, chosen bool) {
	switch v["product"] {
	case "":
		return r, false
	case everywhere:
		r.Everywhere = true
	default:
		r.Product, r.Regions, r.Resources = v["product"], splitList(v["regions"]), splitList(v["resources"])
	}
	batch, err := strconv.Atoi(v["batch"])
	pause, wrong := time.ParseDuration(v["pause"])
	if err == nil && wrong == nil {
		waves.Batch, waves.Pause = batch, pause
		r.Waves = &waves
	}
	return r, true
}

// waveFields ask how a deployment to several resources is divided (spec P6).
func waveFields(c *app.Context, several func(form.Values) bool) []form.Field {
	waves := c.Backend.Policy().Waves
	return []form.Field{
		{
			Key: "batch", Label: c.T("deploy.batch"), Initial: strconv.Itoa(waves.Batch), Show: several,
			Hint: func(form.Values) string { return c.T("deploy.batch.hint", waves.First) },
			Valid: func(s string, _ form.Values) string {
				if n, err := strconv.Atoi(s); err != nil || n < 0 {
					return c.T("deploy.batch.wrong")
				}
				return ""
			},
		},
		{
			Key: "pause", Label: c.T("deploy.pause"), Initial: waves.Pause.String(), Show: several,
			Hint: func(form.Values) string { return c.T("deploy.pause.hint") },
			Valid: func(s string, _ form.Values) string {
				if d, err := time.ParseDuration(s); err != nil || d < 0 {
					return c.T("deploy.pause.wrong")
				}
				return ""
			},
		},
	}
}

// maxPlanned is how many lines of a plan a form shows.
const maxPlanned = 12

// planned says what a deployment would change (spec P5). What is refused is said when it is
// asked for.
func (q *request) planned(r lifecycle.DeployRequest) (lines []string) {
	ctx, cancel := context.WithTimeout(q.c.Ctx, app.Timeout)
	defer cancel()
	for _, cs := range q.cases {
		places, err := q.c.Backend.PlanDeploy(ctx, cs.Instance.ID, r)
		if err != nil {
			continue
		}
		for n := range places {
			lines = append(lines, q.planLines(&places[n])...)
		}
		if len(lines) > maxPlanned {
			break
		}
	}
	if more := len(lines) - maxPlanned; more > 0 {
		lines = append(lines[:maxPlanned], q.c.T("plan.more"))
	}
	return lines
}

// inOneProduct reports whether resources are all in one region of one product, which a
// form can then begin with. There is none for no resources.
func inOneProduct(rs []lifecycle.ResourceView) bool {
	return len(rs) > 0 && !slices.ContainsFunc(rs, func(r lifecycle.ResourceView) bool {
		return r.Product != rs[0].Product || r.Region != rs[0].Region
	})
}

// drifted names resources that are all to be put right; "" if one of them has not drifted.
func drifted(rs []lifecycle.ResourceView) string {
	names := make([]string, len(rs))
	for n := range rs {
		if !rs[n].Drifts() {
			return ""
		}
		names[n] = rs[n].Name
	}
	return strings.Join(names, ", ")
}

// deployedNow is where certificates, or those that they replace, are deployed.
type deployedNow struct {
	places  []lifecycle.ResourceView
	nowhere int // certificates that are deployed nowhere
}

func (q *request) deployedNow() (at deployedNow, err error) {
	for _, cs := range q.cases {
		rs, err := q.c.Backend.Everywhere(cs.Instance.ID)
		if err != nil {
			return at, err
		}
		if at.places = append(at.places, rs...); len(rs) == 0 {
			at.nowhere++
		}
	}
	return at, nil
}

func (at deployedNow) hint(c *app.Context) string {
	said := c.T("deploy.at", joinResources(c, at.places))
	if at.nowhere > 0 {
		said += "\n" + c.T("deploy.everywhere.not", at.nowhere)
	}
	return said
}

// dangers says which certificates would go over a newer one of the same names (spec I9), and
// where names that are served now would no longer be covered (spec P5).
func (q *request) dangers(ctx context.Context, r lifecycle.DeployRequest) (older, broken []string, err error) {
	for _, cs := range q.cases {
		places, err := q.c.Backend.PlanDeploy(ctx, cs.Instance.ID, r)
		if f := (*rules.Refusal)(nil); errors.As(err, &f) && f.Reason == rules.ReasonOlder {
			older = append(older, q.c.FormatRefusal(f))
		} else if err != nil && len(q.cases) == 1 {
			return nil, nil, err
		}
		for n := range places {
			if places[n].Breaks() {
				broken = append(broken, q.planLines(&places[n])...)
			}
		}
	}
	return older, broken, nil
}

// planLines says what a deployment changes at one place, indented below its name.
func (q *request) planLines(p *lifecycle.DeployPlace) (lines []string) {
	for k, t := range p.Lines() {
		line := q.c.Text.Text(t)
		if k > 0 {
			line = "  " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// products lists those that have places.
func (at deployedNow) products() (all []string) {
	for n := range at.places {
		all = append(all, at.places[n].Product)
	}
	return all
}

// outsideWindows says which of the products used are in none of their deployment windows, and
// when the next one of each begins (spec P7).
func outsideWindows(c *app.Context, products []lifecycle.ProductInfo, used []string) (lines []string) {
	for n := range products {
		if p := &products[n]; !p.Window.IsZero() && slices.Contains(used, p.Name) {
			lines = append(lines, c.T("deploy.outside.window", p.Name, widget.Stamp(p.Window)))
		}
	}
	return lines
}

// confirmDeploy deploys once a person has confirmed what is unusual about it.
func (q *request) confirmDeploy(r lifecycle.DeployRequest, what string, danger rules.Severity, lines []string) tea.Msg {
	c := q.c
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: c.T("deploy."+what+".title", q.names()), Danger: danger,
				Lines: lines, Question: c.T("deploy." + what + ".question"),
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				msg, err := q.deploy(ctx, r)
				if err != nil {
					return failedMsg(c, q.row, err)
				}
				return msg
			})
		},
	}
}

func (q *request) deploy(ctx context.Context, r lifecycle.DeployRequest) (tea.Msg, error) {
	c := q.c
	msg, err := q.forEach(ctx, "deploy.done", func(ctx context.Context, cs *rules.Facts) error {
		js, err := c.Backend.Deploy(ctx, cs.Instance.ID, r)
		for _, j := range js {
			err = q.addJob(j, err)
		}
		return err
	})
	if told, ok := msg.(app.ToastMsg); ok && len(q.cases) == 1 && !r.Everywhere {
		name := q.cases[0].Instance.Name
		told.Text = c.T("deploy.done.at", name, r.Product, len(q.jobs))
		msg = q.awaitJobs(told, c.T("deploy.done.at.ended", name, r.Product, len(q.jobs)))
	}
	return msg, err
}

// resources loads the resources to act on: those chosen of certificates that may, or else
// all that the certificates are deployed to.
func (q *request) resources() ([]lifecycle.ResourceView, error) {
	var all []lifecycle.ResourceView
	for n := range q.places {
		v, err := q.c.Backend.Resource(q.places[n].ID)
		if errors.Is(err, model.ErrNotFound) {
			continue // gone since it was marked
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(q.cases, func(cs *rules.Facts) bool { return cs.Instance.ID == v.Instance }) {
			all = append(all, v)
		}
	}
	if len(q.places) > 0 {
		return all, nil
	}
	for _, cs := range q.cases {
		rs, _, err := q.c.Backend.Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
		if err != nil {
			return nil, err
		}
		all = append(all, rs...)
	}
	return all, nil
}

func resourceName(r *lifecycle.ResourceView) string {
	return r.Product + " " + r.Region + " " + r.Name
}

// forEachResource acts on every resource and sums up the results; see [request.actOn].
func (q *request) forEachResource(
	ctx context.Context, done string, rs []lifecycle.ResourceView, act func(context.Context, model.ID) (model.Job, error),
) tea.Msg {
	parts := make([]part, len(rs))
	for n := range rs {
		parts[n] = part{resourceName(&rs[n]), func(ctx context.Context) error { return q.addJob(act(ctx, rs[n].ID)) }}
	}
	msg, err := q.actOn(ctx, done, parts)
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	return msg
}
