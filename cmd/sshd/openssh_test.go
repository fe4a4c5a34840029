package sshd_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/sshd"
)

// The OpenSSH client works, with strict host keys.
func TestOpenSSH(t *testing.T) {
	ssh1, err := exec.LookPath("ssh")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the OpenSSH client is missing: apt-get install openssh-client")
		}
		t.Skip("there is no OpenSSH client: apt-get install openssh-client")
	}
	n := serve(t, verbs, sshd.Limits{})
	dir := t.TempDir()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "id"), string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, n.keys, string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	ip, port, _ := net.SplitHostPort(n.addr)
	write(t, filepath.Join(dir, "known"), fmt.Sprintf("[%s]:%s %s", ip, port, ssh.MarshalAuthorizedKey(n.pub)))
	run := func(args ...string) (string, int) {
		c := exec.Command(ssh1, append([]string{
			"-F", "/dev/null", "-p", port, "-i", filepath.Join(dir, "id"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
			"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + filepath.Join(dir, "known"), "-o", "LogLevel=ERROR",
		}, args...)...)
		c.Stdin = strings.NewReader("q")
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := run(ip, "args", "a", "''"); code != 0 || out != "[\"a\" \"\"]\n" {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := run(ip, "exit"); code != 3 || out != "why" {
		t.Errorf("exit %d: %s", code, out)
	}
	// The dashboard is left once it has been told its size, not before.
	dashboard := func() (string, int) {
		c := exec.Command(
			ssh1,
			"-F",
			"/dev/null",
			"-p",
			port,
			"-i",
			filepath.Join(dir, "id"),
			"-o",
			"IdentitiesOnly=yes",
			"-o",
			"BatchMode=yes",
			"-o",
			"StrictHostKeyChecking=yes",
			"-o",
			"UserKnownHostsFile="+filepath.Join(dir, "known"),
			"-o",
			"LogLevel=ERROR",
			"-tt",
			ip,
		)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() }).Stop()
		var seen strings.Builder
		buf, left := make([]byte, 4096), false
		for {
			n, err := out.Read(buf)
			seen.Write(buf[:n])
			if !left && strings.Contains(seen.String(), "<80x24") {
				left = true
				_, _ = in.Write([]byte("q"))
			}
			if err != nil {
				break
			}
		}
		_ = c.Wait()
		return seen.String(), c.ProcessState.ExitCode()
	}
	if out, code := dashboard(); code != 0 || !strings.Contains(out, "<80x24") {
		t.Errorf("dashboard: exit %d: %q", code, out)
	}
	if out, code := run("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", ip); code != 255 {
		t.Errorf("forwarding: exit %d: %s", code, out)
	}
	if out, code := run("-s", ip, "sftp"); code == 0 {
		t.Errorf("sftp: %s", out)
	}
}
