package cmd

import (
	"context"
	"strconv"
	"strings"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/model"
)

// impactJSON is everything that falls with one thing. The field names are stable. The counts
// are of everything, instances and resources are listed up to [lifecycle.MaxImpact].
type impactJSON struct {
	Kind      lifecycle.ImpactKind `json:"kind"`
	Name      string               `json:"name"`
	Counts    impactCountsJSON     `json:"counts"`
	Issuers   []string             `json:"issuers"`
	Products  []impactProductJSON  `json:"products"`
	Instances []impactInstanceJSON `json:"instances"`
	Resources []out.Resource       `json:"resources"`
	Watches   []impactWatchJSON    `json:"watches"`
	More      bool                 `json:"more"`
}

type impactCountsJSON struct {
	Instances int `json:"instances"`
	Versions  int `json:"versions"`
	Resources int `json:"resources"`
	Watches   int `json:"watches"`
	Products  int `json:"products"`
}

type impactProductJSON struct {
	Name      string `json:"name"`
	Instances int    `json:"instances"`
}

type impactInstanceJSON struct {
	ID        model.ID    `json:"id"`
	Name      string      `json:"name"`
	State     model.State `json:"state"`
	NotAfter  *string     `json:"not_after"`
	Versions  []int       `json:"versions"`
	Resources int         `json:"resources"`
	Hosted    bool        `json:"hosted"`
	Replaced  bool        `json:"replaced"`
}

type impactWatchJSON struct {
	ID      model.ID `json:"id"`
	Address string   `json:"address"`
	Name    string   `json:"name"`
	State   string   `json:"state"`
}

func newImpactJSON(im *lifecycle.Impact) impactJSON {
	j := impactJSON{
		Kind: im.Kind, Name: im.Name, Issuers: out.OrEmpty(im.Issuers), Products: []impactProductJSON{}, Instances: []impactInstanceJSON{},
		Resources: []out.Resource{}, Watches: []impactWatchJSON{}, More: im.More,
		Counts: impactCountsJSON{len(im.IDs), im.Versions, im.Deployed, len(im.Watches), len(im.Products)},
	}
	for _, p := range im.Products {
		j.Products = append(j.Products, impactProductJSON(p))
	}
	for n := range im.Instances {
		i := &im.Instances[n]
		j.Instances = append(j.Instances, impactInstanceJSON{
			i.ID, i.Name, i.State, out.TimeOrNil(i.NotAfter), out.OrEmpty(i.Versions), i.Deployed, i.Hosted, i.Replaced,
		})
	}
	for n := range im.Resources {
		j.Resources = append(j.Resources, out.NewResource(&im.Resources[n]))
	}
	for n := range im.Watches {
		w := &im.Watches[n]
		j.Watches = append(j.Watches, impactWatchJSON{w.ID, w.Address, w.Name, w.State()})
	}
	return j
}

// impact prints everything that falls with what a person names.
func (c *invocation) impact(ctx context.Context, typed string) error {
	kind, name := lifecycle.ParseImpact(typed)
	im, err := c.engine().Impact(ctx, kind, name)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(newImpactJSON(&im))
	}
	rows := [][2]string{
		{c.Field("impact"), c.Text("impact.of."+string(im.Kind), "name", im.Name)},
		{c.Field("falls"), c.Text("impact.counts", "instances", model.Say("impact.n.instances", "n", len(im.IDs)),
			"versions", model.Say("impact.n.versions", "n", im.Versions), "resources", model.Say("impact.n.resources", "n", im.Deployed),
			"watches", model.Say("impact.n.watches", "n", len(im.Watches)))},
	}
	if len(im.Issuers) > 0 {
		rows = append(rows, [2]string{c.Field("issuers"), strings.Join(im.Issuers, ", ")})
	}
	for _, p := range im.Products {
		rows = append(rows, [2]string{c.Field("product"), c.Text("impact.product", "name", p.Name, "n", p.Instances)})
	}
	c.Fields(rows)
	c.impactTables(&im)
	if im.More {
		c.Note("impact.more", "n", lifecycle.MaxImpact)
	}
	return nil
}

// impactTables prints what falls, a table each.
func (c *invocation) impactTables(im *lifecycle.Impact) {
	table := func(heads []string, rows [][]string) {
		if len(rows) > 0 {
			c.Print("")
			c.Table(c.Heads(heads...), rows)
		}
	}
	var rows [][]string
	for n := range im.Instances {
		i := &im.Instances[n]
		numbers := make([]string, len(i.Versions))
		for k, v := range i.Versions {
			numbers[k] = strconv.Itoa(v)
		}
		rows = append(rows, []string{
			i.ID.Short(), i.Name, c.Label("label", string(i.State)), out.Dash(strings.Join(numbers, " ")), out.Day(i.NotAfter),
			strconv.Itoa(i.Deployed),
		})
	}
	table([]string{"id", "name", "status", "versions", "until", "resources"}, rows)
	rows = nil
	for n := range im.Resources {
		r := &im.Resources[n]
		rows = append(rows, []string{r.ID.Short(), r.Product, r.Region, r.Name, c.Label("label", string(r.State)), r.InstanceName})
	}
	table([]string{"id", "product", "region", "name", "status", "instance"}, rows)
	rows = nil
	for n := range im.Watches {
		w := &im.Watches[n]
		rows = append(rows, []string{w.ID.Short(), w.Address, w.Name, c.Label("watch", w.State())})
	}
	table([]string{"id", "address", "name", "status"}, rows)
}
