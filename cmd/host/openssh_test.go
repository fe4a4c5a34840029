package host_test

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

	"golang.org/x/crypto/ssh"

	"certquay/cmd/host"
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
	n := serve(t, verbs, host.Limits{})
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
	if out, code := run("-tt", ip); code != 0 || !strings.Contains(out, "<80x24") {
		t.Errorf("dashboard: exit %d: %q", code, out)
	}
	if out, code := run("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", ip); code != 255 {
		t.Errorf("forwarding: exit %d: %s", code, out)
	}
	if out, code := run("-s", ip, "sftp"); code == 0 {
		t.Errorf("sftp: %s", out)
	}
}
