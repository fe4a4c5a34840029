package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/product/nginx/nginxtest"
	"certquay/lifecycle/runner/runnertest"
)

// fleet is a person with one product on many hosts: one sshd that answers at an address for
// each host, and an nginx for each.
type fleet struct {
	*person
	t       *testing.T
	ssh     *runnertest.Server
	hosts   []string
	servers []*nginxtest.Server
	serving *serving
}

const fleetName = "shop.example.com"

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{person: newPerson(t), t: t}
	for k := range n {
		f.hosts = append(f.hosts, fmt.Sprintf("127.0.0.%d", k+1))
	}
	var bin string
	f.servers, bin = nginxtest.OnHosts(t, f.hosts, fleetName)
	f.ssh = runnertest.SSHD(t, runnertest.Options{Hosts: n, Path: bin})
	s := f.ssh.Settings()
	add := []string{"product", "add", "Web", "--driver", "nginx", "--ssh-key", s.KeyFile, "--known-hosts", s.KnownHosts}
	for _, h := range s.SSH {
		add = append(add, "--ssh", h)
	}
	f.must(add...)
	f.restart()
	return f
}

// restart gives the fleet an owner that has no connections.
func (f *fleet) restart() {
	f.t.Helper()
	if f.serving != nil {
		if err := f.serving.stopServing(); err != nil {
			f.t.Fatal(err)
		}
	}
	f.serving = f.serve()
}

// figures are what a rollout took.
type figures struct {
	took   time.Duration
	logins int
}

func (f *fleet) measure(work func()) figures {
	f.restart()
	from, logins := time.Now(), f.ssh.Logins()
	work()
	return figures{time.Since(from), f.ssh.Logins() - logins}
}

// state is what each host has in its files and presents.
func (f *fleet) state() (files, presents []string) {
	f.t.Helper()
	files, presents = make([]string, len(f.hosts)), make([]string, len(f.hosts))
	var wg sync.WaitGroup
	for n, s := range f.servers {
		wg.Go(func() {
			files[n] = s.State(f.t)()
			chain, err := presented(s.Address(), fleetName)
			if err != nil {
				f.t.Errorf("%s: %v", f.hosts[n], err)
				return
			}
			presents[n] = chain[0]
		})
	}
	wg.Wait()
	return files, presents
}

// waveOf is the wave, from 0, of the host with an index.
func waveOf(n, batch int) int { return (n + batch - 1) / batch }

// A product on many hosts behind one sshd gets a certificate in waves, the first of one
// host. When a host fails, in the first wave, in one between or in the last, or its connection
// is cut, its wave is put back as it was, byte for byte, those before it keep the new
// certificate, and those after it are not touched. It prints seconds and SSH connections. With
// 12 hosts one of a middle wave fails; all of it, and the same one by one, by
//
//	CERTQUAY_HOSTS=100 go test ./cmd -run WavesOverSSH -v -timeout 1h
//
// spec: P6
func TestWavesOverSSH(t *testing.T) {
	t.Parallel()
	count := long(t, "CERTQUAY_HOSTS", 12)
	f := newFleet(t, count)
	batch := max(2, count/4)
	last := waveOf(count-1, batch)
	deploy := func(id string) result {
		args := []string{"deploy", id, "--product", "Web", "--batch", strconv.Itoa(batch), "--region", strings.Join(f.hosts, ",")}
		return f.tryWithin(20*time.Minute, args...)
	}
	t.Logf("%d hosts, waves of 1 and %d: %d waves", count, batch, last+1)
	t.Logf("%-36s %8s %12s  %s", "", "seconds", "connections", "presented at the end")
	report := func(what string, g figures, format string, args ...any) {
		t.Logf("%-36s %8.1f %12d  %s", what, g.took.Seconds(), g.logins, fmt.Sprintf(format, args...))
	}

	first := f.issue(fleetName)
	g := f.measure(func() {
		if r := deploy(first.ID); r.code != 0 {
			t.Fatalf("deploy: %d\n%s%s", r.code, r.out, r.err)
		}
	})
	_, presents := f.state()
	if n := f.presenting(presents, first); n != count {
		t.Fatalf("%d hosts present it", n)
	}
	report("in waves", g, "%d the new one", count)

	failures := []struct {
		what string
		host int
		file string // of [nginxtest.OnHosts], which makes it fail
		late string // seconds until then
	}{
		{"one of a middle wave refuses", batch + 1, nginxtest.Refuses, "0"},
		{"one refuses once others have it", batch + 1, nginxtest.Refuses, "5"},
		{"a connection is cut in a middle wave", batch + 1, nginxtest.Cuts, ""},
		{"the first refuses", 0, nginxtest.Refuses, "0"},
		{"one of the last wave refuses", count - 1, nginxtest.Refuses, "0"},
	}
	if count <= 12 {
		failures = failures[1:3]
	}
	for _, c := range failures {
		second := f.issue(fleetName)
		files, before := f.state()
		fault := filepath.Join(f.servers[c.host].Dir, c.file)
		if err := os.WriteFile(fault, []byte(c.late), 0o600); err != nil {
			t.Fatal(err)
		}
		var r result
		g := f.measure(func() { r = deploy(second.ID) })
		if err := os.Remove(fault); (err == nil) == (c.file == nginxtest.Cuts) {
			t.Fatalf("%s: it was not, so this proves nothing: %v", c.what, err)
		}
		if r.code != 1 {
			t.Errorf("%s: exit %d\n%s%s", c.what, r.code, r.out, r.err)
		}
		now, presents := f.state()
		wave, restored, untouched := waveOf(c.host, batch), 0, 0
		for n := range f.hosts {
			switch w := waveOf(n, batch); {
			case w < wave:
				if presents[n] != second.Fingerprint {
					t.Errorf("%s: %s of wave %d presents another", c.what, f.hosts[n], w+1)
				}
				continue
			case w == wave:
				restored++
			default:
				untouched++
			}
			if now[n] != files[n] || presents[n] != before[n] {
				t.Errorf("%s: %s of wave %d is not as it was", c.what, f.hosts[n], waveOf(n, batch)+1)
			}
		}
		f.recorded(presents)
		report(
			c.what,
			g,
			"%d the new one, %d as before, %d of them not begun",
			f.presenting(presents, second),
			restored+untouched,
			untouched,
		)
		f.heldAre(second, untouched)
	}

	if count <= 12 {
		return
	}
	third := f.issue(fleetName)
	g = f.measure(func() {
		for _, h := range f.hosts {
			f.must("deploy", third.ID, "--product", "Web", "--region", h)
		}
	})
	_, presents = f.state()
	if n := f.presenting(presents, third); n != count {
		t.Errorf("%d hosts present it", n)
	}
	f.recorded(presents)
	report("one by one, by the same owner", g, "%d the new one", count)
}

// presenting counts the hosts that present a certificate.
func (f *fleet) presenting(presents []string, i instance) (n int) {
	for _, p := range presents {
		if p == i.Fingerprint {
			n++
		}
	}
	return n
}

// recorded checks that what is recorded as deployed is what each host presents.
func (f *fleet) recorded(presents []string) {
	f.t.Helper()
	all := decode[[]resource](f.t, f.must("resources", "--json"))
	if len(all) != len(f.hosts) {
		f.t.Errorf("%d resources", len(all))
	}
	for _, r := range all {
		if n := slices.Index(f.hosts, r.Region); n < 0 || r.Fingerprint != presents[n] {
			f.t.Errorf("%s is recorded with %s (%s)", r.Region, r.Fingerprint, r.State)
		}
	}
}

// heldAre checks by the receipts that so many deployments of a certificate were not begun.
func (f *fleet) heldAre(i instance, want int) {
	f.t.Helper()
	began := decode[[]struct{ Region string }](f.t, f.must("receipts", i.ID, "--limit", "0", "--json"))
	if len(began) != len(f.hosts)-want {
		f.t.Errorf("%d hosts have a receipt, of %d with %d that were not begun", len(began), len(f.hosts), want)
	}
}
