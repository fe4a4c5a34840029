// Bench runs the benchmarks and prints their figures as one table, with the ratio to what
// else was measured in the same runs. It is called by .ci/bench.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const (
	page     = "BENCHMARKS.md"
	recorded = "cmd/bench/recorded.txt"
)

// set is a set of benchmarks of one package.
type set struct {
	pkg, bench string
	runs       int
	time       string // benchtime
	sizes      string // of what has no sizes of its own
}

// runs is how often each benchmark is run; the median counts.
const runs = 5

// full returns what a full run measures.
func full(million bool) []set {
	sizes, sub := "1000,100000", "(1000|100000)"
	if million {
		sizes, sub = sizes+",1000000", "(1000|100000|1000000)"
	}
	return []set{
		{"./cmd", "Counts", runs, "1x", ""},
		{"./ui", "^BenchmarkKey$/120x40", runs, "500x", ""},
		{"./store/search", "Table/^" + sub + "$/^(text|state|within|typed|counts|after_renewal)$", runs, "20x", ""},
		{"./cmd", "^BenchmarkBytes$", 1, "1x", ""},
		{"./cmd", "Store/(postgres|etcd)", runs, "1x", "10000,300000"},
		{"./cmd", "Store/badger", runs, "1x", sizes + ",10000,300000"},
		{"./cmd", "List", runs, "1x", sizes},
		{"./cmd", "BytesOverSSH/^(cursor|page|tab|text)$", runs, "1x", ""},
		{"./lifecycle/forecast", "Forecast/.*/12-months", runs, "1x", ""},
	}
}

// short is what CI measures.
var short = []set{
	{"./cmd", "Counts", runs, "1x", ""},
	{"./cmd", "BytesOverSSH/^(cursor|page)$", 1, "1x", ""},
	{"./cmd", "Store/badger/1000/^(page|renewals)$", runs, "1x", "1000"},
	{"./ui", "^BenchmarkKey$/120x40", runs, "200x", ""},
}

func main() {
	million := flag.Bool("million", false, "measure a million certificates as well")
	flag.Usage = func() {
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "usage: bench [-million] [short | record | table FILE...]\n\n"+
			"Measures everything and writes "+page+". short measures what "+recorded+" has, and compares; record writes that.\n"+
			"table writes "+page+" from what go test -bench has printed into files.\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*million, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(million bool, args []string) error {
	if len(args) == 0 {
		return measureAll(million)
	}
	switch what := args[0]; what {
	case "short":
		before, err := os.ReadFile(recorded)
		if err != nil {
			return err
		}
		all, failed := measureShort()
		fmt.Print(all.table())
		return errors.Join(failed, all.compare(string(before)))
	case "record":
		all, failed := measureShort()
		if failed != nil {
			return failed
		}
		return os.WriteFile(recorded, []byte(all.record()), 0o600)
	case "table":
		all := results{}
		for _, file := range args[1:] {
			printed, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			all.add(string(printed))
		}
		return write(about(time.Now()) + all.table())
	default:
		flag.Usage()
		return fmt.Errorf("there is no %q", what)
	}
}

// measureAll measures everything. What is there is kept if somebody stops it.
func measureAll(million bool) (failed error) {
	all, head := results{}, about(time.Now())
	for _, s := range full(million) {
		failed = errors.Join(failed, all.measure(s, "CERTQUAY_BENCH_PEERS=1"), write(head+all.table()))
	}
	fmt.Print(head + all.table())
	return failed
}

// measureShort measures what CI does, all of it also after a set that fails.
func measureShort() (all results, failed error) {
	all = results{}
	for _, s := range short {
		failed = errors.Join(failed, all.measure(s))
	}
	return all, failed
}

// measure adds the results of a set.
func (r results) measure(s set, env ...string) error {
	begun := time.Now()
	c := exec.CommandContext(context.Background(), "go", "test", s.pkg, "-run", "^$", "-bench", s.bench, "-benchtime", s.time,
		"-count", fmt.Sprint(s.runs), "-timeout", "3h")
	c.Env = append(os.Environ(), env...)
	if s.sizes != "" {
		c.Env = append(c.Env, "CERTQUAY_BENCH_SIZES="+s.sizes)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	err := c.Run()
	if r.add(out.String()) == 0 && err == nil {
		err = errors.New("it measured nothing")
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", s.pkg, s.bench, err)
	}
	fmt.Fprintf(os.Stderr, "%s %s: %v\n", s.pkg, s.bench, time.Since(begun).Round(time.Second))
	return err
}

// begin stands in the page in front of what is measured.
const begin = "<!-- measured: generated -->\n"

// write puts a text into the page, instead of what was measured before.
func write(text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, _, ok := strings.Cut(string(old), begin)
	if !ok {
		return fmt.Errorf("%s has no line %q", page, begin)
	}
	return os.WriteFile(page, []byte(head+begin+text), 0o600)
}

var model = regexp.MustCompile(`(?m)^model name\s*: (.+)$`)

// about returns when and on what it was measured.
func about(now time.Time) string {
	cpu := "unknown processors"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := model.FindSubmatch(b); m != nil {
			cpu = string(m[1])
		}
	}
	return fmt.Sprintf("%s, %d cores (%s), %s/%s, %s.\n\n", now.Format(time.DateOnly), runtime.NumCPU(), cpu,
		runtime.GOOS, runtime.GOARCH, runtime.Version())
}
