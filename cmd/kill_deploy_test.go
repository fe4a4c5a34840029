package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/lifecycle/product/nginx/nginxtest"
)

// killHook is the sudo of a machine, by which certquay changes files and commands nginx. It
// writes what each change is to the file trace, and at one of them kills the process that
// asked for it: the file armed says at which, when, and which process. What fails by itself
// are commands and files that the files refuses, deaf and full name.
const killHook = `#!/bin/sh
[ "$1 $2" = '-n --' ] || exit 1
shift 2
dir=%s
path=${10}
case $6\ $8 in
nginx*) [ "$7" != -T ] || exec "$@"
        label="nginx $7${8:+ $8}" ;;
sh*set\ -C*) label="write ${path##*/}" ;;
sh*ln\ -s*) label="link ${path##*/} to ${13##*/}" ;;
sh*make\ \(\)*|sh*'make()'*) label="directory ${path##*/}" ;;
sh*rmdir*) label="remove ${path##*/}" ;;
*) exec "$@" ;;
esac
change() {
  case $label in
  'nginx -t') [ ! -e "$dir/refuses" ] || { echo 'nginx: [emerg] refused' >&2; return 1; } ;;
  'nginx -s reload') ! rm "$dir/deaf" 2>/dev/null || { echo 'nginx: [alert] failed' >&2; return 1; } ;;
  write*) if [ -e "$dir/full" ]; then
            case $path in *c.example.com*) echo 'cat: write error: No space left on device' >&2; return 70 ;; esac
          fi ;;
  esac
  "$@"
}
exec 8>>"$dir/lock"
flock 8
echo "$label" >>"$dir/trace"
n=$(wc -l <"$dir/trace")
flock -u 8
exec 8>&-
[ ! -e "$dir/armed" ] || read -r at moment pid <"$dir/armed"
[ "$n" = "$at" ] || { change "$@"; exit; }
rm "$dir/armed"
case $moment in
before) kill -9 "$pid"; exit 1 ;;
while) exec 3<&0; change "$@" <&3 & kill -9 "$pid"; wait $!; exit ;;
after) change "$@"; status=$?; kill -9 "$pid"; exit $status ;;
esac
`

// The moments of a change at which the process is killed.
var deathMoments = []string{"before", "while", "after"}

// deathbed is a person with an nginx of this machine, and two certificates for it.
type deathbed struct {
	*person
	t      *testing.T
	server *nginxtest.Server
	dir    string // of the hook
	front  *front
	pairs  [2]instance
	// rest is what each name has with each of the pairs by their fingerprints, and with what
	// was there before certquay by "".
	rest   map[string]map[string]rest
	chains map[string]bool // that may be presented, see presented
	turn   int
}

// rest is a name at which nothing is at work.
type rest struct {
	files string // with all that is beside them
	leaf  string // that is presented
}

func newDeathbed(t *testing.T) *deathbed {
	t.Helper()
	d := &deathbed{person: newPerson(t), t: t, dir: t.TempDir(), rest: map[string]map[string]rest{}, chains: map[string]bool{}}
	d.server = nginxtest.Start(t, "a.example.com", "b.example.com", "c.example.com")
	if err := os.WriteFile(filepath.Join(d.dir, "sudo"), fmt.Appendf(nil, killHook, d.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	d.env = append(home(d.home), "PATH="+d.dir+":"+d.server.InPath(t)+":"+os.Getenv("PATH"))
	d.front = newFront(t, d)
	d.learn("")
	d.must("product", "add", "Web", "--driver", "nginx", "--sudo", "--address", d.front.address())
	for n := range d.pairs {
		b := decode[struct{ Instances []instance }](t, d.must("buy", "--type", "multi", "--json"))
		d.pairs[n] = decode[instance](t,
			d.must("apply", b.Instances[0].ID, "--domain", strings.Join(d.server.Hosts, ","), "--json"))
	}
	for _, pair := range d.pairs {
		d.do("deploy", pair.ID)
		d.learn(pair.Fingerprint)
	}
	return d
}

// learn takes what is there now for what is to be there with a pair.
func (d *deathbed) learn(pair string) {
	d.t.Helper()
	d.rest[pair] = map[string]rest{}
	files := d.state()
	for _, h := range d.server.Hosts {
		chain, err := presented(d.server.Address(), h)
		if err != nil {
			d.t.Fatal(err)
		}
		if pair != "" && chain[0] != pair {
			d.t.Fatalf("%s presents %v", h, chain)
		}
		d.rest[pair][h] = rest{files[h], chain[0]}
		d.chains[strings.Join(chain, " ")] = true
	}
}

// args completes a command line: the names are all, or some.
func (d *deathbed) args(verb, id string, names ...string) []string {
	if verb == "undeploy" {
		return append([]string{verb, "--yes"}, names...)
	}
	args := []string{verb, id, "--product", "Web", "--older", "--yes"}
	if len(names) > 0 {
		args = append(args, "--resource", strings.Join(names, ","))
	}
	return args
}

func (d *deathbed) do(verb, id string, names ...string) { d.must(d.args(verb, id, names...)...) }

// changes are those of the trace.
func (d *deathbed) changes() []string {
	data, err := os.ReadFile(filepath.Join(d.dir, "trace"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// set makes or removes a file that the hook looks at.
func (d *deathbed) set(name string, there bool) {
	d.t.Helper()
	err := os.RemoveAll(filepath.Join(d.dir, name))
	if there {
		err = os.WriteFile(filepath.Join(d.dir, name), nil, 0o600)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// death is what is done when the process is killed, and how it may end.
type death struct {
	what  string
	names []string
	batch string // of a rollout; "" for none
	verb  string
	fault string // a file of the hook
	first bool   // nothing was deployed there before
	// news are how the names may end: each with the new pair or with what was there.
	ends []map[string]bool
}

func all(names []string, is bool) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = is
	}
	return m
}

// deaths are the deployments in which the process is killed.
func deaths() []death {
	one, three := []string{"a.example.com"}, []string{"a.example.com", "b.example.com", "c.example.com"}
	done, undone := all(one, true), all(one, false)
	return []death{
		{what: "deployment", names: one, verb: "deploy", ends: []map[string]bool{done}},
		{what: "first deployment", names: one, verb: "deploy", first: true, ends: []map[string]bool{done}},
		{what: "rollback of what is refused", names: one, verb: "deploy", fault: "refuses", ends: []map[string]bool{undone}},
		// A process that died before it knew of the failure does it again.
		{what: "rollback of what is not loaded", names: one, verb: "deploy", fault: "deaf", ends: []map[string]bool{done, undone}},
		{what: "taking off", names: one, verb: "undeploy", ends: []map[string]bool{done}},
		{what: "rollout of three", names: three, verb: "deploy", batch: "1", ends: []map[string]bool{all(three, true)}},
		{what: "rollout that is stopped", names: three, verb: "deploy", batch: "2", fault: "full", ends: []map[string]bool{
			{"a.example.com": true, "b.example.com": false, "c.example.com": false},
		}},
	}
}

// begin gives the names of a death one pair, and returns that which is deployed then.
func (d *deathbed) begin(x *death) instance {
	d.t.Helper()
	for _, f := range []string{"refuses", "deaf", "full", "armed"} {
		d.set(f, false)
	}
	d.turn++
	former, next := d.pairs[d.turn%2], d.pairs[(d.turn+1)%2]
	if x.first {
		d.try(d.args("undeploy", "", x.names...)...) // they may not be deployed
	} else {
		d.do("deploy", former.ID, x.names...)
	}
	d.set("trace", false)
	if x.fault != "" {
		d.set(x.fault, true)
	}
	return next
}

// command is the command line of a death.
func (x *death) command(d *deathbed, next instance) []string {
	args := d.args(x.verb, next.ID, x.names...)
	if x.batch != "" {
		args = append(args, "--batch", x.batch)
	}
	return args
}

// state is what the files of a name hold, with all that is beside them.
func (d *deathbed) state() map[string]string {
	d.t.Helper()
	held := map[string]string{}
	for line := range strings.Lines(d.server.State(d.t)()) {
		for _, h := range d.server.Hosts {
			if strings.Contains(strings.SplitN(line, " ", 2)[0], h) {
				held[h] += line
			}
		}
	}
	return held
}

// ended waits until nothing is at work, and returns what is recorded by name.
func (d *deathbed) ended() map[string]resource {
	d.t.Helper()
	var places map[string]resource
	eventually(d.t, "the next process ends what was begun", func() bool {
		places = map[string]resource{}
		for _, r := range decode[[]resource](d.t, d.must("resources", "--json")) {
			places[r.Name] = r
			if r.State == "deploying" || r.State == "waiting" {
				return false
			}
		}
		for _, i := range d.pairs {
			if decode[instance](d.t, d.must("show", i.ID, "--json")).Operation != nil {
				return false
			}
		}
		return true
	})
	return places
}

// strike kills the owner once, and looks at what the next one makes of it. It returns what
// was killed, and whether the new pair is there in the end.
func (d *deathbed) strike(x *death, arm func(pid int)) (done bool) {
	d.t.Helper()
	next := d.begin(x)
	before := d.state()
	s := d.serve()
	arm(s.cmd.Process.Pid)
	r := d.try(x.command(d, next)...)
	if _, err := os.Stat(filepath.Join(d.dir, "armed")); err == nil || d.front.armed() {
		d.t.Fatalf("%s: nothing was killed, so this proves nothing: exit %d\n%s%s\n%q", x.what, r.code, r.out, r.err, d.changes())
	}
	s.kill() // has ended by now
	s = d.serve()
	defer func() {
		if err := s.stopServing(); err != nil {
			d.t.Error(err)
		}
	}()
	places := d.ended()
	now, end := d.state(), map[string]bool{}
	for _, h := range x.names {
		end[h] = now[h] != before[h]
		want := d.wanted(x, next, end[h])
		chain, err := presented(d.server.Address(), h)
		switch is := places[h].Fingerprint; {
		case err != nil || chain[0] != d.rest[want][h].leaf:
			d.t.Errorf("%s: %s presents %v (%v), want %q", x.what, h, chain, err, want)
		case is != want:
			d.t.Errorf("%s: %q is recorded for %s, want %q", x.what, is, h, want)
		case want != "":
			d.must("verify", h)
		}
		// The former pair is removed after the end of a deployment is recorded.
		if !waittest.Eventually(10*time.Second, func() bool { return d.state()[h] == d.rest[want][h].files }) {
			d.t.Errorf("%s: the files of %s are not as they are to be with %q", x.what, h, want)
		}
	}
	if !slices.ContainsFunc(x.ends, func(e map[string]bool) bool { return maps.Equal(e, end) }) {
		d.t.Errorf("%s: ended with %v", x.what, end)
	}
	return end[x.names[0]]
}

// wanted is the fingerprint of the pair that a name is to have in the end, "" for what was
// there before certquay.
func (d *deathbed) wanted(x *death, next instance, done bool) string {
	former := d.pairs[0]
	if former.ID == next.ID {
		former = d.pairs[1]
	}
	switch {
	case x.verb == "undeploy" && done, x.first && !done:
		return ""
	case x.verb == "undeploy", !done:
		return former.Fingerprint
	}
	return next.Fingerprint
}

// die kills the owner at the points of a death, and returns how often. If only a few are to
// be, its number says which.
func (d *deathbed) die(x *death, number, times int) int {
	d.t.Helper()
	next := d.begin(x)
	d.try(x.command(d, next)...) // ends as the fault makes it
	changes := d.changes()
	points := x.points(changes)
	if times == 0 { // one of each, at different places and moments
		points = points[(5*number+7)%len(points):][:1]
	}
	done, undone := 0, 0
	for n, at := range points {
		moments := deathMoments
		if times < 3 {
			moments = deathMoments[(n+number)%3:][:1]
		}
		for _, moment := range moments {
			failed := d.t.Failed()
			if d.strike(x, func(pid int) { d.arm(at, moment, pid) }) {
				done++
			} else {
				undone++
			}
			if d.t.Failed() && !failed {
				d.t.Logf("killed in %s, %s %s", x.what, moment, at.label)
			}
		}
	}
	d.t.Logf("%-32s %7d %5d  %d, %d", x.what, len(changes), done+undone, done, undone)
	return done + undone
}

// The program is killed at every change that a deployment to a real nginx makes, by files
// and by commands, and at its handshakes: before it, while it is made and after it. That is
// so for deploying, for rolling back, for taking off, and for a rollout of three. The next
// process ends what was begun, without a person: the new pair is presented and recorded, or
// what was there is back, byte for byte. Who connects meanwhile always gets a complete pair.
// A few of the changes, or all of them at each moment by
//
//	CERTQUAY_DEPLOY_KILLS=3 go test ./cmd -run KilledWhileDeploying -v -timeout 3h
//
// (1 for each at one of the moments)
//
// spec: P3 D3 D6
func TestKilledWhileDeploying(t *testing.T) {
	t.Parallel()
	times := long(t, "CERTQUAY_DEPLOY_KILLS", 0)
	d := newDeathbed(t)
	clients := d.connect()
	kills := 0
	t.Logf("%-32s %7s %5s  %s", "", "changes", "kills", "the new pair in the end, or what was there")
	for k, x := range deaths() {
		t.Run(x.what, func(t *testing.T) {
			d.t, d.person.t = t, t
			kills += d.die(&x, k, times)
		})
	}
	d.t, d.person.t = t, t
	asked, wrong := clients()
	for _, err := range wrong {
		t.Error(err)
	}
	t.Logf("%d kills; %d handshakes beside, %d of them failed or saw no complete pair", kills, asked, len(wrong))
	d.must("fsck")
}
