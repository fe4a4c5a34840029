package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// running holds the servers that scripts have started, by process.
var running sync.Map

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// person is somebody at a machine of their own: an empty home, and certquay.
type person struct {
	t    testing.TB
	bin  string
	home string
	data string // the data directory of the default store
	env  []string
	flag []string // in front of every command line
}

// newPerson returns a user with an empty home directory.
func newPerson(t testing.TB) *person {
	t.Helper()
	p := &person{t: t, bin: program(t), home: filepath.Join(t.TempDir(), "home")}
	if err := os.Mkdir(p.home, 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(home(p.home), "PATH="+os.Getenv("PATH"))
	p.data = filepath.Join(p.home, ".local", "share", "certquay")
	return p
}

// result is how a command line ended.
type result struct {
	code     int
	out, err string
	took     time.Duration
}

// patience bounds everything that is waited for. It is generous: tests share
// the machine.
const patience = 2 * time.Minute

func (p *person) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.bin, append(append([]string{}, p.flag...), args...)...)
	c.Env, c.Dir = p.env, p.home
	return c
}

// try runs a command line and returns its result.
func (p *person) try(args ...string) result { return p.tryIn("", args...) }

// tryWithin is try with a limit of its own.
func (p *person) tryWithin(limit time.Duration, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.run(ctx, "", args)
}

// tryIn is try with a standard input.
func (p *person) tryIn(in string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.run(ctx, in, args)
}

func (p *person) run(ctx context.Context, in string, args []string) result {
	c := p.command(ctx, args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(in), &out, &errs
	from := time.Now()
	err := c.Run()
	r := result{out: out.String(), err: errs.String(), took: time.Since(from)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.code, r.err = -1, r.err+"\n"+ctx.Err().Error()
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		r.code, r.err = -2, r.err+"\n"+err.Error()
	}
	return r
}

// must runs a command line that has to succeed, and returns its output.
func (p *person) must(args ...string) string {
	p.t.Helper()
	r := p.try(args...)
	if r.code != 0 {
		p.t.Fatalf("certquay %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// refuse runs a command line that has to end with a code, and returns its
// standard error.
func (p *person) refuse(code int, args ...string) string {
	p.t.Helper()
	r := p.try(args...)
	if r.code != code {
		p.t.Fatalf("certquay %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r.err
}

// serve runs certquay serve until the test ends.
func (p *person) serve(args ...string) *serving {
	p.t.Helper()
	s, err := startServe(p.bin, p.home, p.env, append(append([]string{}, p.flag...), args...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		s.kill()
		if out := s.out.String(); p.t.Failed() && (strings.Contains(out, "goroutine ") || strings.Contains(out, "certquay: ")) {
			p.t.Logf("certquay serve:\n%s", out)
		}
	})
	return s
}

// instance and resource are what tests read of the JSON.
type instance struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	State       string   `json:"state"`
	Domains     []string `json:"domains"`
	Serial      string   `json:"serial"`
	Fingerprint string   `json:"fingerprint_sha256"`
	Versions    []struct {
		Serial      string `json:"serial"`
		Fingerprint string `json:"fingerprint_sha256"`
	} `json:"versions"`
	Operation *struct {
		Kind string `json:"kind"`
	} `json:"operation"`
}

type resource struct {
	ID          string `json:"id"`
	Product     string `json:"product"`
	Region      string `json:"region"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Instance    string `json:"instance"`
	Fingerprint string `json:"fingerprint_sha256"`
	Address     string `json:"address"`
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return v
}

// issue buys and applies, and returns the issued instance.
func (p *person) issue(domain string) instance {
	p.t.Helper()
	b := decode[struct {
		Instances []instance `json:"instances"`
	}](p.t, p.must("buy", "--json"))
	return decode[instance](p.t, p.must("apply", b.Instances[0].ID, "--domain", domain, "--json"))
}

// deploy deploys to a product of one region and returns the resource.
func (p *person) deploy(id, product string) resource {
	p.t.Helper()
	return decode[[]resource](p.t, p.must("deploy", id, "--product", product, "--json"))[0]
}
