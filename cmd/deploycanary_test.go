package cmd_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/waittest"
	"certquay/lifecycle/product/nginx/nginxtest"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
)

// wideFiles are the contents that files had at some moment while others than their owner
// could read them.
type wideFiles struct {
	seen map[string]string // by path and content
	done chan struct{}
	wait sync.WaitGroup
}

func watchFiles(dir string) *wideFiles {
	w := &wideFiles{seen: map[string]string{}, done: make(chan struct{})}
	w.wait.Go(func() {
		for {
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return nil //nolint:nilerr // it has gone meanwhile
				}
				if st, err := d.Info(); err == nil && st.Mode().Perm()&0o077 != 0 {
					if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
						w.seen[fmt.Sprintf("%s %x", path, len(data))] = string(data)
					}
				}
				return nil
			})
			select {
			case <-w.done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	return w
}

func (w *wideFiles) stop() {
	close(w.done)
	w.wait.Wait()
}

// keyParts are what reveals each of the keys that a store holds, and that of SSH.
func keyParts(t *testing.T, stored map[string][]byte, sshKey string) map[string][]byte {
	t.Helper()
	secrets := map[string][]byte{}
	for name, s := range stored {
		secrets[name] = s
		if _, err := x509.ParsePKCS8PrivateKey(s); err != nil {
			continue
		}
		parts, err := secretsOf(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: s}))
		if err != nil {
			t.Fatal(err)
		}
		if part, ok := parts["scalar"]; ok {
			secrets[name+" scalar"] = part
		}
	}
	data, err := os.ReadFile(sshKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	secrets["SSH key"] = key.(*ed25519.PrivateKey).Seed()
	for n, line := range strings.Split(string(data), "\n") { // the seed is in one of them
		if n > 1 && len(line) == 70 {
			secrets[fmt.Sprintf("line %d of the SSH key", n+1)] = []byte(line)
		}
	}
	return secrets
}

// Over a whole run of deployments to nginx on a host that is reached by SSH, by sudo, with a
// rollback, a new key and a taking off, all logs at their most talkative: neither the keys of
// certificates nor that of SSH are in an argument or the environment of a process, on either
// side, nor in a log, in anything that was printed, in a backup, or in a file that others
// than its owner may read, at any moment. The search finds what is put there for it.
//
// spec: P3 C5
func TestNoKeyIsSeenWhileDeploying(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	servers, bin := nginxtest.OnHosts(t, []string{"127.0.0.1"}, fleetName)
	server := servers[0]
	if err := os.Chmod(server.Key(fleetName), 0o600); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	p.env = append(p.env, "TMPDIR="+tmp)
	far := runnertest.SSHD(t, runnertest.Options{Path: bin, Sudo: runnertest.SudoGranted, Debug: true})
	config := filepath.Join(p.home, ".config", "certquay", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("log: {level: debug}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	processes, wide := watchProcesses(), watchFiles(server.Dir)
	defer processes.stop()

	printed := []string{}
	run := func(code int, args ...string) string {
		t.Helper()
		r := p.try(args...)
		if r.code != code {
			t.Fatalf("%v: %d\n%s%s", args, r.code, r.out, r.err)
		}
		printed = append(printed, r.out, r.err)
		return r.out
	}
	settings := far.Settings()
	s := p.serve()
	run(0, "product", "add", "Web", "--driver", "nginx", "--sudo", "--ssh", settings.SSH[0], "--ssh-key", settings.KeyFile,
		"--known-hosts", settings.KnownHosts, "--json")
	run(0, "product", "test", "Web")
	i := p.issue(fleetName)
	deploy := []string{"deploy", i.ID, "--product", "Web", "--json"}
	run(0, append(deploy, "--dry-run")...)
	run(0, deploy...)
	run(0, "reissue", i.ID, "--new-key", "--json")
	refuses := server.Path(nginxtest.Refuses)
	if err := os.WriteFile(refuses, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(1, deploy...)
	if err := os.Remove(refuses); err != nil {
		t.Fatal(err)
	}
	run(0, deploy...)
	run(0, "undeploy", fleetName, "--yes")
	run(0, deploy...)
	run(0, "verify", fleetName)
	for _, args := range [][]string{
		{"product", "show", "Web"}, {"product", "list"}, {"show", i.ID}, {"receipts", i.ID}, {"resources"}, {"activity", "--limit", "0"},
		{"tasks"}, {"config"},
	} {
		run(0, args...)
		if args[0] != "config" {
			run(0, append(args, "--json")...)
		}
	}
	_, recipient := p.identity(t)
	run(0, "backup", filepath.Join(p.home, "store.backup"), "--recipient", recipient)
	plantCanaries(t, settings, server)
	if err := s.stopServing(); err != nil {
		t.Fatal(err)
	}
	processes.stop()
	processes.wait.Wait()
	wide.stop()

	stored, err := storedSecrets(p.data, filepath.Join(filepath.Dir(config), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := stored["product-secret/web/ssh_key"]; !ok {
		t.Fatalf("the store seals no SSH key: %v", slices.Collect(maps.Keys(stored)))
	}
	secrets := keyParts(t, stored, settings.KeyFile)
	found := processes.hold(secrets)
	for where, data := range wide.seen {
		found = append(found, holds("readable by others: "+where, []byte(data), secrets)...)
	}
	printed = append(printed, s.out.String())
	for what, text := range map[string]string{
		"what was printed": strings.Join(printed, ""), "the log of sshd": far.Log(), "the log of nginx": server.Log(),
	} {
		if text == "" && what != "the log of nginx" {
			t.Errorf("%s is empty", what)
		}
		found = append(found, holds(what, []byte(text), secrets)...)
	}
	inFiles := 0
	for _, dir := range []string{p.home, tmp, server.Dir} {
		files, err := filesHold(dir, secrets)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasPrefix(f, server.Path("tls")+"/") && strings.Contains(f, "privkey.pem holds key ") {
				inFiles++
				continue
			}
			found = append(found, f)
		}
	}
	if inFiles == 0 {
		t.Error("the key was not found where nginx reads it, so the search proves nothing")
	}
	for _, f := range found {
		t.Error(f)
	}
	planted(t, processes, wide)
	t.Logf("%d secrets, %d texts of processes, %d of files that others may read, %d of certquay, %d bytes of sshd's log",
		len(secrets), len(processes.seen), len(wide.seen), len(printed), len(far.Log()))
}

// plantCanaries shows secrets to whoever looks: in an argument and in the environment of a
// process on this side, in an argument on the other, and in a file, for a moment.
func plantCanaries(t *testing.T, settings runner.Settings, server *nginxtest.Server) {
	t.Helper()
	c := exec.Command("sh", "-c", "sleep 0.3; true", "canary-argument")
	c.Env = append(os.Environ(), "CANARY=canary-environment")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	settings.Sudo = true
	host := runnertest.Open(t, settings)
	if _, err := host.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "sleep 0.3; true", "canary-far"}}); err != nil {
		t.Fatal(err)
	}
	wide := server.Path("tls/wide")
	server.Write(t, wide, "canary-file", 0o640)
	waittest.Pause(300 * time.Millisecond)
	if err := os.Remove(wide); err != nil {
		t.Fatal(err)
	}
}

// planted checks that the canaries were found.
func planted(t *testing.T, p *processes, w *wideFiles) {
	t.Helper()
	canaries := map[string][]byte{}
	for _, name := range []string{"argument", "environment", "far"} {
		canaries[name] = []byte("canary-" + name)
	}
	found := strings.Join(p.hold(canaries), "\n")
	for _, want := range []string{"cmdline", "environ", "holds far"} {
		if !strings.Contains(found, want) {
			t.Errorf("no canary was found by %q: %s", want, found)
		}
	}
	seen := slices.ContainsFunc(slices.Collect(maps.Values(w.seen)), func(text string) bool { return text == "canary-file" })
	if !seen {
		t.Error("a file that others could read for a moment was not found")
	}
	for _, program := range []string{"sshd", "sudo", "nginx", "certquay"} {
		if !p.saw(program) && !strings.Contains(strings.Join(slices.Collect(maps.Values(p.seen)), " "), program) {
			t.Errorf("no process %s was seen", program)
		}
	}
}
