package forecast

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/lifecycle/forecast"
	"certquay/lifecycle/ledger"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/text"
)

func at(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// report is one of two months with something on three days.
func report(more int) *forecast.Report {
	r := &forecast.Report{From: at("2026-11-29"), To: at("2026-12-03")}
	for n := range 4 {
		r.ByDay = append(r.ByDay, forecast.Tally{Start: r.From.AddDate(0, 0, n)})
	}
	r.ByDay[0].Renewals, r.ByDay[0].Deployments = 1+more, 2
	r.ByDay[2].Reissues, r.ByDay[2].People = 4, 1
	r.ByDay[3].Expiries = 1
	r.ByMonth = []forecast.Tally{{Start: at("2026-11-01"), Renewals: 1 + more, Deployments: 2},
		{Start: at("2026-12-01"), Reissues: 4, People: 1, Expiries: 1}}
	r.Total = forecast.Tally{Start: r.From, Renewals: 1 + more, Reissues: 4, Deployments: 2, People: 1, Expiries: 1}
	r.Occurrences = []forecast.Occurrence{{At: at("2026-12-01"), What: forecast.WhatPerson, Name: "a"},
		{At: at("2026-12-02"), What: forecast.WhatExpires, Name: "b"}}
	return r
}

// drawn are the cells of a row, as the table would draw them.
func drawn(rows []row, sh shape) []string {
	c := &app.Context{Text: text.New("en"), Styles: style.New(true, 0)}
	sh.scale = scaleOf(rows)
	var lines []string
	for _, r := range rows {
		var cells []string
		for _, col := range columns(c, sh) {
			cell := col.Cell(r, 10)
			for _, part := range cell.Then {
				cell.Text += part.Text
			}
			cells = append(cells, cell.Text)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return lines
}

// TestRows draws months and days, alone and beside another policy: numbers in columns,
// of which those without any number are left out, and one bar of new versions,
// deployments and what needs a person, whose parts differ without colour. spec: V6
// finding: U23, U32
func TestRows(t *testing.T) {
	a := report(0)
	whole := monthRows(a, nil)
	for _, tc := range []struct {
		name string
		rows []row
		sh   shape
		want []string
	}{
		{"months", whole, shape{}, []string{
			"total|5|2|1|✕ 1|",
			"2026-11|1|2|||██▒▒▒▒",
			"2026-12|4||1|✕ 1|████████░░",
		}},
		{"months beside", monthRows(a, report(15)), shape{other: "47 days"}, []string{
			"total|5 → 20|2|1|✕ 1||",
			"2026-11|1 → 16|2|||█▒|█████████▒",
			"2026-12|4||1|✕ 1|██░|██░",
		}},
		{"beside one that is awaited", whole[:1], shape{other: "47 days"}, []string{"total|5|2|1|✕ 1||…"}},
		{"days of a month", dayRows(a, nil, whole[2]), shape{days: true}, []string{
			"2026-12-01 Tue|4|1||████████░░",
			"2026-12-02 Wed|||✕ 1|",
		}},
		{"days of all, the quiet one left out", dayRows(a, nil, whole[0]), shape{days: true}, []string{
			"2026-11-29 Sun|1|2|||██▒▒▒▒",
			"2026-12-01 Tue|4||1||████████░░",
			"2026-12-02 Wed||||✕ 1|",
		}},
	} {
		if got := drawn(tc.rows, tc.sh); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tc.name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

// TestRowsOfAnotherDay compares with a report that was begun after midnight.
func TestRowsOfAnotherDay(t *testing.T) {
	b := report(0)
	b.ByMonth = b.ByMonth[1:]
	rows := monthRows(report(0), b)
	if versions(rows[1].other) != 0 || versions(rows[2].other) != 4 {
		t.Errorf("%+v, %+v", rows[1].other, rows[2].other)
	}
}

// TestWhatLiesInARow finds the moments and the busiest day of a row.
func TestWhatLiesInARow(t *testing.T) {
	r := report(0)
	rows := monthRows(r, nil)
	for n, want := range []struct {
		moments int
		busiest string
	}{{2, "2026-12-01"}, {0, "2026-11-29"}, {2, "2026-12-01"}} {
		if got := len(occurrencesIn(r, rows[n])); got != want.moments {
			t.Errorf("%s: %d moments", rows[n].id(), got)
		}
		if d := busiestDay(r, rows[n]); d == nil || !d.Start.Equal(at(want.busiest)) {
			t.Errorf("%s: busiest %+v", rows[n].id(), d)
		}
	}
	if d := busiestDay(r, row{start: at("2026-11-30"), days: true}); d != nil {
		t.Errorf("busiest of a quiet day: %+v", d)
	}
}

// TestPacksRunOut counts packs that had something and have nothing left.
func TestPacksRunOut(t *testing.T) {
	dv := &model.Specification{Level: model.DV, Type: model.Single}
	ov := &model.Specification{Level: model.OV, Type: model.Single}
	r := &forecast.Report{
		Before: []ledger.Balance{{Kind: "certificate", Specification: dv, Available: 2},
			{Kind: "certificate", Specification: ov, Available: 3}, {Kind: "hosting"}, {Kind: "credit", Available: 1}},
		After: []ledger.Balance{{Kind: "certificate", Specification: dv}, {Kind: "certificate", Specification: ov, Available: 1},
			{Kind: "hosting"}, {Kind: "credit"}},
	}
	if n := packsOut(r); n != 1 {
		t.Errorf("%d packs run out", n)
	}
}

// TestPluralForms writes one and many.
func TestPluralForms(t *testing.T) {
	c := &app.Context{Text: text.New("en")}
	got := strings.Join(append(composition(c, &forecast.Tally{Renewals: 1, Deployments: 1200, Expiries: 1}),
		composition(c, &forecast.Tally{})...), "; ")
	if want := "1 yearly renewal of a hosted certificate; 1,200 deployments; 1 expires; nothing happens automatically"; got != want {
		t.Errorf("%q", got)
	}
	for _, k := range c.Text.Keys() {
		if strings.HasPrefix(k, "forecast.n.") && k != "forecast.n.nothing" && !c.Text.Has(strings.TrimSuffix(k, ".one")+".one") {
			t.Errorf("%s has no form for one", k)
		}
	}
}

// all runs commands to their end and hands their messages to the page. It counts
// how often a forecast was due, and how many were computed.
func all(p *page, cmd tea.Cmd) (dues, forecasts int) {
	if cmd == nil {
		return 0, 0
	}
	msgs := []tea.Msg{cmd()}
	for len(msgs) > 0 {
		m := msgs[0]
		msgs = msgs[1:]
		switch v := m.(type) {
		case nil:
			continue
		case tea.BatchMsg:
			for _, c := range v {
				if c != nil {
					msgs = append(msgs, c())
				}
			}
			continue
		case dueMsg:
			dues++
		case computedMsg:
			forecasts++
		}
		if next := p.Update(m); next != nil {
			msgs = append(msgs, next())
		}
	}
	return dues, forecasts
}

func newPage(t *testing.T) *page {
	b := kittest.Fleet(20).Start(t)
	c := &app.Context{Ctx: t.Context(), Backend: b.Access, Table: b.Table(), Text: text.New("en"), Styles: style.New(true, 0),
		Now: b.Now(), Drafts: map[string]map[string]string{}}
	p := New(c).(*page)
	p.delay = time.Millisecond
	p.SetSize(120, 36)
	return p
}

// TestChangesSettleFirst computes once for many changes, and not while the page is
// hidden.
func TestChangesSettleFirst(t *testing.T) {
	p := newPage(t)
	if _, n := all(p, p.Update(app.FocusMsg{})); n != 1 || p.base == nil {
		t.Fatalf("%d forecasts", n)
	}
	first := p.Update(app.ChangedMsg{})
	for range 5 {
		if p.Update(app.ChangedMsg{}) != nil {
			t.Fatal("the second change is waited for too")
		}
	}
	if p.run != nil {
		t.Fatal("it does not wait")
	}
	if dues, n := all(p, first); dues != 1 || n != 1 || p.stale {
		t.Fatalf("%d times due, %d forecasts, stale %v", dues, n, p.stale)
	}
	due := p.Update(app.ChangedMsg{})
	p.Update(app.BlurMsg{})
	if _, n := all(p, due); n != 0 || p.Update(app.ChangedMsg{}) != nil {
		t.Fatal("it computes while nobody looks")
	}
}

// TestChangesDuringAForecast lead to another forecast afterwards, unless the person has
// stopped it.
func TestChangesDuringAForecast(t *testing.T) {
	p := newPage(t)
	cmd := p.Update(app.FocusMsg{})
	if p.Update(app.ChangedMsg{}) != nil {
		t.Fatal("two at a time")
	}
	if dues, n := all(p, cmd); dues != 1 || n != 2 {
		t.Fatalf("%d times due, %d forecasts", dues, n)
	}
	p.compute()
	p.back()
	if p.run != nil || !p.stopped || p.Update(app.ChangedMsg{}) != nil {
		t.Fatal("it goes on after it was stopped")
	}
	if p.base == nil || !strings.Contains(p.View(), "stopped") {
		t.Fatal("the earlier one does not stay")
	}
}

// TestStoppedForecastIsForgotten lets one that was stopped come back late.
func TestStoppedForecastIsForgotten(t *testing.T) {
	p := newPage(t)
	p.Update(app.FocusMsg{})
	late := computedMsg{run: p.run, err: context.Canceled}
	p.back()
	if cmd := p.Update(late); cmd != nil || p.failed {
		t.Fatal("what was stopped is told as a failure")
	}
}

// TestWhatHappensOnceADay puts the tasks of a certificate that is installed by
// hand in several places on one line, of a day; another kind has its own.
func TestWhatHappensOnceADay(t *testing.T) {
	r, noon := report(0), at("2026-12-01").Add(12*time.Hour)
	person := forecast.Occurrence{At: at("2026-12-01"), What: forecast.WhatPerson, Task: model.TaskInstall, Instance: "A", Name: "a"}
	later, other, kind := person, person, person
	later.At, later.Detail, other.Instance, kind.Task = noon, model.Quoted("", "the other place"), "B", model.TaskProve
	tomorrow := person
	tomorrow.At = at("2026-12-02")
	r.Occurrences = []forecast.Occurrence{person, person, other, kind, later, tomorrow}
	var got []string
	c := &app.Context{Text: text.New("en"), Styles: style.New(true, 0)}
	for _, h := range occurrencesIn(r, monthRows(r, nil)[0]) {
		got = append(got, occurrenceColumns(c)[0].Cell(h, 99).Text+" "+occurrenceColumns(c)[1].Cell(h, 99).Text+" "+string(h[0].Instance))
	}
	want := []string{"2026-12-01 ▲ install by hand ×3 A", "2026-12-01 ▲ install by hand B", "2026-12-01 ▲ add a record A",
		"2026-12-02 ▲ install by hand A"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEqualNumbersHaveEqualBars draws the bars of two policies on one scale, in
// every width. spec: V6
func TestEqualNumbersHaveEqualBars(t *testing.T) {
	c := &app.Context{Text: text.New("en"), Styles: style.New(true, 0)}
	same := forecast.Tally{Start: at("2026-12-01"), Renewals: 7, Deployments: 15}
	rows := []row{{start: same.Start, base: same, other: &same}}
	for w := 50; w <= 200; w++ {
		var table list.Table[row]
		table.ID, table.Columns = row.id, columns(c, shape{other: "public", scale: scaleOf(rows)})
		table.SetSize(w, 2)
		table.SetWindow(0, rows, 1)
		_, line, _ := strings.Cut(ansi.Strip(table.View(c.Styles)), "2026-12")
		bars := regexp.MustCompile(`█+▒+`).FindAllString(line, -1)
		if len(bars) == 2 && bars[0] != bars[1] || w >= 66 && len(bars) != 2 {
			t.Fatalf("%d wide, the bars are %q:\n%s", w, bars, line)
		}
	}
}
