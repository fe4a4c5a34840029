package cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// keygen runs ssh-keygen in the directory of the client's keys.
func (d *sshd) keygen(args ...string) {
	d.p.t.Helper()
	c := exec.Command("ssh-keygen", append([]string{"-q"}, args...)...)
	c.Dir = d.dir
	if out, err := c.CombinedOutput(); err != nil {
		d.p.t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
	}
}

// newKey makes a key with a name.
func (d *sshd) newKey(name string) { d.keygen("-t", "ed25519", "-N", "", "-C", name, "-f", name) }

// denied expects that a key begins no session.
func (d *sshd) denied(what, key string, args ...string) {
	d.p.t.Helper()
	r := d.ssh(key, "", append(args, "list")...)
	if r.code != 255 || r.out != "" {
		d.p.t.Errorf("%s: exit %d\n%s%s", what, r.code, r.out, r.err)
	}
}

// Users log in with their keys, and a change has effect at once. spec: G1, G5
func TestUsersLogIn(t *testing.T) {
	t.Parallel()
	d := listen(t)
	for _, name := range []string{"anna", "vera"} {
		d.newKey(name)
		d.p.must(
			"user",
			"add",
			name,
			"--role",
			map[string]string{"anna": "admin", "vera": "viewer"}[name],
			"--key",
			filepath.Join(d.dir, name+".pub"),
		)
	}
	if r := d.ssh("anna", "", "company", "add", "--name", "'Example GmbH'"); r.code != 0 {
		t.Errorf("an admin: exit %d %s", r.code, r.err)
	}
	r := d.ssh("vera", "", "company", "remove", "'Example GmbH'")
	if r.code != 3 || !strings.Contains(r.err, "your role is viewer") || !strings.Contains(r.err, "ask anna") {
		t.Errorf("a viewer: exit %d %s", r.code, r.err)
	}

	// An admin adds another from their own machine, whose key comes on standard input.
	d.newKey("olga")
	public, err := os.ReadFile(filepath.Join(d.dir, "olga.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if r := d.ssh("anna", string(public), "user", "add", "olga", "--role", "operator", "--key", "-"); r.code != 0 {
		t.Fatalf("user add over SSH: exit %d %s", r.code, r.err)
	}
	if r := d.ssh("anna", "", "user", "role", "olga", "owner"); r.code != 3 {
		t.Errorf("an admin makes an owner: exit %d %s", r.code, r.err)
	}
	d.p.must("user", "disable", "vera")
	d.denied("a disabled user", "vera")
	d.p.must("user", "enable", "vera")
	if r := d.ssh("vera", "", "list"); r.code != 0 {
		t.Errorf("enabled again: exit %d %s", r.code, r.err)
	}
	d.p.must("user", "key", "remove", "vera", "vera")
	d.denied("a key that was removed", "vera")
	d.denied("an unknown key", "other")
	d.denied("a password", "other", "-o", "PreferredAuthentications=password,keyboard-interactive")

	// A key of another that is only offered lends nothing.
	d.newKey("vik")
	d.p.must("user", "add", "vik", "--key", filepath.Join(d.dir, "vik.pub"))
	if r := d.ssh("vik", "", "-o", "IdentityFile="+filepath.Join(d.dir, "other"), "user", "add", "x"); r.code != 3 {
		t.Errorf("the key of a viewer: exit %d %s", r.code, r.err)
	}

	log := d.p.must("activity", "--what", "login", "--limit", "0")
	for _, want := range []string{"anna", "refused", "SHA256:", "127.0.0.1", "the user vera is disabled"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log-ins do not say %q:\n%s", want, log)
		}
	}
}

// OpenSSH certificates of a configured CA log in as the user with their principal. spec: G1
func TestCertificatesLogIn(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	dir := filepath.Join(p.home, ".config", "certquay")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ca := &sshd{p: p, dir: dir}
	requireProgram(t, "ssh-keygen")
	ca.newKey("ca")
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("ssh: {user_ca_file: ca.pub}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must("user", "add", "anna", "--role", "operator", "--principal", "anna@example.com")
	d := p.listen()
	sign := func(key string, args ...string) string {
		t.Helper()
		d.newKey(key)
		d.keygen(append(append([]string{"-s", filepath.Join(dir, "ca"), "-I", key + " of today"}, args...), key+".pub")...)
		return key
	}
	good := sign("good", "-n", "web,anna@example.com", "-V", "-5m:+1h", "-O", "source-address=127.0.0.0/8")
	if r := d.ssh(good, "", "company", "add", "--name", "Example"); r.code != 0 {
		t.Fatalf("a good certificate: exit %d %s", r.code, r.err)
	}
	if r := d.ssh(good, "", "user", "add", "x"); r.code != 3 {
		t.Errorf("an operator adds a user: exit %d %s", r.code, r.err)
	}
	for what, args := range map[string][]string{
		"expired":          {"-n", "anna@example.com", "-V", "-2h:-1h"},
		"not-yet-valid":    {"-n", "anna@example.com", "-V", "+1h:+2h"},
		"wrong-principal":  {"-n", "root", "-V", "+1h"},
		"no-principal":     {"-V", "+1h"},
		"host-certificate": {"-h", "-n", "anna@example.com", "-V", "+1h"},
		"from-elsewhere":   {"-n", "anna@example.com", "-V", "+1h", "-O", "source-address=192.0.2.0/24"},
		"forced-command":   {"-n", "anna@example.com", "-V", "+1h", "-O", "force-command=list"},
	} {
		d.denied(what, sign(what, args...))
	}
	other := &sshd{p: p, dir: d.dir}
	other.newKey("otherca")
	d.newKey("forged")
	d.keygen("-s", "otherca", "-I", "forged", "-n", "anna@example.com", "-V", "+1h", "forged.pub")
	d.denied("a certificate of another CA", "forged")
	if log := p.must("activity", "--what", "login"); !strings.Contains(log, "the certificate good of today") {
		t.Errorf("the activity does not name the certificate:\n%s", log)
	}
	p.must("user", "disable", "anna")
	d.denied("a disabled user's certificate", good)
}

// Nothing but sessions is to be had. spec: V9
func TestSSHRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	d := listen(t)
	c := dialSSH(t, d, "mine")
	for _, kind := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "x11", "auth-agent@openssh.com", "tun@openssh.com"} {
		payload := gossh.Marshal(struct {
			Host string
			Port uint32
			From string
			At   uint32
		}{"127.0.0.1", 22, "127.0.0.1", 1})
		if ch, _, err := c.OpenChannel(kind, payload); err == nil {
			_ = ch.Close()
			t.Errorf("%s is opened", kind)
		}
	}
	for _, kind := range []string{"tcpip-forward", "streamlocal-forward@openssh.com"} {
		ok, _, err := c.SendRequest(kind, true, gossh.Marshal(struct {
			Host string
			Port uint32
		}{"127.0.0.1", 0}))
		if ok || err != nil {
			t.Errorf("%s: %v %v", kind, ok, err)
		}
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"auth-agent-req@openssh.com", "x11-req", "subsystem"} {
		if ok, err := s.SendRequest(kind, true, gossh.Marshal(struct{ Name string }{"sftp"})); ok || err != nil {
			t.Errorf("%s: %v %v", kind, ok, err)
		}
	}
	for _, program := range []string{"sftp", "scp"} {
		requireProgram(t, program)
		args := []string{
			"-F", "none", "-P", d.port, "-i", filepath.Join(d.dir, "mine"), "-o", "BatchMode=yes", "-o", "IdentityAgent=none",
			"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "me@" + d.host + ":config.yaml", t.TempDir(),
		}
		if out, err := exec.Command(program, args...).CombinedOutput(); err == nil {
			t.Errorf("%s copies a file: %s", program, out)
		}
	}
}

// ssh-audit finds nothing that fails. spec: V9
func TestSSHAudit(t *testing.T) {
	t.Parallel()
	requireProgram(t, "ssh-audit")
	d := listen(t)
	out, err := exec.Command("ssh-audit", "-b", "-n", "-l", "fail", "-p", d.port, d.host).CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 2 { // warnings
		err = nil
	}
	if err != nil || bytes.Contains(out, []byte("[fail]")) {
		t.Errorf("ssh-audit: %v\n%s", err, out)
	}
	out, _ = exec.Command("ssh-audit", "-b", "-n", "-p", d.port, d.host).CombinedOutput()
	if !bytes.Contains(out, []byte("mlkem768x25519-sha256")) && !bytes.Contains(out, []byte("curve25519-sha256")) {
		t.Errorf("ssh-audit has not seen the server:\n%s", out)
	}
}

// dialSSH connects with a key of the client's.
func dialSSH(t *testing.T, d *sshd, key string) *gossh.Client {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, key))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.ParsePrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gossh.Dial("tcp", net.JoinHostPort(d.host, d.port), &gossh.ClientConfig{
		User:            "me",
		Auth:            []gossh.AuthMethod{gossh.PublicKeys(signer)},
		HostKeyCallback: gossh.InsecureIgnoreHostKey(),
		Timeout:         time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// verbLines are a command line for each action of the table that a person takes by a
// verb; ID is an issued certificate. What is not listed has no verb, and says why.
var verbLines = map[rules.Action]string{
	rules.Buy: "buy --years 1 --yes", rules.BuyPack: "buy-pack hosting --quantity 1 --yes", rules.Upload: "upload -",
	rules.Apply: "apply ID --domain a.example.com", rules.Close: "close ID --yes", rules.Review: "review ID --approve",
	rules.Withdraw: "withdraw ID --yes", rules.Deploy: "deploy ID --product CDN", rules.Undeploy: "undeploy RES --yes",
	rules.Verify: "verify RES", rules.AutoDeploy: "auto-deploy RES on --yes", rules.Download: "download ID --format chain --out -",
	rules.UploadKey: "upload-key ID -", rules.Renew: "renew ID --yes", rules.Reissue: "reissue ID", rules.Reorder: "reorder ID --yes",
	rules.Rekey: "rekey ID --yes", rules.Host: "host ID --contact x --yes", rules.StopHosting: "host ID --stop --yes",
	rules.Revoke: "revoke ID --reason superseded --yes", rules.RevokeVersion: "revoke ID --reason superseded --version-number 1 --yes",
	rules.Delete: "delete ID --yes", rules.Assign: "contact assign ID --to x", rules.Annotate: "tag ID +role",
	"company": "company add --name 'N'", "contact": "contact add --name n --email n@example.com",
	rules.ActionWatch: "watch add www.example.com", rules.ActionView: "view save v --where state:paid",
	"dismiss": "tasks dismiss 00000", "reopen": "tasks reopen 00000", "retry": "tasks retry 00000", "tick": "tick",
	rules.ActionPreflight: "preflight ID", "issuer": "issuer remove nobody", "dns": "dns remove nobody", "product": "product remove nobody",
	"clock": "clock +1h", rules.ActionRotateCA: "ca rotate --yes", rules.ActionSession: "sessions", rules.ActionUser: "user add n",
	rules.ActionApprove: "approve 00000", rules.ActionRead: "list", rules.ActionDownloadKey: "download ID --format pem --out -",
	"accept": "accept RES --yes", rules.ActionDiscover: "discover", rules.ActionAdopt: "adopt --all --yes",
	"backup": "backup - --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "unseal": "unseal",
}

// withoutVerb are the actions that no verb takes over SSH.
var withoutVerb = map[rules.Action]string{
	rules.Issue: "by the CA", rules.Reject: "by the CA", rules.RenewHosted: "by the scheduler", rules.EndHosting: "by the scheduler",
	rules.ActionLogin: "no action of a person", rules.ActionListDocuments: "by forms", rules.ActionReadDocument: "with review, below",
	"restore": "only without an owner",
}

// Each role takes each action of the table by its verb over SSH: it is refused for the
// role exactly where the table says, and then nothing is written and no byte of a key
// leaves. Over the socket one is an owner. spec: G2
func TestEachRoleByEachVerb(t *testing.T) {
	t.Parallel()
	d := listen(t)
	i := d.p.issue("www.example.com")
	d.p.must("deploy", i.ID, "--product", "CDN")
	resources := decode[[]struct{ ID string }](t, d.p.must("resources", "--json"))
	var lines strings.Builder
	as := map[model.Role]*gossh.Client{}
	for _, role := range model.Roles {
		d.newKey(role.String())
		d.p.must("user", "add", role.String(), "--role", role.String(), "--key", filepath.Join(d.dir, role.String()+".pub"))
		as[role] = dialSSH(t, d, role.String())
	}
	table := rules.NewTransitionTable()
	for _, a := range table.Actions() {
		line, ok := verbLines[a]
		if !ok {
			if withoutVerb[a] == "" {
				t.Errorf("no command line for %s", a)
			}
			continue
		}
		line = strings.NewReplacer("ID", i.ID, "RES", resources[0].ID).Replace(line)
		for _, role := range model.Roles {
			if role >= table.Role(a) {
				continue // what is permitted has tests of its own
			}
			out, code := runSSH(t, as[role], line)
			if line == "clock +1h" && strings.Contains(out, "not a sandbox") || line == "product remove nobody" && code == 4 {
				continue // refused for another reason first, which tells nothing secret
			}
			if code != 3 && code != 2 || !strings.Contains(out, "your role is "+role.String()) && code == 3 {
				t.Errorf("%s: %s: exit %d\n%s", role, line, code, out)
			}
			if needed := afterNeeds(out); needed != "" && !strings.Contains(out, "ask "+needed) {
				t.Errorf("%s: %s: who may is not named\n%s", role, line, out) // who is called as their role is
			}
			if code == 2 {
				fmt.Fprintf(&lines, "%s: %s: %s\n", role, line, out)
			}
			if strings.Contains(out, "PRIVATE KEY") {
				t.Errorf("%s: %s: a key leaves", role, line)
			}
		}
	}
	// Nobody but the owner on the server has done anything.
	for _, e := range decode[[]struct{ Actor, Action, Result string }](t, d.p.must("activity", "--limit", "0", "--json")) {
		role := model.RoleNamed(e.Actor)
		if role != model.NoRole && e.Action != "login" && e.Result != "refused" {
			t.Errorf("%s has done %s: %s", e.Actor, e.Action, e.Result)
		}
	}
	// Over the socket one is the owner, so nothing is refused for the role.
	for _, a := range table.Actions() {
		line, ok := verbLines[a]
		if !ok {
			continue
		}
		line = strings.NewReplacer("ID", i.ID, "RES", resources[0].ID, "'", "").Replace(line)
		if r := d.p.try(strings.Fields(line)...); r.code == 2 || r.code < 0 || strings.Contains(r.out+r.err, "your role is") {
			t.Errorf("over the socket: %s: exit %d\n%s%s", line, r.code, r.out, r.err)
		}
	}
	if lines.Len() > 0 {
		t.Errorf("not understood, so it proves nothing:\n%s", lines.String())
	}
}

// afterNeeds is what a refusal says from the role on that is needed; "" if out is none.
func afterNeeds(out string) string {
	_, role, _ := strings.Cut(out, " needs ")
	role, _, _ = strings.Cut(role, ":") // the action follows
	return role
}

// runSSH runs a command line in a session and returns what it printed.
func runSSH(t *testing.T, c *gossh.Client, line string) (string, int) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	s.Stdin = strings.NewReader("")
	out, err := s.CombinedOutput(line)
	if exit, ok := err.(*gossh.ExitError); ok { //nolint:errorlint // not wrapped
		return string(out), exit.ExitStatus()
	} else if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out), 0
}
