package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// whole writes an instance with all records that belong to it.
func (p *place) whole(s *store.Store) {
	p.t.Helper()
	i := instance(1)
	k, _ := privateKey(1)
	i.Versions[0].KeyID = k.ID
	i.Order = id(9)
	p.update(s, func(tx model.Tx) error {
		return errors.Join(
			tx.Put(i), tx.Put(k),
			tx.Put(&model.Chain{Instance: i.ID, Number: 1, Certificates: [][]byte{{1}}}),
			tx.Put(&model.Order{ID: id(9)}),
			tx.Put(&model.Resource{ID: id(5), Instance: i.ID, Version: 1}),
			tx.Put(&model.Job{ID: id(6), Instance: i.ID}),
			tx.Put(&model.Task{ID: id(7), Instance: i.ID, Resource: id(5)}),
			tx.Put(&model.Entry{ID: "purchase/9", Order: id(9), Postings: []model.Posting{
				{Account: "cash", Unit: "EUR", Amount: -5},
				{Account: "sales", Unit: "EUR", Amount: 5},
			}}),
			tx.Put(&model.Account{Name: "cash", Unit: "EUR", Sum: -5}),
			tx.Put(&model.Account{Name: "sales", Unit: "EUR", Sum: 5}),
			tx.Append(model.Event{Action: "purchase"}), tx.Append(model.Event{Action: "apply"}), tx.Append(model.Event{Action: "issue"}))
	})
}

// listed returns the codes and arguments of the problems in a report, one on a line.
func listed(r store.Report) string {
	var all []string
	for _, p := range r.Problems {
		all = append(all, p.String())
	}
	return strings.Join(all, "\n")
}

func fsckSound(t *testing.T, p *place) {
	s := p.open()
	p.whole(s)
	report, err := s.Fsck(context.Background())
	if err != nil || !report.Sound() {
		t.Errorf("got %v, %q", err, report.Problems)
	}
	if report.Records != 13 || report.Events != 3 || report.Secrets != 1 || report.Indexes == 0 {
		t.Errorf("counted %+v", report)
	}
}

func fsckFinds(t *testing.T, p *place) {
	s := p.open()
	p.whole(s)
	expect := func(s *store.Store, what ...string) {
		t.Helper()
		report, err := s.Fsck(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all := listed(report)
		for _, w := range what {
			if !strings.Contains(all, w) {
				t.Errorf("%q is not in:\n%s", w, all)
			}
		}
	}
	// Errors that a bug of the engine could cause.
	p.put(s,
		&model.Account{Name: "cash", Unit: "EUR", Sum: -6},
		&model.Account{Name: "lost", Unit: "EUR", Sum: 1},
		&model.Entry{ID: "odd", Postings: []model.Posting{{Account: "cash", Unit: "EUR", Amount: 1}}},
		&model.Resource{ID: id(5), Instance: id(1), Version: 8},
		&model.Task{ID: id(7), Instance: id(77)})
	p.update(s, func(tx model.Tx) error {
		return errors.Join(tx.Delete(&model.Chain{Instance: id(1), Number: 1}), tx.Delete(&model.Key{ID: id(1)}))
	})
	expect(s, `fsck.account account="cash|EUR" says="-6"`, `fsck.idle-account account="lost|EUR" says="1"`, `fsck.unbalanced entry="odd"`,
		`fsck.no-version`,
		`fsck.no-such key="`+string(id(7))+`" kind="task" name="`+string(id(77))+`" other="instance"`, `other="material"`, `other="key"`)
	p.shut(s)
	// Damage that only somebody with access to the files can cause.
	for _, e := range p.pairs() {
		switch {
		case strings.HasPrefix(e.Key, "revent") && strings.HasSuffix(e.Key, "2"),
			strings.HasPrefix(e.Key, "iinstance\x00name"),
			strings.HasPrefix(e.Key, "cinstance"):
			p.overwrite(e.Key, nil)
		}
	}
	p.overwrite("icontact\x00name\x00ghost\x00\x01none", []byte{})
	p.overwrite("dkey\x00ghost", []byte("0123456789abcdef0123"))
	expect(p.open(), `fsck.gap event="3" last="1"`, "fsck.not-indexed", `fsck.counter are="1" counter="instance/issued" says="0"`,
		`fsck.idle-entry index="icontact`, `store.corrupt-key key="dkey`)
}

// verifyFinds changes and removes events in the files, as somebody with access to them
// could, and checks that verifying the log finds each. spec: G6
func verifyFinds(t *testing.T, p *place) {
	s := p.open()
	for n := range 6 {
		p.update(s, func(tx model.Tx) error { return tx.Append(model.Event{Action: "buy", Actor: fmt.Sprint(n)}) })
	}
	whole, err := s.VerifyEvents(t.Context(), nil)
	if err != nil || whole.Events != 6 || whole.Last.Seq != 6 || len(whole.Problems) > 0 {
		t.Fatalf("%+v, %v", whole, err)
	}
	p.shut(s)
	noted := []store.Checkpoint{whole.Last, {Seq: 3, Chain: make([]byte, 32)}}
	events := slices.DeleteFunc(p.pairs(), func(e engine.Pair) bool { return !strings.HasPrefix(e.Key, "revent") })
	if len(events) != 6 {
		t.Fatalf("%d events are stored", len(events))
	}
	for _, c := range []struct {
		what   string
		change map[int][]byte // the value of the nth event instead; nil removes it
		want   []string
	}{
		{"nothing", nil, []string{`fsck.checkpoint event="3"`}}, // which was noted of another log
		{"one in the middle removed", map[int][]byte{2: nil}, []string{`fsck.gap event="4" last="2"`, `fsck.checkpoint-missing event="3"`}},
		{"one replaced by another", map[int][]byte{2: events[1].Value}, []string{`why=(damage.authentication)`, `fsck.gap event="4"`}},
		{"the last removed", map[int][]byte{5: nil}, []string{`fsck.end last="5" want="6"`, `fsck.checkpoint-missing event="6" last="5"`}},
		{"all removed", map[int][]byte{0: nil, 1: nil, 2: nil, 3: nil, 4: nil, 5: nil}, []string{"fsck.end", "fsck.checkpoint-missing"}},
	} {
		for n, v := range c.change {
			p.overwrite(events[n].Key, v)
		}
		_, last := c.change[5]
		s, err := p.Open(p.options())
		if open := new(store.OpenError); last && errors.As(err, &open) {
			continue // a store that is noted to have had more does not even open
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.VerifyEvents(t.Context(), noted)
		if err != nil {
			t.Fatal(err)
		}
		found := listed(store.Report{Problems: r.Problems})
		for _, w := range c.want {
			if !strings.Contains(found, w) {
				t.Errorf("%s: %q is not in:\n%s", c.what, w, found)
			}
		}
		if len(c.change) == 0 && (len(r.Problems) > 1 || len(r.Checkpoint) != 1) {
			t.Errorf("%s: %d checkpoints hold:\n%s", c.what, len(r.Checkpoint), found)
		}
		p.shut(s)
		for n := range c.change {
			p.overwrite(events[n].Key, events[n].Value)
		}
	}
}
