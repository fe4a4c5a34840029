package ui

import (
	"slices"
	"testing"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/kittest"
)

// Tags, owner and note of one certificate are edited by a key, with what is wrong beside
// its field, stand in the head of its details, and are undone.
// spec: Q4
// finding: U21
func TestACertificateIsAnnotated(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	const name = "api.example.net"
	d.find("api.example").keys("e").sees("Tags, owner and note of "+name, "nobody")
	d.fill("tag", "prod !").keys("ctrl+s").sees(`no tag is written as "!"`)
	d.fill("tag", "Prod, team/web").fill("note", "ask Jonas first")
	d.choose("owner", string(d.b.People[0].ID)).keys("ctrl+s").sees("noted for " + name)
	i := d.instance(name)
	if !slices.Equal(i.Tags, []string{"prod", "team/web"}) || i.Owner != d.b.People[0].ID || i.Note != "ask Jonas first" {
		t.Errorf("it has %v, %s, %q", i.Tags, i.Owner, i.Note)
	}
	d.keys("enter").sees("tags prod team/web · owner Ops · ask Jonas first").fits()
	d.keys("e").fill("tag", "prod").keys("ctrl+s").feed()
	d.sees("tags prod · owner Ops").keys("u").feed()
	d.sees("tags prod team/web · owner Ops")
	d.keys("u")
	d.keys("esc", "e").fill("tag", "").fill("note", "").keys("ctrl+s")
	if i = d.instance(name); i.Tags != nil || i.Note != "" || i.Owner == "" {
		t.Errorf("it has %v, %s, %q", i.Tags, i.Owner, i.Note)
	}
}

// Of several certificates the tags that all have are edited, and what differs stays
// unless it is set; undoing gives each what it had.
// spec: Q4
// finding: U21
func TestTheMarkedAreAnnotated(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	names := []string{"api.example.net", "pay.example.com"}
	for n, tags := range [][]string{{"prod", "old"}, {"prod", "eu"}} {
		a := lifecycle.Annotation{Add: tags}
		if n == 0 {
			note := "first"
			a.Note = &note
		}
		if _, err := d.m.ctx.Backend.Annotate(t.Context(), d.instance(names[n]).ID, a); err != nil {
			t.Fatal(err)
		}
	}
	before := map[string]model.Instance{}
	for _, n := range names {
		before[n] = d.instance(n)
	}
	d.keys("j", "space", "space", "e").sees("prod", "some also have: eu old", "they differ: leave each as it is").fits()
	d.fill("tag", "dmz").keys("ctrl+s").sees("2 done")
	for n, want := range [][]string{{"dmz", "old"}, {"dmz", "eu"}} {
		i := d.instance(names[n])
		if slices.Sort(want); !slices.Equal(i.Tags, want) || i.Note != before[names[n]].Note {
			t.Errorf("%s has %v, %q", names[n], i.Tags, i.Note)
		}
	}
	d.keys("e").choose("note-choice", "set").fill("note", "both").keys("ctrl+s")
	if a, b := d.instance(names[0]), d.instance(names[1]); a.Note != "both" || b.Note != "both" {
		t.Errorf("the notes are %q, %q", a.Note, b.Note)
	}
	d.keys("u")
	for _, n := range names {
		if i := d.instance(n); i.Note != before[n].Note {
			t.Errorf("%s has %q, had %q", n, i.Note, before[n].Note)
		}
	}
}
