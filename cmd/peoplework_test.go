package cmd_test

import (
	"archive/tar"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"certquay/model"
)

// hire adds a user with a key of their name for each of some roles.
func (d *sshd) hire(roles ...model.Role) {
	d.p.t.Helper()
	for _, r := range roles {
		d.newKey(r.String())
		d.p.must("user", "add", r.String(), "--role", r.String(), "--key", filepath.Join(d.dir, r.String()+".pub"))
	}
}

// sessionRow is a row of certquay sessions --json.
type sessionRow struct {
	ID                    int
	Name, Role, Via, From string
	Doing, View, Instance string
}

func (p *person) sessions() []sessionRow {
	p.t.Helper()
	return decode[[]sessionRow](p.t, p.must("sessions", "--json"))
}

// session waits until a session of somebody is as it should be.
func (p *person) session(name string, ok func(sessionRow) bool) (found sessionRow) {
	p.t.Helper()
	waitFor(p.t, "a session of "+name, func() bool {
		all := p.sessions()
		n := slices.IndexFunc(all, func(s sessionRow) bool { return s.Name == name && ok(s) })
		if n >= 0 {
			found = all[n]
		}
		return n >= 0
	})
	return found
}

// An owner sees who is connected, from where and what they look at, and ends a session
// while it is at work: its client is told and leaves, others stay. spec: G4, G5
func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	d := listen(t)
	i := d.p.issue("www.example.com")
	d.hire(model.Operator, model.Viewer)
	vera := d.p.show(d.client(t.Context(), "viewer", "-tt"), 120, 40, nil)
	vera.waitFor("www.example.com")
	row := d.p.session("viewer", func(s sessionRow) bool { return s.Doing == "dashboard" && s.Instance == i.ID })
	if row.View != "tab.overview" || row.Role != "viewer" || row.Via != "ssh" || !strings.HasPrefix(row.From, "127.0.0.1") {
		t.Errorf("%+v", row)
	}
	vera.typeKeys("4")
	d.p.session("viewer", func(s sessionRow) bool { return s.View == "tab.activity" })

	olga := d.p.show(d.client(t.Context(), "operator", "-tt"), 120, 40, nil)
	olga.waitFor("www.example.com", "here: viewer")
	vera.waitFor("here: operator")
	follower, err := dialSSH(t, d, "operator").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var told safeBuffer
	follower.Stdout, follower.Stderr = &told, &told
	if err := follower.Start("activity --follow"); err != nil {
		t.Fatal(err)
	}
	following := d.p.session("operator", func(s sessionRow) bool { return s.Doing == "activity" })
	d.p.must("sessions", "end", strconv.Itoa(following.ID))
	if err := follower.Wait(); err == nil || !strings.Contains(told.String(), "an owner has ended this session") {
		t.Errorf("the follower ended with %v:\n%s", err, told.String())
	}
	d.p.must("sessions", "end", strconv.Itoa(row.ID))
	if err := vera.cmd.Wait(); err == nil {
		t.Error("a session that was ended ends well")
	}
	vera.waitFor("an owner has ended this session")
	d.p.refuse(4, "sessions", "end", strconv.Itoa(row.ID))
	olga.typeKeys("4")
	olga.waitFor("session ended", "viewer")
	log := d.p.must("activity", "--what", "session", "--json")
	if n := strings.Count(log, `"action": "session"`); n != 2 || !strings.Contains(log, "ended the session of viewer from 127.0.0.1") {
		t.Errorf("%d ends are in the activity:\n%s", n, log)
	}
	olga.quit()
}

// A window that is closed, or a session that an owner ends, in the middle of replacing a
// key leaves the work running to its end. spec: G5
func TestWorkGoesOnWithoutItsWindow(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"the window is closed", "an owner ends it"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := listen(t)
			i := d.p.issue("www.example.com")
			site := t.TempDir()
			begun, goOn := filepath.Join(site, "begun"), filepath.Join(site, "go-on")
			address := serveFiles(t, filepath.Join(site, "cert.pem"), filepath.Join(site, "key.pem"))
			d.p.must(
				"product",
				"add",
				"Files",
				"--driver",
				"files",
				"--set",
				"fullchain="+filepath.Join(site, "cert.pem"),
				"--set",
				"key="+filepath.Join(site, "key.pem"),
				"--set",
				"address="+address,
				"--set",
				"names=www.example.com",
				"--set",
				"reload="+strings.ReplaceAll(
					"sh -c 'cd SITE; if test -e armed; then touch begun; while ! test -e go-on; do sleep 0.1; done; fi'",
					"SITE",
					site,
				),
			)
			d.p.must("deploy", i.ID, "--product", "Files", "--resource", "www.example.com")
			written(t, filepath.Join(site, "armed"), "")
			d.hire(model.Operator)
			s := d.p.show(d.client(t.Context(), "operator", "-tt"), 120, 40, nil)
			s.waitFor("www.example.com")
			s.typeKeys("N")
			s.waitFor("Replace")
			s.typeKeys(ctrlS)
			waitFor(t, "the deployment to begin", func() bool { _, err := os.Stat(begun); return err == nil })
			if how == "an owner ends it" {
				row := d.p.session("operator", func(sessionRow) bool { return true })
				d.p.must("sessions", "end", strconv.Itoa(row.ID))
			} else if err := s.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = s.cmd.Wait() // killed, or told that it was ended
			waitFor(t, "the session to be gone", func() bool {
				return !slices.ContainsFunc(d.p.sessions(), func(s sessionRow) bool { return s.Name == "operator" })
			})
			written(t, goOn, "")
			var now instance
			waitFor(t, "the new key to be deployed", func() bool {
				now = decode[instance](t, d.p.must("show", i.ID, "--json"))
				r := decode[[]resource](t, d.p.must("resources", "--json"))
				return now.Fingerprint != i.Fingerprint && r[0].Fingerprint == now.Fingerprint && r[0].State == "deployed"
			})
		})
	}
}

// serveFiles serves the certificate that stands in two files at each handshake.
func serveFiles(t *testing.T, cert, key string) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			return &pair, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: patience, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// What leaves over SSH needs its role: certificates leave for operators, keys for
// administrators, and both as a tar. spec: G2, V9
func TestFilesOverSSHNeedTheirRole(t *testing.T) {
	t.Parallel()
	d := listen(t)
	i := d.p.issue("www.example.com")
	d.hire(model.Roles...)
	files, err := pki("up.example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range model.Roles {
		for format, needs := range map[string]model.Role{
			"chain": model.Operator, "nginx": model.Admin, "pem": model.Admin, "iis": model.Admin,
		} {
			r := d.ssh(role.String(), "", "download", i.ID, "--format", format, "--out", "-", "--json")
			names, err := tarNames(r.out)
			whole := err == nil && len(names) > 1 || format == "chain" && strings.HasPrefix(r.out, "-----BEGIN CERTIFICATE")
			switch {
			case role >= needs && (r.code != 0 || !whole):
				t.Errorf("%s as %s: exit %d, %v, %v\n%s", format, role, r.code, names, err, r.err)
			case role < needs && (r.code != 3 || r.out != "" || !strings.Contains(r.err, `"reason":"role"`)):
				t.Errorf("%s as %s: exit %d, %d bytes\n%s", format, role, r.code, len(r.out), r.err)
			}
			if role < needs && strings.Contains(r.out+r.err, "PRIVATE KEY") {
				t.Errorf("%s as %s: a key leaves", format, role)
			}
		}
		r := d.ssh(role.String(), string(files["leaf.pem"])+string(files["int.pem"]), "upload", "-")
		if may := !strings.Contains(r.err, "your role is "+role.String()); may != (role >= model.Operator) {
			t.Errorf("upload as %s: exit %d\n%s%s", role, r.code, r.out, r.err)
		}
	}
	log := d.p.must("activity", "--what", "download-key", "--result", "ok", "--json", "--limit", "0")
	if n := strings.Count(log, `"actor": "admin"`); n != 3 || strings.Contains(log, `"actor": "operator"`) {
		t.Errorf("%d downloads of keys by the administrator are logged:\n%s", n, log)
	}
}

// tarNames lists the files of a tar.
func tarNames(data string) (names []string, err error) {
	for a := tar.NewReader(strings.NewReader(data)); ; {
		h, err := a.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return names, err
		}
		names = append(names, h.Name)
	}
}

// A certificate with its key comes in by pasting it into the dashboard, for whoever has
// no files here. spec: V9
func TestACertificateIsPastedOverSSH(t *testing.T) {
	t.Parallel()
	d := listen(t)
	d.hire(model.Operator, model.Viewer)
	files, err := pki("pasted.example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	s := d.p.show(d.client(t.Context(), "operator", "-tt"), 120, 40, nil)
	s.waitFor("buy")
	s.typeKeys("i")
	s.waitFor("paste")
	s.typeKeys("\x1b[200~" + string(files["leaf.pem"]) + string(files["int.pem"]) + string(files["key.pem"]) + "\x1b[201~")
	s.typeKeys(ctrlS)
	if text := s.waitFor("pasted.example.com", "uploaded"); strings.Contains(text, "PRIVATE KEY") {
		t.Errorf("a key stands on the screen:\n%s", text)
	}
	s.quit()
	if got := decode[[]instance](t, d.p.must("list", "--json")); len(got) != 1 || got[0].Name != "pasted.example.com" {
		t.Errorf("%+v", got)
	}

	v := d.p.show(d.client(t.Context(), "viewer", "-tt"), 120, 40, nil)
	v.waitFor("pasted.example.com")
	v.typeKeys("i")
	v.waitFor("your role is viewer", "needs operator", "ask operator")
	v.typeKeys(esc)
	v.gone("your role is viewer")
	v.quit()
}
