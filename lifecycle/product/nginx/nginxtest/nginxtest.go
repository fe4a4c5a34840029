// Package nginxtest runs real nginx servers for tests.
package nginxtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/producttest"
)

// Server is an nginx of its own, whose hosts stand in a file that the main one includes.
type Server struct {
	*producttest.Estate
	Program string
}

// SlowBytes is the length of /slow, which takes 4 s at the limit.
const SlowBytes = 256 << 10

// Start runs nginx with some hosts, each with a pair of its own, until the test ends.
func Start(t testing.TB, hosts ...string) *Server {
	t.Helper()
	s := &Server{producttest.NewEstate(t, hosts...), producttest.Program(t, "nginx", "nginx-light")}
	s.Mkdir(t, "temp", "conf.d", "www")
	s.Write(t, s.Path("www/slow"), strings.Repeat("x", SlowBytes), 0o644)
	temps := ""
	for _, part := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temps += fmt.Sprintf("%s_temp_path %s/%s;\n", part, s.Path("temp"), part)
	}
	s.Write(t, s.Path("nginx.conf"), fmt.Sprintf(`daemon off; pid %s; error_log stderr warn; worker_processes 2;
events { worker_connections 256; }
http {
access_log off;
%sinclude conf.d/*.conf;
}
`, s.Path("pid"), temps), 0o644)
	var servers strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&servers, `server {
  listen 127.0.0.1:%d ssl;
  server_name %s;
  ssl_certificate %s;
  ssl_certificate_key '%s';
  location / { root %s; limit_rate 64k; }
}
`, s.Port, h, s.Cert(h), s.Key(h), s.Path("www"))
	}
	s.Write(t, s.Path("conf.d/hosts.conf"), servers.String(), 0o644)
	s.Start(t, s.Argv()...)
	return s
}

// Argv is a command line of this server's nginx.
func (s *Server) Argv(more ...string) []string {
	return append([]string{s.Program, "-p", s.Dir, "-e", "stderr", "-c", s.Path("nginx.conf")}, more...)
}

// Settings are those by which the driver reaches the server.
func (s *Server) Settings() nginx.Settings {
	return nginx.Settings{Show: s.Argv("-T"), Test: s.Argv("-t"), Reload: s.Argv("-s", "reload")}
}

// InPath makes nginx, as somebody calls it without a path, the command of this server. It
// returns the directory for the beginning of PATH.
func (s *Server) InPath(t testing.TB) string {
	t.Helper()
	s.Mkdir(t, "bin")
	s.Write(t, s.Path("bin/nginx"), "#!/bin/sh\nexec "+strings.Join(s.Argv(), " ")+" \"$@\"\n", 0o755)
	return s.Path("bin")
}

// OnHosts runs one nginx for each of some addresses of this machine, all with the same host
// name. For who logs in at one of them by SSH, nginx is the command of that one's server. It
// refuses any configuration while the server has a file [Refuses], after the seconds that
// stand there. The connection by which it is told to test one is cut, once, if there is a file
// [Cuts]. It returns the servers, and the directory for the beginning of PATH.
func OnHosts(t testing.TB, addresses []string, name string) (servers []*Server, bin string) {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		s := Start(t, name)
		servers = append(servers, s)
		if err := os.Symlink(s.Dir, filepath.Join(root, a)); err != nil {
			t.Fatal(err)
		}
	}
	// The variable is: client, its port, server, its port.
	script := fmt.Sprintf(`#!/bin/sh
host=${SSH_CONNECTION%% *}
dir=$(readlink %[1]s/"${host##* }") || exit
if [ "$1" = -t ] && [ -e "$dir/%[2]s" ]; then
  sleep "$(cat "$dir/%[2]s")"
  echo 'nginx: [emerg] the host refuses' >&2
  exit 1
fi
if [ "$1" = -t ] && rm "$dir/%[3]s" 2>/dev/null; then
  pid=$$
  while read -r _ name _ parent _ </proc/$pid/stat && [ "${name#(sshd}" = "$name" ]; do pid=$parent; done
  kill -9 "$pid"
  sleep 1
  exit 1
fi
exec %[4]s -p "$dir" -e stderr -c "$dir/nginx.conf" "$@"
`, root, Refuses, Cuts, servers[0].Program)
	bin = filepath.Join(root, "bin")
	servers[0].Write(t, filepath.Join(bin, "nginx"), script, 0o755)
	return servers, bin
}

// Names of files in the directory of a server that make its command fail, see [OnHosts].
const (
	Refuses = "refuses"
	Cuts    = "cuts"
)
