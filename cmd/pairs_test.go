package cmd_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdPairs makes a directory of certificates with their keys as people have them: nested,
// half of the keys in a directory of their own, with symbolic links, one of them a loop,
// and a pipe. The last five are bad: another key, a damaged certificate, a weak key, an
// encrypted key, and a file that is no key store.
//
//	pairs DIR N
func cmdPairs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pairs DIR N")
	}
	dir := ts.MkAbs(args[0])
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	put := func(data []byte, path ...string) {
		file := filepath.Join(append([]string{dir}, path...)...)
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o700))
		ts.Check(os.WriteFile(file, data, 0o600))
	}
	for n := range count {
		name := fmt.Sprintf("site%d.example.com", n)
		at := fmt.Sprintf("team%d/sites", n%7)
		kind, bad := "", n-(count-5)
		if bad == 2 {
			kind = "rsa1024"
		}
		files, err := pki(name, kind)
		ts.Check(err)
		cert, key := slices.Concat(files["leaf.pem"], files["int.pem"]), files["key.pem"]
		switch bad {
		case 0:
			other, err := pki(name, "")
			ts.Check(err)
			key = other["key.pem"]
		case 1:
			cert = append([]byte("-----BEGIN CERTIFICATE-----\nthis is none\n"), cert...)
		case 3:
			key = encryptedKey(ts, key)
		case 4:
			put([]byte("nothing of the kind"), at, name+".p12")
			continue
		}
		put(cert, at, name+".crt")
		if keys := at; n%2 == 0 && bad < 0 {
			put(key, "private", keys, name+".key")
		} else {
			put(key, at, name+".key")
		}
	}
	put([]byte("whose certificates these are"), "README.txt")
	for link, to := range map[string]string{
		"linked": "team1", "team1/loop": "..", "nowhere": "missing", "again.crt": "team2/sites/site2.example.com.crt",
	} {
		ts.Check(os.Symlink(to, filepath.Join(dir, link)))
	}
	ts.Check(syscall.Mkfifo(filepath.Join(dir, "team0", "pipe"), 0o600))
}

// encryptedKey encrypts a key with a password, as old versions of OpenSSL do.
func encryptedKey(ts *testscript.TestScript, key []byte) []byte {
	b, _ := pem.Decode(key)
	//nolint:staticcheck // old files are encrypted so
	locked, err := x509.EncryptPEMBlock(rand.Reader, "PRIVATE KEY", b.Bytes, []byte("secret"), x509.PEMCipherAES256)
	ts.Check(err)
	return pem.EncodeToMemory(locked)
}
