package cmd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"image"
	"image/png"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// presented asks an address over TLS for a name, and returns the chain's
// fingerprints, leaf first. Whether it is trusted is not asked here.
func presented(address, name string) ([]string, error) {
	d := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 20 * time.Second},
		Config:    &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	var prints []string
	for _, cert := range c.(*tls.Conn).ConnectionState().PeerCertificates {
		sum := sha256.Sum256(cert.Raw)
		prints = append(prints, hex.EncodeToString(sum[:]))
	}
	return prints, nil
}

// sClient is what openssl s_client sees: the certificates, and how it judged
// them by a root.
func sClient(t *testing.T, p *person, address, name, root string) ([]*x509.Certificate, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(
		ctx,
		"openssl",
		"s_client",
		"-connect",
		address,
		"-servername",
		name,
		"-showcerts",
		"-CAfile",
		root,
		"-no-CApath",
		"-verify_hostname",
		name,
	)
	c.Env = p.env
	out, err := c.Output()
	if err != nil {
		t.Fatalf("openssl s_client: %v\n%s", err, out)
	}
	var certs []*x509.Certificate
	rest, _, ok := bytes.Cut(out, []byte("Server certificate")) // the leaf is shown once more at the end
	if !ok {
		t.Fatalf("no leaf at the end:\n%s", out)
	}
	for {
		b, r := pem.Decode(rest)
		if b == nil {
			break
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		certs, rest = append(certs, cert), r
	}
	m := regexp.MustCompile(`Verify return code: (.*)`).FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("no verdict:\n%s", out)
	}
	return certs, m[1]
}

// The edge is real: another program gets leaf and chain over TCP, and after the
// owner was killed and started anew the same address presents the same leaf.
// spec: D1 D3
func TestEdgeIsSeenByOtherPrograms(t *testing.T) {
	requireProgram(t, "openssl")
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	one, two := p.issue("one.example.com"), p.issue("two.example.com")
	r1, r2 := p.deploy(one.ID, "CDN"), p.deploy(two.ID, "CDN")
	if r1.Address != r2.Address || r1.Fingerprint != one.Fingerprint {
		t.Fatalf("%+v %+v", r1, r2)
	}
	p.must("download", one.ID, "--format", "root", "--out", ".")
	root := filepath.Join(p.home, "one.example.com-root.pem")
	look := func(when string) {
		t.Helper()
		for _, i := range []instance{one, two} {
			certs, verdict := sClient(t, p, r1.Address, i.Domains[0], root)
			if verdict != "0 (ok)" {
				t.Errorf("%s: %s: openssl says %s", when, i.Name, verdict)
			}
			if len(certs) < 2 {
				t.Fatalf("%s: %s: %d certificates, want leaf and chain", when, i.Name, len(certs))
			}
			sum := sha256.Sum256(certs[0].Raw)
			if hex.EncodeToString(sum[:]) != i.Fingerprint {
				t.Errorf("%s: %s: another leaf", when, i.Name)
			}
			if err := certs[0].CheckSignatureFrom(certs[1]); err != nil {
				t.Errorf("%s: %s: the chain is not the leaf's: %v", when, i.Name, err)
			}
		}
		if _, err := presented(r1.Address, "nobody.example.com"); err == nil {
			t.Errorf("%s: a name that was not deployed is answered", when)
		}
	}
	look("at first")
	s.kill()
	if _, err := presented(r1.Address, "one.example.com"); err == nil {
		t.Error("the killed owner still answers")
	}
	s = p.serve()
	look("after the kill")

	// A reissue alone changes nothing that is presented; a deployment does, at
	// the same address.
	p.must("reissue", one.ID, "--new-key")
	look("after a reissue")
	if st := decode[[]resource](t, p.must("resources", "--state", "outdated", "--json")); len(st) != 1 {
		t.Errorf("%d outdated resources, want 1", len(st))
	}
	r := p.deploy(one.ID, "CDN")
	if r.Address != r1.Address || r.Fingerprint == one.Fingerprint {
		t.Errorf("deployed %s at %s", r.Fingerprint, r.Address)
	}
	if prints, err := presented(r1.Address, "one.example.com"); err != nil || prints[0] != r.Fingerprint {
		t.Errorf("%v %v, want %s", prints, err, r.Fingerprint)
	}
	// Taken off, it is not presented any more; the other still is.
	p.must("undeploy", r.ID, "--yes")
	if _, err := presented(r1.Address, "one.example.com"); err == nil {
		t.Error("taken off and still presented")
	}
	if prints, err := presented(r1.Address, "two.example.com"); err != nil || prints[0] != two.Fingerprint {
		t.Errorf("%v %v", prints, err)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
}

// sshd is certquay serve --listen, and a client with one key.
type sshd struct {
	p      *person
	host   string
	port   string
	dir    string // with the client's keys
	served *serving
}

// listen starts certquay serve --listen for the key "mine", which is made.
func listen(t *testing.T) *sshd {
	t.Helper()
	return newPerson(t).listen()
}

// listen is that for a person who may have a store.
func (p *person) listen() *sshd {
	t := p.t
	t.Helper()
	requireProgram(t, "ssh")
	requireProgram(t, "ssh-keygen")
	d := &sshd{p: p, dir: t.TempDir()}
	for _, name := range []string{"mine", "other"} {
		c := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(d.dir, name))
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	public, err := os.ReadFile(filepath.Join(d.dir, "mine.pub"))
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(p.home, "keys")
	if err := os.WriteFile(keys, append([]byte(`role="owner" `), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.serve("--listen", "127.0.0.1:0", "--authorized-keys", keys)
	m := sshAddress.FindStringSubmatch(s.out.String())
	if m == nil {
		t.Fatalf("no address:\n%s", s.out)
	}
	d.host, d.port, d.served = m[1], m[2], s
	return d
}

// client is the OpenSSH client with a key; tty is -T or -tt.
func (d *sshd) client(ctx context.Context, key, tty string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", append([]string{
		"-F",
		"none",
		tty,
		"-o",
		"BatchMode=yes",
		"-o",
		"IdentitiesOnly=yes",
		"-o",
		"IdentityAgent=none",
		"-i",
		filepath.Join(d.dir, key),
		"-o",
		"StrictHostKeyChecking=accept-new",
		"-o",
		"UserKnownHostsFile=" + filepath.Join(d.dir, "known_hosts"),
		"-o",
		"ConnectTimeout=30",
		"-p",
		d.port,
		"me@" + d.host,
	}, args...)...)
}

// ssh runs a command over SSH with a key.
func (d *sshd) ssh(key, in string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := d.client(ctx, key, "-T", args...)
	c.Env = d.p.env
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(in), &out, &errs
	err := c.Run()
	r := result{out: out.String(), err: errs.String()}
	if c.ProcessState != nil {
		r.code = c.ProcessState.ExitCode()
	} else if err != nil {
		r.code, r.err = -1, err.Error()
	}
	return r
}

// The verbs over SSH: the same answers, no path of the server's, and nobody
// whose key is not listed.
// spec: V9
func TestVerbsOverSSH(t *testing.T) {
	t.Parallel()
	d := listen(t)
	i := d.p.issue("www.example.com")
	r := d.ssh("mine", "", "list", "--json")
	if got := decode[[]instance](t, r.out); r.code != 0 || len(got) != 1 || got[0].Serial != i.Serial {
		t.Errorf("list: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if r := d.ssh("mine", "", "show", "nothing", "--json"); r.code != 4 || !strings.Contains(r.err, `"not-found"`) {
		t.Errorf("exit codes do not pass: %d %s", r.code, r.err)
	}
	if r := d.ssh("mine", "", "delete", i.ID, "--yes"); r.code != 3 {
		t.Errorf("exit codes do not pass: %d %s", r.code, r.err)
	}

	// What is changed there is seen here, with who did it.
	if r := d.ssh("mine", "", "contact", "add", "--name", "'Night Shift'", "--email", "n@example.com"); r.code != 0 {
		t.Errorf("contact add: exit %d %s", r.code, r.err)
	}
	d.p.must("contact", "show", "night shift")
	if log := d.p.must("activity", "--json"); !strings.Contains(log, `"via": "ssh"`) || !strings.Contains(log, `"actor": "mine"`) {
		t.Errorf("the activity does not say who it was:\n%s", log)
	}

	// Files go through the connection; a path is of the server and refused.
	files, err := pki("up.example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	bundle := string(files["leaf.pem"]) + string(files["int.pem"]) + string(files["key.pem"])
	if r := d.ssh("mine", bundle, "upload", "-", "--json"); r.code != 0 || decode[instance](t, r.out).Name != "up.example.com" {
		t.Errorf("upload -: exit %d\n%s%s", r.code, r.out, r.err)
	}
	server := filepath.Join(d.p.home, "on-the-server.pem")
	if err := os.WriteFile(server, files["self.pem"], 0o600); err != nil {
		t.Fatal(err)
	}
	if r := d.ssh("mine", "", "upload", server); r.code != 2 || !strings.Contains(r.err, "files on the server cannot be used over SSH") {
		t.Errorf("upload of a path: exit %d\n%s", r.code, r.err)
	}
	if r := d.ssh("mine", "", "download", i.ID, "--out", d.p.home); r.code == 0 || !strings.Contains(r.err, "over SSH") {
		t.Errorf("download to a path: exit %d\n%s", r.code, r.err)
	}
	if r := d.ssh(
		"mine",
		"",
		"download",
		i.ID,
		"--format",
		"nginx",
		"--out",
		"-",
	); r.code != 0 || !strings.Contains(r.out, "BEGIN CERTIFICATE") ||
		!strings.Contains(r.out, "PRIVATE") {
		t.Errorf("download to -: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if r := d.ssh("mine", "", "serve"); r.code != 2 {
		t.Errorf("serve over SSH: exit %d\n%s%s", r.code, r.out, r.err)
	}

	// Another key, and no key.
	for _, r := range []result{d.ssh("other", "", "list"), d.ssh("absent", "", "list")} {
		if r.code != 255 || !strings.Contains(r.err, "Permission denied (publickey)") || r.out != "" {
			t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
		}
	}
	// No way through to other ports of the machine.
	if r := d.ssh("mine", "", "-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:"+d.port); r.code == 0 {
		t.Errorf("a port was forwarded:\n%s%s", r.out, r.err)
	}
	// A line added later counts, and one taken away does not any more.
	other, err := os.ReadFile(filepath.Join(d.dir, "other.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.p.home, "keys"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := d.ssh("other", "", "version"); r.code != 0 || !strings.HasPrefix(r.out, "certquay ") {
		t.Errorf("a key that was added: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if r := d.ssh("mine", "", "version"); r.code != 255 {
		t.Errorf("a key that was removed: exit %d\n%s%s", r.code, r.out, r.err)
	}
	d.p.must("fsck")
}

// A document comes into a draft over SSH in both ways that the dashboard names
// there: its base64 pasted into the form, and the file sent to the verb.
// spec: A5, V9
func TestDocumentOverSSH(t *testing.T) {
	t.Parallel()
	d := listen(t)
	ids := decode[struct{ Instances []instance }](t, d.p.must("buy", "--level", "ov", "--grade", "free", "--json")).Instances
	id := ids[0].ID
	short := id[len(id)-8:]
	picture := largePicture(t, 700) // nearly as large as they may be

	s := d.p.show(d.client(t.Context(), "mine", "-tt"), 100, 40, nil)
	s.waitFor("1 paid")
	s.typeKeys("a")
	s.waitFor("1 application")
	s.typeKeys("\x1b[6~", "\x1b[6~", "\x1b[6~") // page down
	command := "apply " + short + " --draft --document - < FILE"
	s.waitFor("paste its base64 here", "ssh HOST "+command)
	s.typeKeys("\x1b[200~"+base64.StdEncoding.EncodeToString(picture)+"\n\x1b[201~", enter)
	s.waitFor("pasted-1.png")
	s.typeKeys(esc)
	s.gone("pasted-1.png")
	s.quit()

	if r := d.ssh(
		"mine",
		string(largePicture(t, 120)),
		strings.Fields(strings.TrimSuffix(command, " < FILE"))...); r.code != 0 ||
		!strings.Contains(r.out, "draft is saved") {
		t.Errorf("%s: exit %d\n%s%s", command, r.code, r.out, r.err)
	}
	if r := d.ssh(
		"mine",
		"no picture",
		"apply",
		short,
		"--draft",
		"--document",
		"-",
	); r.code != 3 ||
		!strings.Contains(r.err, "only PNG and JPEG") {
		t.Errorf("no picture: exit %d\n%s", r.code, r.err)
	}
	looked := filepath.Join(d.p.home, "looked")
	d.p.must("apply", id, "--draft", "--domain", "ov.example.com")
	d.p.must(
		"company",
		"add",
		"--name",
		"Example GmbH",
		"--type",
		"company",
		"--phone",
		"110",
		"--organization-id",
		"HRB 1",
		"--country",
		"DE",
		"--province",
		"Berlin",
		"--city",
		"Berlin",
		"--address",
		"Street 1",
		"--zip",
		"10115",
	)
	d.p.must(
		"apply",
		id,
		"--company",
		"Example GmbH",
		"--applicant",
		"Anna",
		"--email",
		"anna@example.com",
		"--phone",
		"110",
		"--id-number",
		"L01",
	)
	d.p.must("review", id, "--documents", looked)
	var sizes []int
	files, err := os.ReadDir(looked)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(looked, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(data))
	}
	slices.Sort(sizes)
	if want := []int{len(largePicture(t, 120)), len(picture)}; !slices.Equal(sizes, want) {
		t.Errorf("documents of %v bytes, want %v", sizes, want)
	}
}

// largePicture returns a picture that hardly compresses, with sides of a length in
// pixels.
func largePicture(t *testing.T, side int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, side, side))
	noise := rand.New(rand.NewPCG(1, uint64(side)))
	for n := range img.Pix {
		img.Pix[n] = byte(noise.Uint32())
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Without a key that may come in, nothing is offered over SSH at all.
// spec: V9
func TestSSHNeverStartsOpenToAll(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	file := filepath.Join(p.home, "keys")
	open := filepath.Join(p.home, "open")
	for name, content := range map[string]string{
		"empty": "", "comments": "# nobody\n\n", "garbage": "ssh-ed25519 nonsense me\n",
		"options":    `command="true" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGz3LSmWMr1oHQEZkK0KwJQ7bD0a2Xw1q4ZzF0YJmF0K me` + "\n",
		"a weak key": "ssh-dss AAAAB3NzaC1kc3MAAACBAP me\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.refuse(2, "serve", "--listen", "127.0.0.1:0", "--authorized-keys", file); !strings.Contains(err, file) {
			t.Errorf("%s: %s", name, err)
		}
	}
	// Where other machines can connect, somebody must be able to log in.
	if err := p.refuse(2, "serve", "--listen", "0.0.0.0:0"); !strings.Contains(err, "certquay user add") {
		t.Errorf("nobody: %s", err)
	}
	// A file that others may write is as good as open.
	if err := os.WriteFile(
		open,
		[]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGz3LSmWMr1oHQEZkK0KwJQ7bD0a2Xw1q4ZzF0YJmF0K me\n"),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := p.refuse(2, "serve", "--listen", "127.0.0.1:0", "--authorized-keys", open); !strings.Contains(err, "chmod 600") {
		t.Errorf("writable by others: %s", err)
	}
	p.must("list") // and nothing is left that stops the next start
}
