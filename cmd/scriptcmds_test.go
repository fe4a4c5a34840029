package cmd_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are what scripts can say beyond testscript's own commands.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"code":    cmdCode,
	"json":    cmdJSON,
	"keep":    cmdKeep,
	"field":   cmdField,
	"names":   cmdNames,
	"mode":    cmdMode,
	"concat":  cmdConcat,
	"reverse": cmdReverse,
	"crlf":    cmdCRLF,
	"pki":     cmdPKI,
	"serve":   cmdServe,
	"halt":    cmdHalt,
	"fetch":   cmdFetch,
	"listing": cmdListing,
	"hides":   cmdHides,
	"tight":   cmdTight,
	"pebble":  cmdPebble,
	"ca":      cmdCA,
	"until":   cmdUntil,
	"dns-api": cmdDNSAPI,

	"watch-processes": cmdWatchProcesses,
	"canaries":        cmdCanaries,
	"dns-update":      cmdDNSUpdate,

	"expand": cmdExpand,

	"pairs":    cmdPairs,
	"receive":  cmdReceive,
	"received": cmdReceived,
	"fill":     cmdFill,
	"without":  cmdWithout,
}

// cmdCode runs a program that must end with exactly this code:
//
//	code N program [args...]
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// at finds the value at a path such as .instances[0].id or [2].name or
// .domains.len in a JSON document. The empty path "." is the whole.
func at(doc []byte, path string) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("no JSON: %w: %q", err, doc)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON document")
	}
	for _, step := range regexp.MustCompile(`\[\d+\]|[^.\[\]]+`).FindAllString(path, -1) {
		switch x := v.(type) {
		case []any:
			if step == "len" {
				v = json.Number(strconv.Itoa(len(x)))
				continue
			}
			n, err := strconv.Atoi(strings.Trim(step, "[]"))
			if err != nil || n >= len(x) {
				return nil, fmt.Errorf("%s: no %s in a list of %d", path, step, len(x))
			}
			v = x[n]
		case map[string]any:
			e, ok := x[step]
			if !ok {
				return nil, fmt.Errorf("%s: no name %q", path, step)
			}
			v = e
		default:
			return nil, fmt.Errorf("%s: %q is within %v", path, step, v)
		}
	}
	return v, nil
}

// document is the JSON in a file. On standard error that is the last line, the
// error; what stands before must be notes, one object a line.
func document(ts *testscript.TestScript, file string) []byte {
	text := ts.ReadFile(file)
	if file != "stderr" {
		return []byte(text)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			ts.Fatalf("standard error is not JSON with --json: %q", l)
		}
	}
	return []byte(lines[len(lines)-1])
}

// plainJSON writes a JSON value the way scripts compare it: text without quotes,
// anything else as compact JSON.
func plainJSON(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// cmdJSON compares a value in a JSON document, exactly, or with ~ as a regular
// expression:
//
//	[!] json FILE PATH WANT
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH WANT")
	}
	v, err := at(document(ts, args[0]), args[1])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	got, want := plainJSON(v), args[2]
	same := got == want
	if rest, ok := strings.CutPrefix(want, "~"); ok {
		same = regexp.MustCompile(rest).MatchString(got)
	}
	if same == neg {
		ts.Fatalf("%s is %s, want (not: %v) %s", args[1], got, neg, want)
	}
}

// cmdKeep puts a value of a JSON document into a variable:
//
//	keep NAME FILE PATH
func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: keep NAME FILE PATH")
	}
	v, err := at([]byte(ts.ReadFile(args[1])), args[2])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Setenv(args[0], plainJSON(v))
}

// cmdField puts what the first group of a regular expression matches in a file
// into a variable:
//
//	field NAME FILE REGEXP
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field NAME FILE REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(m) < 2 {
		ts.Fatalf("no match for %s", args[2])
	}
	ts.Setenv(args[0], m[1])
}

// cmdNames checks that an object has all these names:
//
//	names FILE PATH NAME...
func cmdNames(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: names FILE PATH NAME...")
	}
	v, err := at(document(ts, args[0]), args[1])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	o, ok := v.(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[1])
	}
	for _, name := range args[2:] {
		if _, ok := o[name]; !ok {
			ts.Fatalf("the name %q is missing", name)
		}
	}
}

// cmdMode checks the permissions of files:
//
//	mode 0600 FILE...
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE...")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		st, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if st.Mode().Perm() != fs.FileMode(want) {
			ts.Fatalf("%s has mode %04o, want %04o", name, st.Mode().Perm(), want)
		}
	}
}

func write(ts *testscript.TestScript, name string, data []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
}

// cmdConcat concatenates files: concat OUT FILE...
func cmdConcat(ts *testscript.TestScript, _ bool, args []string) {
	var all []byte
	for _, name := range args[1:] {
		all = append(all, ts.ReadFile(name)...)
	}
	write(ts, args[0], all)
}

// cmdReverse writes the PEM blocks of a file in reversed order: reverse OUT FILE
func cmdReverse(ts *testscript.TestScript, _ bool, args []string) {
	var blocks [][]byte
	for rest := []byte(ts.ReadFile(args[1])); ; {
		b, r := pem.Decode(rest)
		if b == nil {
			break
		}
		blocks, rest = append(blocks, pem.EncodeToMemory(b)), r
	}
	slices.Reverse(blocks)
	write(ts, args[0], bytes.Join(blocks, nil))
}

// cmdCRLF gives a file the line ends of Windows: crlf OUT FILE
func cmdCRLF(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], []byte(strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n")))
}

// cmdPKI makes a root, an intermediate and a leaf for a name, with the leaf's
// key in PKCS#8 and in the older form:
//
//	pki DIR NAME [rsa|rsa1024|expired|future|dv|ov|multi|logged]
//
// dv and ov state that level, multi covers a second name, and logged bears signed
// certificate timestamps, as publicly trusted certificates do.
func cmdPKI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pki DIR NAME [KIND]")
	}
	kind := ""
	if len(args) > 2 {
		kind = args[2]
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	files, err := pki(args[1], kind)
	ts.Check(err)
	for name, data := range files {
		ts.Check(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}

// pki returns the files that cmdPKI writes.
func pki(name, kind string) (map[string][]byte, error) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	switch kind {
	case "expired":
		from, to = from.Add(-60*24*time.Hour), from
	case "future":
		from = time.Now().Add(30 * 24 * time.Hour)
	}
	serial := func() *big.Int {
		n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
		return n
	}
	ca := func(cn string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber:          serial(),
			Subject:               pkix.Name{CommonName: cn},
			NotBefore:             time.Now().Add(-1000 * time.Hour),
			NotAfter:              time.Now().AddDate(5, 0, 0),
			IsCA:                  true,
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	switch kind {
	case "dv":
		leaf.Policies = []x509.OID{policyOID("2.23.140.1.2.1")}
	case "ov":
		leaf.Policies = []x509.OID{policyOID("2.23.140.1.2.2")}
	case "multi":
		leaf.DNSNames = append(leaf.DNSNames, "www."+name)
	case "logged":
		leaf.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: []byte{4, 2, 0, 0}}}
	}
	ec := func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	rootKey, err := ec()
	if err != nil {
		return nil, err
	}
	subKey, err := ec()
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	var old *pem.Block
	switch kind {
	case "rsa", "rsa1024":
		bits := 2048
		if kind == "rsa1024" {
			bits = 1024
		}
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		key, old = k, &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}
	default:
		k, err := ec()
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return nil, err
		}
		key, old = k, &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"key.pem":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		"key-old.pem": pem.EncodeToMemory(old),
	}
	root, sub := ca("Test Root"), ca("Test Intermediate")
	for _, c := range []struct {
		file             string
		template, parent *x509.Certificate
		public           any
		signer           crypto.Signer
	}{
		{"root.pem", root, root, rootKey.Public(), rootKey},
		{"int.pem", sub, root, subKey.Public(), rootKey},
		{"leaf.pem", leaf, sub, key.Public(), subKey},
		{"self.pem", leaf, leaf, key.Public(), key},
	} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, c.parent, c.public, c.signer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.file, err)
		}
		files[c.file] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return files, nil
}

// policyOID parses an object identifier that is known to be valid.
func policyOID(s string) x509.OID {
	oid, err := x509.ParseOID(s)
	if err != nil {
		panic(err)
	}
	return oid
}

// serving is a certquay serve that a test has started.
type serving struct {
	cmd  *exec.Cmd
	done chan error
	out  *safeBuffer
}

// sshAddress finds where a served store listens for SSH.
var sshAddress = regexp.MustCompile(`SSH at (127\.0\.0\.1):(\d+)`)

const serveKey = "SERVE_PID"

// cmdServe starts certquay serve and waits until it serves. What it has
// printed goes to the file serve.out when it is stopped. PORT is the port of
// SSH, if it listens:
//
//	serve [args...]
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serve [args...]")
	}
	env := append(home(ts.Getenv("HOME")), "PATH="+ts.Getenv("PATH"), "TMPDIR="+ts.Getenv("TMPDIR"))
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) { // the script's, not that of the test
		if _, err := os.Stat(filepath.Join(dir, "certquay")); err == nil && path == "" {
			path = filepath.Join(dir, "certquay")
		}
	}
	s, err := startServe(path, ts.MkAbs("."), env, args...)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Setenv(serveKey, strconv.Itoa(s.cmd.Process.Pid))
	running.Store(s.cmd.Process.Pid, s)
	if m := sshAddress.FindStringSubmatch(s.out.String()); m != nil {
		ts.Setenv("PORT", m[2])
	}
	ts.Defer(func() { s.kill() })
}

// cmdHalt asks the started server to stop, or with -KILL kills it:
//
//	halt [-KILL]
func cmdHalt(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(ts.Getenv(serveKey))
	ts.Check(err)
	v, _ := running.Load(pid)
	s := v.(*serving)
	if len(args) == 1 && args[0] == "-KILL" {
		s.kill()
	} else if err := s.stopServing(); err != nil {
		ts.Fatalf("serve: %v\n%s", err, s.out)
	}
	write(ts, "serve.out", []byte(s.out.String()))
}

// startServe starts certquay serve and waits until it is ready.
func startServe(bin, dir string, env []string, args ...string) (*serving, error) {
	path := bin
	if !strings.Contains(bin, "/") {
		var err error
		if path, err = exec.LookPath(bin); err != nil {
			return nil, err
		}
	}
	s := &serving{cmd: exec.Command(path, append([]string{"serve"}, args...)...), done: make(chan error, 1), out: &safeBuffer{}}
	s.cmd.Dir, s.cmd.Env = dir, env
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	err = s.cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		defer func() { _ = r.Close() }()
		lines, told := bufio.NewScanner(r), false
		for lines.Scan() {
			_, _ = io.WriteString(s.out, lines.Text()+"\n")
			if !told && strings.HasPrefix(lines.Text(), "serving;") {
				told = true
				close(ready)
			}
		}
		err := s.cmd.Wait()
		s.done <- err
		close(s.done)
	}()
	select {
	case <-ready:
		return s, nil
	case err := <-s.done:
		return nil, fmt.Errorf("serve ended at once: %w\n%s", errors.Join(err, errors.New("before it served")), s.out)
	case <-time.After(time.Minute):
		s.kill()
		return nil, fmt.Errorf("serve is not ready after a minute:\n%s", s.out)
	}
}

func (s *serving) kill() {
	_ = s.cmd.Process.Kill()
	for range s.done { // until it has ended
	}
}

func (s *serving) stopServing() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		return err
	case <-time.After(time.Minute):
		s.kill()
		return errors.New("does not stop")
	}
}

// cmdFetch gets a URL over HTTP into a file: fetch URL FILE
func cmdFetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fetch URL FILE")
	}
	c := http.Client{Timeout: 30 * time.Second}
	r, err := c.Get(args[0])
	ts.Check(err)
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<24))
	ts.Check(err)
	if r.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", args[0], r.Status)
	}
	write(ts, args[1], b)
}

// cmdListing writes what is under a directory, with modes and hashes, so that
// two listings compare: listing DIR FILE
func cmdListing(ts *testscript.TestScript, _ bool, args []string) {
	text, err := listing(ts.MkAbs(args[0]))
	ts.Check(err)
	write(ts, args[1], []byte(text))
}

// listing describes the content of a directory: names, modes, sizes and hashes.
func listing(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		hash := "-"
		if st.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			hash = hex.EncodeToString(sum[:])
		}
		_, err = fmt.Fprintln(&b, st.Mode(), hash, name)
		return err
	})
	return b.String(), err
}

// cmdHides looks for the secret of a PEM key in every file under a directory:
// raw, in base64 and as the bare scalar of an elliptic key. Only the named
// files may hold it:
//
//	hides KEYFILE DIR ALLOWED...
func cmdHides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: hides KEYFILE DIR ALLOWED...")
	}
	needles, err := secretsOf([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	allowed := map[string]bool{}
	for _, a := range args[2:] {
		allowed[ts.MkAbs(a)] = false
	}
	dir := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for what, n := range needles {
			if !bytes.Contains(data, n) {
				continue
			}
			if _, ok := allowed[path]; !ok {
				return fmt.Errorf("%s holds the %s of the private key", path, what)
			}
			allowed[path] = true
		}
		return nil
	}))
	for path, found := range allowed {
		if !found {
			ts.Fatalf("%s does not hold the key, so the search proves nothing", path)
		}
	}
}

// secretsOf returns the texts and bytes that reveal a leaked key.
func secretsOf(file []byte) (map[string][]byte, error) {
	b, _ := pem.Decode(file)
	if b == nil {
		return nil, errors.New("no PEM block")
	}
	text := strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(b))), "\n")
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if b.Type == "RSA PRIVATE KEY" {
		k, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	}
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{"first line": []byte(text[1]), "second line": []byte(text[2]), "DER": b.Bytes}
	if ec, ok := k.(*ecdsa.PrivateKey); ok {
		scalar, err := ec.Bytes()
		if err != nil {
			return nil, err
		}
		all["scalar"], all["scalar in hex"] = scalar, []byte(hex.EncodeToString(scalar))
	}
	if r, ok := k.(*rsa.PrivateKey); ok {
		all["prime"] = r.Primes[0].Bytes()
	}
	return all, nil
}

// cmdTight checks that nothing under a directory is open to other users:
//
//	tight DIR
func cmdTight(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tight DIR")
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 {
			err = fmt.Errorf("%s has mode %v", path, st.Mode())
		}
		return err
	}))
}
