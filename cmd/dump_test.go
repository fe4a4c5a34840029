//go:build linux

package cmd_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// finding: R-M7
func TestNobodyLooksIntoAnOwner(t *testing.T) {
	bin := program(t)
	dir, err := os.MkdirTemp("", "certquay-concealed-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	const nobody = 65534
	if os.Geteuid() == 0 { // root could look into any process
		as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(dir, "certquay")
	from, err := os.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(own, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	// The socket is reached through /proc/self/fd, its path being that long.
	data := filepath.Join(dir, strings.Repeat("deep/", 30), "data")
	certquay := func(args ...string) *exec.Cmd {
		c := exec.Command(own, append([]string{"--data", data}, args...)...)
		c.Dir, c.Env, c.SysProcAttr = dir, append(home(dir), "PATH="+os.Getenv("PATH")), as
		return c
	}
	s := certquay("serve")
	var out safeBuffer
	s.Stdout, s.Stderr = &out, &out
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
	waitFor(t, "the owner", func() bool { return strings.Contains(out.String(), "serving") })
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("%s", limits)
	}
	st, err := os.Stat(fmt.Sprintf("/proc/%d/environ", s.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if uid := st.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("user %d may look into it", uid)
	}
	// It works all the same: attached, with the child that opens key stores, and
	// with a pipe of the attached process's.
	requireProgram(t, "openssl")
	script := `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem \
-days 90 -subj /CN=x.example.com &&
openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass:secret -out s.p12`
	sh := exec.Command("sh", "-c", script)
	sh.Dir, sh.SysProcAttr = dir, as
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	requireProgram(t, "bash")
	u := certquay()
	u.Path, u.Args = "/bin/bash", []string{"bash", "-c", fmt.Sprintf("%s --data %s upload s.p12 --password-file <(echo secret)", own, data)}
	if out, err := u.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
