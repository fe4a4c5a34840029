package listen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"certquay/model"
)

// Owner describes the process that listens on a local TCP port, or returns "" if it is
// unknown: on other systems than Linux, and for processes of other users.
func Owner(port string) (who model.Text) {
	inode := listeningInode(port)
	if inode == "" {
		return who
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return who
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == "socket:["+inode+"]" {
			pid := strings.Split(l, "/")[2]
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return model.Say("ca.process", "pid", pid, "name", strings.TrimSpace(string(name)))
		}
	}
	return who
}

func listeningInode(port string) string {
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		return ""
	}
	want := fmt.Sprintf(":%04X", n)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) > 9 && strings.HasSuffix(f[1], want) && f[3] == "0A" { // 0A is TCP_LISTEN
				return f[9]
			}
		}
	}
	return ""
}
