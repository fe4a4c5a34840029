package cmd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/issuertest"
)

// peers is how many certificates the programs that others use are measured with at most: they
// open every file, so that more take as much longer.
const peers = 1000

// files is a directory with certificates as openssl, lego and certbot keep them.
type files struct {
	dir string
	n   int
}

// newFiles writes n certificates.
func newFiles(b *testing.B, n int) files {
	b.Helper()
	f := files{b.TempDir(), n}
	key := issuertest.NewKey(b)
	cert := string(bundle.CertificatePEM(issuertest.Certificate(b, key)))
	private, err := bundle.MarshalKey(key)
	if err != nil {
		b.Fatal(err)
	}
	secret := string(bundle.KeyPEM(private))
	for k := range n {
		name := fmt.Sprintf("n%06d.example.com", k)
		f.write(b, "certificates/"+name+".crt", cert)
		f.write(b, "certificates/"+name+".key", secret)
		f.write(b, "certificates/"+name+".json", fmt.Sprintf(`{"domain":%q}`, name))
		conf := "version = 2.1.0\narchive_dir = " + filepath.Join(f.dir, "archive", name) + "\n"
		for part, text := range map[string]string{"cert": cert, "chain": cert, "fullchain": cert + cert, "privkey": secret} {
			f.write(b, "archive/"+name+"/"+part+"1.pem", text)
			link := filepath.Join(f.dir, "live", name, part+".pem")
			if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
				b.Fatal(err)
			}
			if err := os.Symlink("../../archive/"+name+"/"+part+"1.pem", link); err != nil {
				b.Fatal(err)
			}
			conf += part + " = " + link + "\n"
		}
		f.write(b, "renewal/"+name+".conf", conf+"[renewalparams]\nauthenticator = standalone\nkey_type = ecdsa\n")
	}
	return f
}

func (f files) write(b *testing.B, name, text string) {
	b.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// took runs a program, which must name the last certificate if it lists them, and returns
// how long it took. It is 0 if the program is not installed.
func (f files) took(b *testing.B, lists bool, args ...string) time.Duration {
	b.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		b.Logf("%s is not installed", args[0])
		return 0
	}
	c := exec.CommandContext(b.Context(), args[0], args[1:]...)
	c.Dir = f.dir
	begun := time.Now()
	out, err := c.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		b.Fatalf("%q: %v\n%s", args, err, out)
	}
	if last := fmt.Sprintf("n%06d.example.com", f.n-1); lists && !strings.Contains(string(out), last) {
		b.Fatalf("%q does not list %s:\n%s", args, last, out)
	}
	return took
}

func reportMS(b *testing.B, took time.Duration, unit string) {
	if took > 0 {
		b.ReportMetric(ms(took), unit)
	}
}

// BenchmarkList lists certificates, all of them and those that end in so many days, as a
// process that opens the store, and as others do it with files.
//
//	go test ./cmd -run ^$ -bench List -benchtime 1x -count 5
func BenchmarkList(b *testing.B) {
	for _, n := range benchSizes(b, 1000, 100_000) {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			p := newPerson(b)
			p.filled(n)
			p.must("balance") // the very first start makes the CA
			f := newFiles(b, min(n, peers))
			shown := p.must("list", "--json")
			if last := fmt.Sprintf("n%06d.example.com", n-1); !strings.Contains(shown, last) {
				b.Fatalf("%s is not listed", last)
			}
			b.Run("all", func(b *testing.B) {
				for b.Loop() {
					reportMS(b, p.try("list", "--json").took, "ms/list")
					if n <= peers {
						reportMS(b, f.took(b, true, "lego", "--path", f.dir, "list"), "ms/list@lego")
						in := []string{"--config-dir", f.dir, "--work-dir", f.dir, "--logs-dir", f.dir}
						reportMS(b, f.took(b, true, append([]string{"certbot", "certificates"}, in...)...), "ms/list@certbot")
					}
				}
				b.ReportMetric(0, "ns/op")
			})
			b.Run("expiring", func(b *testing.B) {
				for b.Loop() {
					reportMS(b, p.try("list", "--where", "expires<120d", "--json").took, "ms/list")
					each := f.took(b, false, "sh", "-c", opensslExpiring) / opensslFiles
					reportMS(b, each*time.Duration(n), "ms/list@openssl")
				}
				b.ReportMetric(0, "ns/op")
			})
		})
	}
}

// opensslFiles is how many files openssl looks at. It is started for each, so that n take n
// times as long as one.
const opensslFiles = 100

const opensslExpiring = `
for f in certificates/n0000??.*.crt; do openssl x509 -noout -checkend 10368000 -in "$f" >/dev/null || echo "$f"; done`

// opensslIssuing makes keys and has a CA in files sign them, as two loops at once.
const opensslIssuing = `
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=ca -days 90 -out ca.crt 2>/dev/null
loop() {
	i=$1
	while [ $i -lt $2 ]; do
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout n$i.key -subj /CN=n$i.example.com \
			-addext subjectAltName=DNS:n$i.example.com -out n$i.csr 2>/dev/null &&
		openssl x509 -req -in n$i.csr -CA ca.crt -CAkey ca.key -set_serial $i -days 90 -copy_extensions copy \
			-out n$i.crt 2>/dev/null || exit 1
		i=$((i + 2))
	done
}
loop 1 $1 & one=$!
loop 2 $1 && wait $one`

// opensslRate returns how many certificates a second openssl makes; 0 if there is none.
func opensslRate(b *testing.B) float64 {
	b.Helper()
	const n = 40
	f := files{b.TempDir(), n}
	took := f.took(b, false, "sh", "-c", opensslIssuing, "sh", strconv.Itoa(n+1))
	made, err := filepath.Glob(filepath.Join(f.dir, "n*.crt"))
	if err != nil || len(made) != n {
		b.Fatalf("%d certificates, %v", len(made), err)
	}
	return n / took.Seconds()
}

// stepCA builds step-ca as a program of its own. Where its modules cannot be had it returns
// "".
func stepCA(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "stepca")
	c := exec.Command("go", "build", "-o", bin, "./stepca")
	c.Dir = filepath.Join("..", "lifecycle", "issuer", "acme", "interoptest")
	if out, err := c.CombinedOutput(); err != nil {
		b.Logf("step-ca cannot be built: %v\n%s", err, out)
		return ""
	}
	return bin
}

// stepRate returns how many certificates a second step-ca makes and keeps for so many
// callers.
func stepRate(b *testing.B, bin string, n, callers int) (rate float64) {
	b.Helper()
	c := exec.CommandContext(context.Background(), bin, strconv.Itoa(n), strconv.Itoa(callers))
	out, err := c.Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &rate)
	}
	if err != nil {
		b.Fatalf("step-ca: %v\n%s", err, out)
	}
	return rate
}
