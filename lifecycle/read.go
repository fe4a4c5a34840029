package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
)

// watch is [Access.Watch].
func (rd *reader) watch(ctx context.Context) <-chan model.ChangeSet { return rd.store.Watch(ctx) }

// view is [Access.View].
func (rd *reader) view(fn func(model.Reader) error) error { return rd.store.View(fn) }

// page is [Access.Page].
func (rd *reader) page(q model.Query) (model.Page, error) {
	if q.Now.IsZero() {
		q.Now = rd.Now()
	}
	page, err := rd.store.Query(q)
	replaced := func(r model.InstanceRow) bool { return r.Replaced }
	if err != nil || !slices.ContainsFunc(page.Rows, replaced) { // what is held in memory needs no database
		return page, err
	}
	return page, rd.store.View(func(r model.Reader) error { return nameSuccessors(r, page.Rows) })
}

// counts is [Access.Counts].
func (rd *reader) counts() (model.Counts, error) { return rd.store.Counts(rd.Now()) }

// instance is [Access.Instance].
func (rd *reader) instance(id model.ID) (i model.Instance, err error) {
	err = rd.store.View(func(r model.Reader) error {
		c, err := rd.loadFacts(r, model.Scheduler, id)
		if err == nil {
			i = *c.Instance
		}
		return err
	})
	return i, err
}

// find is [Access.Find].
func (rd *reader) find(typed string) (model.Instance, error) {
	var found []model.ID
	err := rd.store.View(func(r model.Reader) error {
		return journal.Find(r, model.KindInstance, typed, &found)
	})
	if err != nil {
		return model.Instance{}, err
	}
	switch len(found) {
	case 0:
		return model.Instance{}, &rules.NotFound{What: "instance", Name: typed}
	case 1:
		return rd.instance(found[0])
	}
	a := &rules.Ambiguous{Name: typed}
	var living []model.Instance
	for _, id := range found {
		i, err := rd.instance(id)
		if err != nil {
			return i, err
		}
		if !i.Replaced && i.State.Group() != model.GroupEnded {
			living = append(living, i)
		}
		a.Candidates = append(a.Candidates, fmt.Sprintf("%s (%s, %s)", id.Short(), i.Name, i.Status(rd.Now())))
	}
	if len(living) == 1 && model.NormalizeName(living[0].Name) == model.NormalizeName(typed) {
		return living[0], nil
	}
	return model.Instance{}, a
}

// findResource is [Access.FindResource].
func (rd *reader) findResource(typed string) (ResourceView, error) {
	var found []model.ID
	err := rd.store.View(func(r model.Reader) error {
		if parts := strings.SplitN(typed, "/", 3); len(parts) == 3 {
			place := model.PlaceKey(parts[0], parts[1], parts[2])
			for key, err := range r.Keys(model.Scan{Kind: model.KindResource, Index: "place", From: place, To: place + "\x00"}) {
				if err != nil {
					return err
				}
				found = append(found, model.ID(key))
			}
			return nil
		}
		return journal.Find(r, model.KindResource, typed, &found)
	})
	if err != nil {
		return ResourceView{}, err
	}
	switch len(found) {
	case 0:
		return ResourceView{}, &rules.NotFound{What: "resource", Name: typed}
	case 1:
		return rd.resource(found[0])
	}
	a := &rules.Ambiguous{Name: typed}
	for _, id := range found {
		v, err := rd.resource(id)
		if err != nil {
			return v, err
		}
		a.Candidates = append(a.Candidates, fmt.Sprintf("%s (%s/%s/%s)", id.Short(), v.Product, v.Region, v.Name))
	}
	return ResourceView{}, a
}

// resource is [Access.Resource].
func (rd *reader) resource(id model.ID) (v ResourceView, err error) {
	err = rd.store.View(func(r model.Reader) error {
		res, err := model.Get[model.Resource](r, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return &rules.NotFound{What: "resource", Name: string(id)}
		}
		if err != nil {
			return rules.ReadError("resource", id, err)
		}
		v, _, err = viewOf(r, res, rd.Now())
		return err
	})
	return v, err
}

// viewOf adds the values derived from the resource's instance, which it returns too; nil
// if there is none.
func viewOf(r model.Reader, res model.Resource, now time.Time) (ResourceView, *model.Instance, error) {
	v := ResourceView{Resource: res, State: res.StateAt(nil, now)}
	if err := v.readWave(r); err != nil {
		return v, nil, err
	}
	if res.Instance == "" {
		return v, nil, nil
	}
	i, err := model.Get[model.Instance](r, string(res.Instance))
	if err != nil {
		return v, nil, rules.ReadError("instance", res.Instance, err)
	}
	v.State, v.InstanceName, v.Hosted = res.StateAt(&i, now), i.Name, i.Hosting.On
	if want := i.Current(); want != nil {
		v.Expected = want.Fingerprint
	}
	return v, &i, nil
}

// readWave tells the wave of a deployment that is under way.
func (v *ResourceView) readWave(r model.Reader) error {
	if v.Operation.Kind != model.JobDeploy {
		return nil
	}
	j, err := model.Get[model.Job](r, string(v.Operation.Job))
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return rules.ReadError("job", v.Operation.Job, err)
	}
	o, err := rollout(r, &j)
	if err == nil && o != nil {
		v.Wave, v.WaveNow, v.Waves = j.Wave+1, o.Wave+1, o.Waves()
	}
	return err
}

// resources is [Access.Resources].
func (rd *reader) resources(f ResourceFilter) (views []ResourceView, total int, err error) {
	scan := model.Scan{Index: "place"}
	if f.Product != "" {
		scan.Prefix = model.PlaceKey(f.Product, "", "")
	}
	if f.Instance != "" {
		scan = model.Scan{Index: "instance", Prefix: string(f.Instance)}
	}
	query, err := where.Resources.Parse(f.Where)
	if err != nil {
		return nil, 0, err
	}
	now := rd.Now()
	err = rd.store.View(func(r model.Reader) error {
		if query, err = query.BindIn(r); err != nil {
			return err
		}
		for res, err := range model.All[model.Resource](r, scan) {
			if err != nil {
				return err
			}
			v, i, err := viewOf(r, res, rd.Now())
			if err != nil {
				return err
			}
			if !f.matches(&v) || !query.Matches(&where.Subject{Instance: i, Resource: &v.Resource, State: v.State}, now) {
				continue
			}
			views = append(views, v)
		}
		return nil
	})
	slices.SortStableFunc(views, f.Compare)
	total = len(views)
	views = views[min(f.Offset, total):]
	if f.Limit > 0 {
		views = views[:min(f.Limit, len(views))]
	}
	return views, total, err
}

// resourceTexts are the texts by which resources are sorted, by order.
var resourceTexts = map[model.Sort]func(*ResourceView) string{
	model.SortName:  func(v *ResourceView) string { return v.Name },
	SortCertificate: func(v *ResourceView) string { return v.InstanceName },
	SortExpected:    func(v *ResourceView) string { return v.Expected },
	SortDeployed:    func(v *ResourceView) string { return v.Deployed },
	SortPresented:   func(v *ResourceView) string { return v.Presented },
	SortAddress:     func(v *ResourceView) string { return v.Address },
}

// resourceTimes are the times by which they are sorted.
var resourceTimes = map[model.Sort]func(*ResourceView) time.Time{
	model.SortExpiry: func(v *ResourceView) time.Time { return v.NotAfter },
	SortVerified:     func(v *ResourceView) time.Time { return v.VerifiedAt },
}

// Compare orders two resources by the filter's Sort, texts naturally; those that lack
// what they are sorted by come last in either direction.
func (f ResourceFilter) Compare(a, b ResourceView) int {
	n, lacking := 0, 0
	text, ofText := resourceTexts[f.Sort]
	moment, ofTime := resourceTimes[f.Sort]
	switch {
	case ofText:
		x, y := text(&a), text(&b)
		lacking, n = lastIf(x == "", y == ""), model.CompareNatural(x, y)
	case ofTime:
		x, y := moment(&a), moment(&b)
		lacking, n = lastIf(x.IsZero(), y.IsZero()), x.Compare(y)
	case f.Sort == model.SortState:
		n = cmp.Compare(slices.Index(model.ResourceStates, a.State), slices.Index(model.ResourceStates, b.State))
	case f.Sort == model.SortAuto:
		n = cmp.Or(lastIf(a.AutoDeploy, b.AutoDeploy), lastIf(a.Reserved, b.Reserved))
	default:
		n = cmp.Or(strings.Compare(model.PlaceKey(a.Product, a.Region, ""), model.PlaceKey(b.Product, b.Region, "")),
			model.CompareNatural(a.Name, b.Name))
	}
	if f.Desc {
		n = -n
	}
	return cmp.Or(lacking, n)
}

// lastIf orders what something is true of after what it is not.
func lastIf(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (f ResourceFilter) matches(v *ResourceView) bool {
	text := model.NormalizeName(f.Text)
	return (f.Region == "" || model.NormalizeName(f.Region) == model.NormalizeName(v.Region)) &&
		(f.State == "" || f.State == v.State) &&
		(!f.Drifted || v.Deployed != "" && v.Drifts()) && (!f.Hosted || v.Hosted) && (!f.Auto || v.AutoDeploy) &&
		(text == "" || strings.Contains(model.NormalizeName(v.Name+" "+v.InstanceName+" "+v.Region), text))
}

// material is [Access.Material].
func (rd *reader) material(id model.ID, version int) (m model.Chain, err error) {
	err = rd.store.View(func(r model.Reader) error {
		m, err = model.Get[model.Chain](r, model.ChainKey(id, version))
		return err
	})
	return m, err
}

// Order reads an order.
func (e *Engine) Order(id model.ID) (o model.Order, err error) {
	err = e.store.View(func(r model.Reader) error {
		o, err = model.Get[model.Order](r, string(id))
		return err
	})
	return o, err
}

// tasks is [Access.Tasks].
func (rd *reader) tasks(limit int) (tasks []model.Task, err error) {
	err = rd.store.View(func(r model.Reader) error {
		for _, index := range []string{"urgent", "open"} {
			for t, err := range model.All[model.Task](r, model.Scan{Index: index}) {
				if err != nil {
					return err
				}
				if limit > 0 && len(tasks) == limit {
					return nil
				}
				if index == "urgent" || t.Kind != model.TaskReplace {
					tasks = append(tasks, t)
				}
			}
		}
		return nil
	})
	return tasks, err
}

// tasksOf is [Access.TasksOf].
func (rd *reader) tasksOf(id model.ID) (tasks []model.Task, err error) {
	err = rd.store.View(func(r model.Reader) error {
		for t, err := range model.All[model.Task](r, model.Scan{Index: "pending", Prefix: string(id)}) {
			if err != nil {
				return err
			}
			tasks = append(tasks, t)
		}
		return nil
	})
	waits := func(t *model.Task) int {
		if t.Kind == model.TaskReplace {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(tasks, func(a, b model.Task) int {
		return cmp.Or(cmp.Compare(waits(&a), waits(&b)), a.Created.Compare(b.Created))
	})
	return tasks, err
}

// productInfos is [Access.Products].
func (rd *reader) productInfos() []ProductInfo {
	all := rd.products.All()
	infos := make([]ProductInfo, len(all))
	for n, p := range all {
		infos[n] = rd.productInfo(p)
	}
	return infos
}

// capabilitiesByBrand is [Access.CapabilitiesByBrand].
func (rd *reader) capabilitiesByBrand() map[string]func(time.Time) rules.Capabilities {
	all := map[string]func(time.Time) rules.Capabilities{}
	for name, is := range rd.issuers.Usable() {
		all[name] = is.Capabilities
	}
	return all
}

// rateLimits is [Access.RateLimits].
func (rd *reader) rateLimits() (map[string]ports.RateLimits, error) {
	all := map[string]ports.RateLimits{}
	for name, is := range rd.issuers.Usable() {
		l, ok := ports.Extension[ports.Limited](is)
		if !ok {
			continue
		}
		var err error
		if all[name], err = l.RateLimits(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// capabilities is [Access.Issuers].
func (rd *reader) capabilities() map[string]rules.Capabilities {
	all := map[string]rules.Capabilities{}
	for name, is := range rd.issuers.Usable() {
		all[name] = is.Capabilities(rd.Now())
	}
	return all
}

// explain is [Access.Explain].
func (rd *reader) explain(id model.ID) (rules.Explanation, error) {
	c, err := rd.readFacts(model.Actor{Role: model.Owner}, id)
	if err != nil {
		return rules.Explanation{}, err
	}
	return rd.table.Explain(c), nil
}

// reader holds the engine's queries. It changes nothing.
type reader struct{ *Engine }
