package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// queries are what the table is asked in tests, with all fields.
var queries = []string{
	"example",
	"7.example",
	"expired",
	"revoked",
	"state:paid",
	"group:issued",
	"issuer:e*",
	"level:dv",
	"contact:ops",
	"owner:*",
	"tag:prod",
	"tag:p*",
	"product:cdn",
	"region:eu*",
	"key:rsa",
	"key:ecdsa-p256",
	"origin:upload",
	"on:web1",
	"on:*.example",
	"on:w*1",
	"is:hosted",
	"is:expiring",
	"is:revoked",
	"expires<14d",
	"expires>2026-12",
	"expires:2026-12-01",
	"issued<7d",
	"issued>=3d",
	"renews<=30d",
	"note",
	"abcd1",
	"abc1",
	"00042",
	`"no ulid"`,
	"is:needs-person", "no-renewals",
}

func randomInstance(r *rand.Rand, n int, now time.Time) *model.Instance {
	i := &model.Instance{
		ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: fmt.Sprintf("%d.example.com", r.IntN(200)),
		State: model.States[r.IntN(len(model.States))], Origin: model.OriginBought,
		Spec: model.Specification{Level: model.DV, Brand: []string{"embedded", "other"}[r.IntN(2)]},
	}
	if r.IntN(20) == 0 {
		i.ID, i.Origin = model.ID(fmt.Sprintf("%d NO ULID", n)), model.OriginUpload
	}
	if r.IntN(8) > 0 {
		i.Versions = []model.Version{{
			Serial: fmt.Sprintf("%08x%08x", r.Uint32(), r.Uint32()), Domains: []string{"a.example"}, Number: 1,
			KeyType:   []string{"ecdsa-p256", "rsa-2048", "ed25519"}[r.IntN(3)],
			NotBefore: now.AddDate(0, 0, -r.IntN(10)), NotAfter: now.AddDate([]int{0, 0, 0, 300}[r.IntN(4)], 0, r.IntN(60)-20),
		}}
		if r.IntN(2) == 0 {
			i.Due = now.AddDate(0, 0, r.IntN(60))
		}
	}
	i.Hosting = model.Hosting{On: r.IntN(3) == 0, RenewalsLeft: n % 2}
	if r.IntN(3) == 0 {
		i.Tags = [][]string{{"prod"}, {"old", "prod"}, {"abcd1"}}[r.IntN(3)]
	}
	if r.IntN(3) == 0 {
		i.Contact, i.Owner = []model.ID{"ops", "anna"}[r.IntN(2)], []model.ID{"", "anna"}[r.IntN(2)]
	}
	if r.IntN(9) == 0 {
		i.Note = "A note"
	}
	if r.IntN(2) == 0 {
		i.Deployments = model.Deployments{
			Total: 1, Deployed: 1, Products: []string{"CDN"}, Regions: [][]string{{"eu-1", "us-1"}, {"us-1"}}[r.IntN(2)],
			Names: [][]string{{"web1"}, {"a.example", "web1:443"}, {"Web2.example:8443"}}[r.IntN(3)],
		}
	}
	return i
}

// The table answers every query as the instances do one by one, whatever fields, negations
// and alternatives it has, while instances change, come and go.
// spec: Q1
func TestQueriesFindWhatInstancesSay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	contacts := map[model.ID]string{"ops": "Ops", "anna": "Anna B"}
	tab, all := New(), map[model.ID]*model.Instance{}
	var ids []model.ID
	change := func(n int) {
		i := randomInstance(r, n, now)
		if len(ids) > 0 && r.IntN(3) == 0 {
			i.ID = ids[r.IntN(len(ids))]
			i.Deleted = r.IntN(2) == 0
		}
		delete(all, i.ID)
		if !i.Deleted {
			ids, all[i.ID] = append(ids, i.ID), i
		}
		tab.Commit([]Change{ChangeOf(i)})
	}
	for n := range blockSize + 500 {
		change(n)
	}
	tab.sortAll()
	found := map[string]int{}
	for round := range 160 {
		for n := range r.IntN(5) {
			change(100_000 + 10*round + n)
		}
		term := func() string { return []string{"", "", "!"}[r.IntN(3)] + queries[r.IntN(len(queries))] }
		text := term()
		if round < len(queries) {
			text = queries[round]
		} else if r.IntN(4) > 0 {
			text = fmt.Sprintf([]string{"%s %s %s", "%s or %s or %s", "%s (%s or %s)", "!(%s %s) %s"}[r.IntN(4)], term(), term(), term())
		}
		w, err := where.Instances.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var waiting []model.ID
		for n := 0; n < len(ids); n += 7 {
			waiting = append(waiting, ids[n])
		}
		slices.Sort(waiting)
		w = w.Bind(contacts, slices.Compact(waiting))
		q := model.Query{Sort: model.SortExpiry, Now: now.Add(time.Duration(r.IntN(200)) * time.Hour)}
		if round >= len(queries) && r.IntN(4) == 0 {
			q.Filter.Group = model.GroupIssued
		}
		q.Filter.Where = text
		page, want := tab.Page(q, w), rowByRow(all, q, w)
		if page.Total != len(want) || !slices.Equal(page.Rows, want) {
			t.Fatalf("%s: %d rows, want %d, or others", text, page.Total, len(want))
		}
		if round < len(queries) {
			found[text] = len(want)
		}
	}
	for _, q := range queries {
		if n := found[q]; n == 0 || n == len(all) {
			t.Errorf("%s finds %d of %d, so this proves little", q, n, len(all))
		}
	}
}
