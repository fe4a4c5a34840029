package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are what benchmarks printed, in each run, by the name of the benchmark and the
// unit. A unit with @ is the same of what stands behind it, measured in the same run:
// renewals/s@openssl.
type results map[key][]float64

type key struct{ bench, unit string }

// of returns the key of what was measured for a counterpart, and its name.
func (k key) of() (ours key, name string) {
	unit, name, _ := strings.Cut(k.unit, "@")
	return key{k.bench, unit}, name
}

// rate reports whether more is better.
func (k key) rate() bool {
	ours, _ := k.of()
	return strings.HasSuffix(ours.unit, "/s")
}

var processors = regexp.MustCompile(`-\d+$`)

// add adds what go test printed, and returns how many lines of it were results.
func (r results) add(output string) (lines int) {
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		lines++
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		for n := 2; n+1 < len(fields); n += 2 {
			v, err := strconv.ParseFloat(fields[n], 64)
			k := key{name, fields[n+1]}
			switch {
			case err != nil, k.unit == "ns/op" && v == 0: // it says something else instead
				continue
			case k.unit == "ns/op":
				k.unit, v = "µs/op", v/1000
			}
			r[k] = append(r[k], v)
		}
	}
	return lines
}

// spread is a median with the least and the most.
type spread struct{ median, least, most float64 }

func spreadOf(v []float64) spread {
	s := slices.Sorted(slices.Values(v))
	return spread{s[len(s)/2], s[0], s[len(s)-1]}
}

func (s spread) text(format func(float64) string) string {
	if s.least == s.most {
		return format(s.median)
	}
	return fmt.Sprintf("%s (%s to %s)", format(s.median), format(s.least), format(s.most))
}

// ratio returns how many times as good ours is as its counterpart, run by run.
func (r results) ratio(counterpart key) (ratios []float64) {
	ours, _ := counterpart.of()
	theirs := r[counterpart]
	for n, v := range r[ours] {
		switch {
		case n >= len(theirs):
		case counterpart.rate():
			ratios = append(ratios, v/theirs[n])
		default:
			ratios = append(ratios, theirs[n]/v)
		}
	}
	return ratios
}

// size splits a name into what is measured and for how many certificates; 0 if it does not
// say.
func size(bench string) (figure string, n int) {
	var rest []string
	for part := range strings.SplitSeq(bench, "/") {
		if v, err := strconv.Atoi(part); err == nil && n == 0 {
			n = v
			continue
		}
		rest = append(rest, part)
	}
	return strings.Join(rest, " "), n
}

func (r results) keys() []key {
	var all []key
	for k := range r {
		if !strings.Contains(k.unit, "@") {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b key) int {
		fa, na := size(a.bench)
		fb, nb := size(b.bench)
		return strings.Compare(fmt.Sprintf("%s %s %09d", fa, a.unit, na), fmt.Sprintf("%s %s %09d", fb, b.unit, nb))
	})
	return all
}

// table returns all results in Markdown.
func (r results) table() string {
	var b strings.Builder
	b.WriteString("| figure | certificates | median (least to most) | unit | grows | beside it | its median | times as good |\n" +
		"|---|---|---|---|---|---|---|---|\n")
	shown := map[string]bool{}
	for _, k := range r.keys() {
		figure, n := size(k.bench)
		// Some benchmarks say the same of all their parts.
		same := fmt.Sprint(figure[:max(0, strings.LastIndex(figure, " "))], n, k.unit, r[k])
		if shown[same] {
			continue
		}
		shown[same] = true
		many := ""
		if n > 0 {
			many = thousands(strconv.Itoa(n))
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s |", figure, many, spreadOf(r[k]).text(number), k.unit, r.slope(k))
		counterparts := r.counterparts(k)
		if len(counterparts) == 0 {
			b.WriteString(row + " | | |\n")
		}
		for _, c := range counterparts {
			_, name := c.of()
			ratio := spreadOf(r.ratio(c)).text(func(v float64) string { return number(v) + "x" })
			fmt.Fprintf(&b, "%s %s | %s | %s |\n", row, name, number(spreadOf(r[c]).median), ratio)
			row = "| | | | | |"
		}
	}
	return b.String()
}

// counterparts returns what was measured beside a result, if it was in all runs.
func (r results) counterparts(k key) (all []key) {
	for c := range r {
		if ours, name := c.of(); name != "" && ours == k && len(r[c]) == len(r[k]) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b key) int { return strings.Compare(a.unit, b.unit) })
	return all
}

// slope returns how a figure depends on the number of certificates, in the row of the most:
// the exponent of the power that comes closest. It is "" in other rows.
func (r results) slope(k key) string {
	figure, most := size(k.bench)
	var x, y []float64
	for other, v := range r {
		f, n := size(other.bench)
		if f != figure || other.unit != k.unit || n == 0 {
			continue
		}
		if n > most {
			return ""
		}
		if m := spreadOf(v).median; m > 0 {
			x, y = append(x, math.Log(float64(n))), append(y, math.Log(m))
		}
	}
	if len(x) < 2 {
		return ""
	}
	s := regress(x, y)
	if k.rate() {
		s = -s // the time for one
	}
	name := ""
	switch {
	case math.Abs(s) < 0.1:
		name = "flat, "
	case math.Abs(s-1) < 0.1:
		name = "linear, "
	}
	return fmt.Sprintf("%sn^%.2f", name, s)
}

// regress returns the slope of the line closest to some points.
func regress(x, y []float64) float64 {
	var mx, my, xy, xx float64
	for n := range x {
		mx, my = mx+x[n]/float64(len(x)), my+y[n]/float64(len(y))
	}
	for n := range x {
		xy, xx = xy+(x[n]-mx)*(y[n]-my), xx+(x[n]-mx)*(x[n]-mx)
	}
	return xy / xx
}

// number returns a number with three digits at least.
func number(v float64) string {
	if math.Abs(v) >= 100 || v == math.Trunc(v) {
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func thousands(s string) string {
	for n := len(s) - 3; n > 0 && s[n-1] != '-'; n -= 3 {
		s = s[:n] + "," + s[n:]
	}
	return s
}

// tolerances are by how much counts may grow, by their units: these do not depend on the
// machine and what else it does, but an allocation more or less on what runs beside, and what
// is drawn on the dates of that day.
var tolerances = map[string]float64{
	"allocs": 1.05, "B": 1.05, "B-allocated": 1.05, "syncs": 1.02, "writes": 1.02, "B-written": 1.02, "reads": 1.02,
	"B-terminal-median": 1.15,
}

// tolerance returns by how much a count may grow; ok is false for what is none.
func (k key) tolerance() (by float64, ok bool) {
	unit, _, _ := strings.Cut(k.unit, "/")
	by, ok = tolerances[unit]
	return by, ok
}

// slower is to what part a ratio may fall.
const slower = 3

// record returns the counts and ratios, one a line.
func (r results) record() string {
	var b strings.Builder
	for _, k := range r.keys() {
		if _, ok := k.tolerance(); ok {
			fmt.Fprintf(&b, "%s %s %.6g\n", k.bench, k.unit, spreadOf(r[k]).median)
		}
		for _, c := range r.counterparts(k) {
			fmt.Fprintf(&b, "%s %s %.3g\n", c.bench, c.unit, spreadOf(r.ratio(c)).median)
		}
	}
	return b.String()
}

// compare returns an error that says which counts are above what was recorded, which ratios
// are far below, and what was not measured.
func (r results) compare(before string) error {
	var wrong error
	for line := range strings.Lines(before) {
		var k key
		var was float64
		if _, err := fmt.Sscan(line, &k.bench, &k.unit, &was); err != nil {
			return fmt.Errorf("%s: %q: %w", recorded, line, err)
		}
		values := r[k]
		if strings.Contains(k.unit, "@") {
			values = r.ratio(k)
		}
		if len(values) == 0 {
			wrong = errors.Join(wrong, fmt.Errorf("%s was not measured in %s", k.bench, k.unit))
			continue
		}
		now := spreadOf(values).median
		switch tolerance, counted := k.tolerance(); {
		case counted && now > was*tolerance:
			wrong = errors.Join(wrong, fmt.Errorf("%s: %s %s, before %s", k.bench, number(now), k.unit, number(was)))
		case counted && now < was/tolerance:
			fmt.Printf("%s: only %s %s, before %s; have it recorded\n", k.bench, number(now), k.unit, number(was))
		case !counted && now < was/slower:
			wrong = errors.Join(wrong, fmt.Errorf("%s: %sx as good in %s, before %sx", k.bench, number(now), k.unit, number(was)))
		}
	}
	if wrong != nil {
		wrong = fmt.Errorf("%w\nif that is intended: bash .ci/bench record", wrong)
	}
	return wrong
}
