package bundle

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"sort"
	"strings"

	"certquay/model"
)

// Content is what is to be written: a certificate as it is kept.
type Content struct {
	Name  string       // the certificate's first name; file names are made from it
	Chain [][]byte     // DER, leaf first, without root
	Root  []byte       // DER; nil when not known
	PKCS8 model.Secret // DER of the key; empty when certquay does not hold it (spec A4)
}

// OutFile is one file of a download. Secret ones hold a key: they are written
// with mode 0600.
type OutFile struct {
	Name   string // a plain file name, safe on every system
	Data   []byte
	Secret bool
}

// format is one row of the download table (spec I2).
type format struct {
	name  string
	files func(o Content, base string) ([]OutFile, error)
	note  string // NAME stands for the base of the file names
}

var formats = []format{
	{"nginx", nginxFiles, nginxNote},
	{"pem", pemFiles, pemNote},
	{"chain", chainFiles, chainNote},
	{"root", rootFiles, rootNote},
}

// Formats lists the names of the download formats.
func Formats() []string {
	var out []string
	for _, f := range formats {
		out = append(out, f.name)
	}
	return out
}

// Files makes the files of a download format, with an install note. Without a
// key the files that need one are left out and the note says so. A refusal is
// an [*Error].
func Files(name string, o Content) ([]OutFile, error) {
	for _, f := range formats {
		if f.name != name {
			continue
		}
		if len(o.Chain) == 0 {
			return nil, &Error{Reason: NotAvailable, Why: "there is no certificate yet", Hint: "download it once it is issued"}
		}
		base := FileBase(o.Name)
		files, err := f.files(o, base)
		if err != nil {
			return nil, err
		}
		return append(files, note(f, o, base, files)), nil
	}
	return nil, &Error{Reason: UnknownFormat, Why: fmt.Sprintf("there is no download format %q", name), Hint: "there are " + strings.Join(Formats(), ", ")}
}

func note(f format, o Content, base string, files []OutFile) OutFile {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", f.name, o.Name)
	for _, file := range files {
		mode := ""
		if file.Secret {
			mode = "   (private key: keep it readable by its owner only, mode 0600)"
		}
		fmt.Fprintf(&b, "    %s%s\n", file.Name, mode)
	}
	if o.PKCS8.Empty() && f.name != "chain" && f.name != "root" {
		fmt.Fprintf(&b, "\nThe private key is not held by certquay: use the one that the signing request was\nmade with as %s.key.\n", base)
	}
	b.WriteString("\n" + strings.ReplaceAll(f.note, "NAME", base))
	return OutFile{Name: base + "-" + f.name + "-README.txt", Data: []byte(b.String())}
}

func nginxFiles(o Content, base string) ([]OutFile, error) {
	return withKey(o, base+".key", OutFile{Name: base + ".pem", Data: certPEM(o.Chain...)}), nil
}

func pemFiles(o Content, base string) ([]OutFile, error) {
	files := []OutFile{
		{Name: base + "-cert.pem", Data: certPEM(o.Chain[0])},
		{Name: base + "-fullchain.pem", Data: certPEM(o.Chain...)},
	}
	if len(o.Chain) > 1 {
		files = append(files, OutFile{Name: base + "-chain.pem", Data: certPEM(o.Chain[1:]...)})
	}
	return withKey(o, base+"-key.pem", files...), nil
}

func chainFiles(o Content, base string) ([]OutFile, error) {
	if len(o.Chain) < 2 {
		return nil, &Error{Reason: NotAvailable, Why: "this certificate has no intermediates", Hint: "download it as pem"}
	}
	return []OutFile{{Name: base + "-chain.pem", Data: certPEM(o.Chain[1:]...)}}, nil
}

func rootFiles(o Content, base string) ([]OutFile, error) {
	if len(o.Root) == 0 {
		return nil, &Error{Reason: NotAvailable, Why: "the root of this certificate is not known", Hint: "get it from the CA that issued the certificate"}
	}
	return []OutFile{{Name: base + "-root.pem", Data: certPEM(o.Root)}}, nil
}

func withKey(o Content, name string, files ...OutFile) []OutFile {
	if o.PKCS8.Empty() {
		return files
	}
	return append(files, OutFile{Name: name, Secret: true, Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: o.PKCS8.Reveal()})})
}

func certPEM(ders ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range ders {
		// Writing to a buffer cannot fail, and there are no headers.
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.Bytes()
}

// FileBase makes a safe file name of a domain: lower case, "_wildcard." for
// "*.", nothing but letters, digits, dots, hyphens and underscores, at most 100
// bytes, never hidden and never empty.
func FileBase(domain string) string {
	s := strings.ToLower(strings.TrimSpace(domain))
	if t, ok := strings.CutPrefix(s, "*."); ok {
		s = "_wildcard." + t
	}
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, s)
	s = strings.TrimLeft(s, ".-")
	if len(s) > 100 {
		s = s[:100]
	}
	if s = strings.TrimRight(s, "."); s == "" {
		return "certificate"
	}
	// Windows gives these to devices, whatever comes after a dot.
	first, _, _ := strings.Cut(s, ".")
	if n := sort.SearchStrings(devices, first); n < len(devices) && devices[n] == first {
		return "_" + s
	}
	return s
}

var devices = []string{"aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "con",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "nul", "prn"}

const nginxNote = `Copy both files to the server, for example to /etc/nginx/ssl/, the key with mode
0600, and in the server block:

    listen 443 ssl;
    ssl_certificate     /etc/nginx/ssl/NAME.pem;
    ssl_certificate_key /etc/nginx/ssl/NAME.key;

NAME.pem holds the certificate and its chain, in the order nginx needs. Then:

    nginx -t && nginx -s reload
`

const pemNote = `fullchain is the certificate followed by its chain: most servers want this one
with the key. cert is the certificate alone, chain the intermediates alone, for
servers that ask for them separately. Look at one with:

    openssl x509 -in NAME-cert.pem -noout -text
`

const chainNote = `The intermediates, the issuer of the certificate first, without root. A server
presents them after its own certificate. Check a certificate against them with:

    openssl verify -untrusted NAME-chain.pem -CAfile ROOT CERTIFICATE
`

const rootNote = `The root, which clients must trust; a server does not present it. If it is not
among the roots of the system:

    Debian, Ubuntu   cp NAME-root.pem /usr/local/share/ca-certificates/NAME-root.crt
                     update-ca-certificates
    Fedora, RHEL     cp NAME-root.pem /etc/pki/ca-trust/source/anchors/
                     update-ca-trust
    one command      curl --cacert NAME-root.pem https://...
`
