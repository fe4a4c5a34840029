package bundle_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/text"
)

// download makes the files of a format in a directory of their own.
func download(t *testing.T, format string, c bundle.Content) string {
	t.Helper()
	files, err := bundle.Files(format, c)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	save(t, dir, files)
	return dir
}

// eachKey runs a test for a certificate with each type of key.
func eachKey(t *testing.T, f func(t *testing.T, leaf *node, c bundle.Content)) {
	t.Helper()
	for _, kt := range model.KeyTypes {
		t.Run(string(kt), func(t *testing.T) { f(t, leaves()[kt], content(t, leaves()[kt])) })
	}
}

// spec: I2
func TestNginxTakesItsDownload(t *testing.T) {
	nginx := program(t, "nginx", "nginx-light")
	eachKey(t, func(t *testing.T, _ *node, c bundle.Content) {
		dir := download(t, "nginx", c)
		put(t, dir, "nginx.conf", fmt.Appendf(nil, `pid %[1]s/pid; error_log stderr; events {} http {
			access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b;
  fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
			server { listen 127.0.0.1:20443 ssl; ssl_certificate %[1]s/www.example.com.pem;
  ssl_certificate_key %[1]s/www.example.com.key; } }`, dir))
		run(t, dir, nginx, "-t", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	})
}

// spec: I2
func TestApacheTakesItsDownload(t *testing.T) {
	apache := program(t, "apache2", "apache2")
	conf := func(dir string) string {
		return fmt.Sprintf(`ServerRoot /usr/lib/apache2
ServerName www.example.com
PidFile %[1]s/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:20443
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule ssl_module modules/mod_ssl.so
<VirtualHost 127.0.0.1:20443>
  SSLEngine on
  SSLCertificateFile %[1]s/www.example.com.crt
  SSLCertificateChainFile %[1]s/www.example.com-chain.crt
  SSLCertificateKeyFile %[1]s/www.example.com.key
</VirtualHost>
`, dir)
	}
	eachKey(t, func(t *testing.T, _ *node, c bundle.Content) {
		dir := download(t, "apache", c)
		put(t, dir, "apache.conf", []byte(conf(dir)))
		run(t, dir, apache, "-t", "-f", filepath.Join(dir, "apache.conf"))
	})
}

// spec: I2 A4
func TestHAProxyTakesItsDownload(t *testing.T) {
	haproxy := program(t, "haproxy", "haproxy")
	check := func(t *testing.T, dir string) {
		t.Helper()
		put(t, dir, "haproxy.cfg", fmt.Appendf(nil,
			"defaults\n  mode http\n  timeout client 1s\n  timeout server 1s\n  timeout connect 1s\n"+
				"frontend f\n  bind 127.0.0.1:20443 ssl crt %s/www.example.com.pem\n  http-request return status 200\n", dir))
		run(t, dir, haproxy, "-c", "-f", filepath.Join(dir, "haproxy.cfg"))
	}
	eachKey(t, func(t *testing.T, leaf *node, c bundle.Content) {
		dir := download(t, "haproxy", c)
		check(t, dir)
		data := load(t, dir, "www.example.com.pem", "").Data
		if bytes.Contains(data, []byte("\n\n")) {
			t.Error("a blank line would end the file on HAProxy's socket")
		}
		var order []string
		for b, rest := pem.Decode(data); b != nil; b, rest = pem.Decode(rest) {
			order = append(order, b.Type)
		}
		if got := strings.Join(order, ", "); got != "CERTIFICATE, CERTIFICATE, CERTIFICATE, PRIVATE KEY" {
			t.Errorf("order %s", got)
		}
		// Without the key, it goes where the note says.
		c.PKCS8 = model.Secret{}
		dir = download(t, "haproxy", c)
		put(t, dir, "www.example.com.pem.key", leaf.keyPEM(t, "PKCS8"))
		check(t, dir)
	})
}

// spec: I2
func TestOpensslAndKeytoolReadTheKeyStores(t *testing.T) {
	ssl, java := openssl(t), keytool(t)
	eachKey(t, func(t *testing.T, leaf *node, c bundle.Content) {
		t.Parallel() // keytool mostly waits
		const word = "www.example.com-password.txt"
		fromOpenssl := func(dir, name string) {
			t.Helper()
			run(t, dir, ssl, "pkcs12", "-in", name, "-passin", "file:"+word, "-nodes", "-out", name+".pem")
			holds(t, leaf, load(t, dir, name+".pem", ""))
		}
		dir := download(t, "iis", c)
		fromOpenssl(dir, "www.example.com.pfx")
		dir = download(t, "tomcat", c)
		fromOpenssl(dir, "www.example.com.p12")
		// The list shows the chain; moving an entry needs its key.
		out := run(t, dir, java, "-list", "-v", "-keystore", "www.example.com.p12", "-storepass:file", word)
		if !regexp.MustCompile(`Entry type: PrivateKeyEntry\s+Certificate chain length: 3`).Match(out) {
			t.Errorf("keytool lists\n%s", out)
		}
		run(t, dir, java, "-importkeystore", "-noprompt", "-srckeystore", "www.example.com.jks", "-srcstoretype", "JKS",
			"-srcstorepass:file", word,
			"-destkeystore", "moved", "-deststoretype", "PKCS12", "-deststorepass:file", word)
		password := strings.TrimSpace(string(load(t, dir, word, "").Data))
		fromOpenssl(dir, "moved")
		for _, name := range []string{"moved", "www.example.com.p12", "www.example.com.jks"} {
			holds(t, leaf, load(t, dir, name, password))
		}
	})
}

// spec: I2
func TestPasswordsOfKeyStores(t *testing.T) {
	c := content(t, leaves()[model.ECDSAP256])
	seen := map[string]bool{}
	for range 10 {
		for _, format := range []string{"tomcat", "iis"} {
			files, err := bundle.Files(format, c)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Secret == strings.HasSuffix(f.Name, "README.txt") {
					t.Errorf("%s: secret %v", f.Name, f.Secret)
				}
				if !strings.HasSuffix(f.Name, "-password.txt") {
					continue
				}
				if !regexp.MustCompile(`^[A-Z2-7]{24,}\n$`).Match(f.Data) || seen[string(f.Data)] {
					t.Errorf("password of %d bytes, seen before: %v", len(f.Data), seen[string(f.Data)])
				}
				seen[string(f.Data)] = true
			}
			for _, f := range files {
				if strings.HasSuffix(f.Name, "README.txt") &&
					strings.Contains(f.Text.String(), string(bytes.TrimSpace(files[len(files)-2].Data))) {
					t.Error("the note has the password")
				}
			}
		}
	}
}

// spec: A4
func TestDownloadsWithoutKey(t *testing.T) {
	c := content(t, leaves()[model.ECDSAP256])
	c.PKCS8 = model.Secret{}
	for _, format := range bundle.Formats() {
		files, err := bundle.Files(format, c)
		switch format {
		case "tomcat", "iis":
			if reasonOf(err) != bundle.NotAvailable || !strings.Contains(said(err), "does not hold it") {
				t.Errorf("%s: %v", format, err)
			}
			continue
		}
		if err != nil || len(files) < 2 {
			t.Errorf("%s: %d files, %v", format, len(files), err)
			continue
		}
		for _, f := range files {
			if f.Secret || bytes.Contains(f.Data, []byte("PRIVATE")) {
				t.Errorf("%s: %s is secret", format, f.Name)
			}
		}
		note := string(text.New("en").Page(files[len(files)-1].Text))
		if want := !slices.Contains(bundle.PublicFormats(), format); strings.Contains(note, "does not hold the private key") != want {
			t.Errorf("%s: the note says\n%s", format, note)
		}
	}
	// One certificate without intermediates has no chain file.
	c.Chain = c.Chain[:1]
	files, err := bundle.Files("apache", c)
	if err != nil || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
