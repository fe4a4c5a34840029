package estatetest

import (
	"fmt"
	"strings"
	"testing"

	"certquay/lifecycle/product/producttest"
)

// serve starts the server of a host with the files of its certificate.
func (e *Estate) serve(t testing.TB, h *Host, cert, key string) {
	t.Helper()
	switch h.Server {
	case nginx:
		e.nginx(t, h, cert, key)
	case apache:
		e.apache(t, h, cert, key)
	case haproxy:
		e.haproxy(t, h, cert)
	}
}

// nginx stands in a prefix of its own, with its sites in files that are included.
func (e *Estate) nginx(t testing.TB, h *Host, cert, key string) {
	t.Helper()
	dir := e.dir(h) + "/nginx"
	var temps strings.Builder
	for _, part := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temps, "%s_temp_path temp/%s;\n", part, part)
	}
	e.Mkdir(t, dir+"/temp", dir+"/log")
	e.file(t, dir+"/conf/nginx.conf", "daemon off; worker_processes 1; pid temp/pid; error_log log/error.log;\n"+
		"events { worker_connections 32; }\nhttp {\naccess_log off;\n"+temps.String()+"include sites/*.conf;\n}\n", 0o644)
	e.file(t, dir+"/conf/sites/plain.conf", "server { listen 127.0.0.1:"+fmt.Sprint(producttest.FreePort(t))+"; return 204; }\n", 0o644)
	e.file(t, dir+"/conf/sites/site.conf", fmt.Sprintf(
		"server {\n listen 127.0.0.1:%d ssl;\n server_name %s;\n include tls.inc;\n}\n", h.Port, h.Name), 0o644)
	e.file(t, dir+"/conf/tls.inc", fmt.Sprintf("ssl_certificate %s;\nssl_certificate_key %s;\n", cert, key), 0o644)
	e.Start(t, producttest.Program(t, "nginx", "nginx-light"), "-p", e.Path(dir), "-e", "stderr", "-c", "conf/nginx.conf")
}

// apache has its one virtual host in a file that is included.
func (e *Estate) apache(t testing.TB, h *Host, cert, key string) {
	t.Helper()
	dir := e.dir(h) + "/apache"
	e.Mkdir(t, dir+"/run", dir+"/log")
	e.file(t, dir+"/apache2.conf", fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile run/pid
DefaultRuntimeDir run
ErrorLog log/error.log
LogLevel crit
Listen 127.0.0.1:%[2]d
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
StartServers 1
User www-data
Group www-data
IncludeOptional sites/*.conf
`, e.Path(dir), h.Port), 0o644)
	e.file(t, dir+"/sites/site.conf", fmt.Sprintf(`<VirtualHost *:%d>
ServerName %s
SSLEngine on
SSLCertificateFile %s
SSLCertificateKeyFile %s
</VirtualHost>
`, h.Port, h.Name, cert, key), 0o644)
	e.Start(t, producttest.Program(t, "apache2", "apache2"), "-f", e.Path(dir+"/apache2.conf"), "-D", "FOREGROUND")
}

// haproxy names its file in a crt-list, without a filter.
func (e *Estate) haproxy(t testing.TB, h *Host, pem string) {
	t.Helper()
	dir := e.dir(h) + "/haproxy"
	e.Mkdir(t, dir+"/run")
	e.file(t, dir+"/crt-list.txt", pem+"\n", 0o644)
	e.file(t, dir+"/haproxy.cfg", fmt.Sprintf(`global
  stats socket %s mode 600 level admin
  log stderr local0 err
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend web
  bind 127.0.0.1:%d ssl crt-list %s
  http-request return status 204
`, e.Path(dir+"/run/sock"), h.Port, e.Path(dir+"/crt-list.txt")), 0o644)
	e.Start(t, producttest.Program(t, "haproxy", "haproxy"), "-db", "-f", e.Path(dir+"/haproxy.cfg"))
}
