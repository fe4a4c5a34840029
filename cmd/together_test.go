package cmd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// twenty starts 20 different verbs at the same moment and checks that each
// succeeds, or is refused by a rule and not by a lock.
func twenty(t *testing.T, p *person) {
	t.Helper()
	a, b := p.issue("a.example.com"), p.issue("b.example.com")
	fresh := decode[struct {
		Instances []instance `json:"instances"`
	}](t, p.must("buy", "--quantity", "3", "--json")).Instances
	before := len(decode[[]instance](t, p.must("list", "--json")))
	files, err := pki("up.example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(p.home, "bundle.pem")
	if err := os.WriteFile(bundle, append(append(files["leaf.pem"], files["int.pem"]...), files["key.pem"]...), 0o600); err != nil {
		t.Fatal(err)
	}
	verbs := [][]string{
		{"buy"}, {"buy", "--quantity", "2"}, {"buy", "--grade", "standard", "--yes"}, // + 4
		{"apply", fresh[0].ID, "--domain", "c.example.com"},
		{"apply", fresh[1].ID, "--domain", "d.example.com", "--key-type", "ecdsa-p384"},
		{"close", fresh[2].ID, "--yes"},
		{"deploy", a.ID, "--product", "CDN"},
		{"deploy", a.ID, "--product", "WAF", "--region", "us-west-1"},
		{"reissue", b.ID, "--new-key"},
		{"upload", bundle}, // + 1
		{"upload", bundle}, // held already, whichever comes first
		{"contact", "add", "--name", "Ops", "--email", "ops@example.com"},
		{"list", "--json"}, {"show", a.ID}, {"explain", b.ID}, {"resources"}, {"balance"},
		{"activity"}, {"tick"}, {"fsck"},
	}
	if len(verbs) != 20 {
		t.Fatalf("%d verbs", len(verbs))
	}
	results := make([]result, len(verbs))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for n, v := range verbs {
		wg.Go(func() {
			<-start
			results[n] = p.try(v...)
		})
	}
	close(start)
	wg.Wait()
	refused := 0
	for n, r := range results {
		line := strings.Join(verbs[n], " ")
		switch {
		case r.code == 0:
		case r.code == 3 && strings.Contains(r.err, "upload is refused: this certificate is held already"):
			refused++
		default:
			t.Errorf("certquay %s: exit %d after %v\n%s%s", line, r.code, r.took, r.out, r.err)
		}
	}
	if refused != 1 {
		t.Errorf("%d were refused, and it is exactly the second of the same upload that must be", refused)
	}
	if n := len(decode[[]instance](t, p.must("list", "--json"))); n != before+5 {
		t.Errorf("%d instances, want %d", n, before+5)
	}
	if n := len(decode[[]resource](t, p.must("resources", "--state", "deployed", "--json"))); n != 2 {
		t.Errorf("%d resources are deployed, want 2", n)
	}
	p.must("fsck")
}

// 20 verbs at once while another process owns the store.
// spec: V1
func TestTwentyVerbsAtOnceWithAnOwner(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	twenty(t, p)
	if err := s.stopServing(); err != nil {
		t.Errorf("%v\n%s", err, s.out)
	}
}

// 20 verbs at once with no owner: one of them becomes it, the others attach to
// it or to the next.
// spec: V1
func TestTwentyVerbsAtOnceWithoutAnOwner(t *testing.T) {
	t.Parallel()
	twenty(t, newPerson(t))
}

// follow starts activity --follow and returns a channel of the printed lines.
func (p *person) follow(args ...string) (*exec.Cmd, <-chan string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := p.command(ctx, append([]string{"activity", "--follow"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		_ = c.Wait()
	})
	return c, lines
}

// waitForLine waits for a line that matches, and returns it with its time.
func waitForLine(t *testing.T, lines <-chan string, pattern string) (string, time.Time) {
	t.Helper()
	r := regexp.MustCompile(pattern)
	late := time.After(30 * time.Second)
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				t.Fatalf("it ended before a line matched %q", pattern)
			}
			if r.MatchString(l) {
				return l, time.Now()
			}
		case <-late:
			t.Fatalf("no line matched %q in 30 s", pattern)
		}
	}
}

// What one process does, another sees as it happens; the log says how soon.
// spec: V1
func TestFollowSeesWhatOthersDo(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.serve()
	p.must("buy")
	_, lines := p.follow()
	_, objects := p.follow("--json")
	waitForLine(t, lines, " buy ") // what was before comes first
	waitForLine(t, objects, `"action":"buy"`)
	best := time.Hour
	for n := range 5 {
		name := fmt.Sprintf("Team-%d", n)
		from := time.Now()
		p.must("contact", "add", "--name", name, "--email", "team@example.com")
		_, came := waitForLine(t, lines, " contact .*"+name)
		best = min(best, came.Sub(from))
		l, _ := waitForLine(t, objects, `"action":"contact"`)
		if !json.Valid([]byte(l)) || !strings.Contains(l, name) {
			t.Errorf("no object on a line: %q", l)
		}
	}
	t.Logf("seen after %v, the verb itself included", best)
}

// A follower that attached never opens the database: only the owner has files
// below db/ open.
func TestAttachedVerbOpensNoDatabase(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	p.must("buy")
	c, lines := p.follow()
	waitForLine(t, lines, " buy ")
	inDB := func(pid int) (open, below int) {
		dir := fmt.Sprintf("/proc/%d", pid)
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			t.Skipf("there is no /proc here: %v", err)
		}
		for _, e := range fds {
			if to, err := os.Readlink(filepath.Join(dir, "fd", e.Name())); err == nil {
				open++
				if strings.HasPrefix(to, filepath.Join(p.data, "db")) {
					below++
				}
			}
		}
		// Files that are mapped count as well, closed or not.
		maps, err := os.ReadFile(filepath.Join(dir, "maps"))
		if err != nil {
			t.Fatal(err)
		}
		return open, below + strings.Count(string(maps), filepath.Join(p.data, "db")+"/")
	}
	if _, n := inDB(s.cmd.Process.Pid); n == 0 {
		t.Error("the owner has nothing of db/ open, so this proves nothing")
	}
	if open, n := inDB(c.Process.Pid); n != 0 || open == 0 {
		t.Errorf("the attached verb has %d files of db/ open, of %d", n, open)
	}
}

// An attached verb leaves standard input alone unless it is asked to read it.
func TestAttachedVerbLeavesStandardInput(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	made := decode[struct {
		Instances []instance `json:"instances"`
	}](t, p.must("buy", "--quantity", "10", "--json")).Instances
	var ids strings.Builder
	for _, i := range made {
		ids.WriteString(i.ID + "\n")
	}
	if err := os.WriteFile(filepath.Join(p.home, "ids"), []byte(ids.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	loop := func(what string) {
		t.Helper()
		c := exec.Command("sh", "-c", `while read id; do "$0" show "$id" --json | grep '"name"' || exit 9; done < ids`, p.bin)
		c.Env, c.Dir = p.env, p.home
		out, err := c.CombinedOutput()
		if err != nil || strings.Count(string(out), "dv-single-") != len(made) {
			t.Errorf("%s: %v, %d of %d lines were handled\n%s", what, err, strings.Count(string(out), "dv-single-"), len(made), out)
		}
	}
	loop("without an owner")
	p.serve()
	loop("attached")
}

// Exit codes, both streams, and paths relative to the caller pass through.
func TestAttachedVerbIsLikeALocalOne(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.must("contact", "add", "--name", "Ops", "--email", "ops@example.com")
	i := p.issue("www.example.com")
	type want struct {
		code int
		args []string
	}
	wants := []want{
		{0, []string{"list", "--json"}},
		{0, []string{"show", i.ID}},
		{2, []string{"show"}},
		{2, []string{"list", "--state", "odd"}},
		{
			3,
			[]string{"delete", i.ID, "--yes"},
		},
		{3, []string{"renew", i.ID, "--json"}},
		{4, []string{"show", "nothing"}},
		{4, []string{"show", "nothing", "--json"}},
		{3, []string{"buy", "--read-only"}},
		{2, []string{"revoke", i.ID, "--reason", "superseded"}},
		{0, []string{"contact", "list"}},
		{1, []string{"download", i.ID, "--out", "/dev/null"}},
		{0, []string{"show", i.ID, "--json"}},
		{2, []string{"upload", ""}},
	}
	local := make([]result, len(wants))
	for n, w := range wants {
		local[n] = p.try(w.args...)
	}
	p.serve() // in the home directory
	for n, w := range wants {
		r := p.try(w.args...)
		if r.code != w.code || local[n].code != w.code {
			t.Errorf("certquay %q: attached exit %d, local %d, want %d\n%s%s", w.args, r.code, local[n].code, w.code, r.err, local[n].err)
		}
		if n != 1 && (r.out != local[n].out || r.err != local[n].err) { // details tell what happened lately
			t.Errorf("certquay %q differs:\nlocal    %q %q\nattached %q %q", w.args, local[n].out, local[n].err, r.out, r.err)
		}
	}

	// In another directory, with relative paths both ways.
	dir := filepath.Join(p.home, "elsewhere")
	files, err := pki("rel.example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.Mkdir(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "cert.pem"), append(files["leaf.pem"], files["key.pem"]...), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	in := func(args ...string) (string, error) {
		c := p.command(context.Background(), args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := in("upload", "cert.pem"); err != nil {
		t.Errorf("upload of a relative path: %v\n%s", err, out)
	}
	if out, err := in(
		"download",
		"rel.example.com",
		"--format",
		"nginx",
		"--out",
		"./out",
	); err != nil ||
		!strings.Contains(out, "out/rel.example.com.key") {
		t.Errorf("download to a relative path: %v\n%s", err, out)
	}
	st, err := os.Stat(filepath.Join(dir, "out", "rel.example.com.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if out, err := in("download", "rel.example.com", "--out", "../beside"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(p.home, "beside", "rel.example.com.pem")); err != nil {
		t.Error(err)
	}

	// Standard input is read where - asks for it, and only there.
	if r := p.tryIn(string(files["self.pem"]), "upload", "-", "--name", "From the pipe"); r.code != 0 {
		t.Errorf("upload -: exit %d\n%s", r.code, r.err)
	}
}

// Interrupting an attached verb stops the waiting, and says that the work goes
// on.
func TestInterruptStopsWaitingOnly(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.serve()
	p.must("buy")
	c, lines := p.follow()
	waitForLine(t, lines, " buy ")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		for range lines {
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it goes on after an interrupt")
	}
	p.must("list")
}

// A verb that is done at once leaves nothing in the log that looks like trouble.
func TestQuickVerbsLogNoErrors(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for range 5 {
		p.must("list")
	}
	log, err := os.ReadFile(filepath.Join(p.home, ".local", "state", "certquay", "certquay.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if strings.Contains(string(log), `"level":"ERROR"`) {
		t.Errorf("errors were logged though nothing failed:\n%s", log)
	}
}
