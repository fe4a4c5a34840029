package worker_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// The child ends with its parent, whatever ended that.
func TestTheChildEndsWithItsParent(t *testing.T) {
	if os.Getenv("CERTQUAY_TEST_PARENT") != "" {
		a := account(t, "")
		if err := a.Present(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		fmt.Println("presented")
		hang()
	}
	parent := exec.Command(os.Args[0], "-test.run=^TestTheChildEndsWithItsParent$")
	parent.Env = append(os.Environ(), "CERTQUAY_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	if _, err := out.Read(b); err != nil || !bytes.HasPrefix(b, []byte("presented")) {
		t.Fatalf("%q %v", b, err)
	}
	children := childrenOf(parent.Process.Pid)
	if len(children) != 1 {
		t.Fatal(children)
	}
	child, err := unix.PidfdOpen(children[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(child) }()
	_ = parent.Process.Kill()
	_ = parent.Wait()
	// It becomes readable when the process ends.
	n, err := 0, error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, 5000)
	}
	if n != 1 || err != nil {
		t.Errorf("the child outlives its parent: %v", err)
	}
}
