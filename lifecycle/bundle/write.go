package bundle

import (
	"bytes"
	"encoding/pem"
	"sort"
	"strings"

	"certquay/model"
)

// Content is a certificate to write to files.
type Content struct {
	Name  string       // the certificate's first name; file names are made from it
	Chain [][]byte     // DER, leaf first, without root
	Root  []byte       // DER; nil when not known
	PKCS8 model.Secret // DER of the key; empty when certquay does not hold it (spec A4)
}

// OutFile is one file of a download. Secret ones hold a key or a password: they
// are written with mode 0600.
type OutFile struct {
	Name   string // a plain file name, safe on every system
	Data   []byte
	Secret bool
	Text   model.Text // of a note, which has no Data until somebody writes it in the words of a language
}

// format is one row of the download table (spec I2). The codes of messages have
// the base of the file names as {base}.
type format struct {
	name  string
	files func(o Content, base string) ([]OutFile, error)
	// note describes the files and how to install them.
	note string // the code of what to do with the files
	// keyless is the code of where the key goes that certquay does not hold (spec
	// A4); empty when the format has no place for one.
	keyless string
	public  bool // whether its files never hold a key
}

var formats = []format{
	{name: "nginx", files: nginxFiles, note: "install.nginx", keyless: "install.keyless"},
	{name: "apache", files: apacheFiles, note: "install.apache", keyless: "install.keyless"},
	{name: "tomcat", files: tomcatFiles, note: "install.tomcat"},
	{name: "iis", files: iisFiles, note: "install.iis"},
	{name: "haproxy", files: haproxyFiles, note: "install.haproxy", keyless: "install.keyless-haproxy"},
	{name: "pem", files: pemFiles, note: "install.pem", keyless: "install.keyless-pem"},
	{name: "certificate", files: certificateFiles, note: "install.certificate", public: true},
	{name: "chain", files: chainFiles, note: "install.chain", public: true},
	{name: "root", files: rootFiles, note: "install.root", public: true},
}

// Formats lists the names of the download formats.
func Formats() []string {
	var out []string
	for _, f := range formats {
		out = append(out, f.name)
	}
	return out
}

// PublicFormats lists the names of the download formats that never hold a key.
func PublicFormats() (out []string) {
	for _, f := range formats {
		if f.public {
			out = append(out, f.name)
		}
	}
	return out
}

// Files returns the files of a download format, with an install note as the last.
// Without a key, files that hold only the key are left out, as the note states,
// and key stores are refused. Passwords are generated for each call. A refusal is
// an [*Error].
func Files(name string, o Content) ([]OutFile, error) {
	for _, f := range formats {
		if f.name != name {
			continue
		}
		if len(o.Chain) == 0 {
			return nil, &Error{
				Reason: NotAvailable,
				Why:    model.Say("bundle.no-certificate-yet"), Hint: model.Say("bundle-hint.once-issued"),
			}
		}
		base := FileBase(o.Name)
		files, err := f.files(o, base)
		if err != nil {
			return nil, err
		}
		return append(files, note(f, o, base, files)), nil
	}
	return nil, &Error{
		Reason: UnknownFormat,
		Why:    model.Say("bundle.no-format", "format", name), Hint: model.Say("bundle-hint.formats", "formats", Formats()),
	}
}

// note says what the files are and what to do with them.
func note(f format, o Content, base string, files []OutFile) OutFile {
	all := []model.Text{model.Say("install.title", "format", f.name, "name", o.Name)}
	for _, file := range files {
		code := "install.file"
		if file.Secret {
			code = "install.secret-file"
		}
		all = append(all, model.Say(code, "file", file.Name))
	}
	if o.PKCS8.Empty() && f.keyless != "" {
		all = append(all, model.Say(f.keyless, "base", base))
	}
	all = append(all, model.Say(f.note, "base", base))
	return OutFile{Name: base + "-" + f.name + "-README.txt", Text: model.Texts(all...)}
}

func nginxFiles(o Content, base string) ([]OutFile, error) {
	return withKey(o, base+".key", OutFile{Name: base + ".pem", Data: CertificatePEM(o.Chain...)}), nil
}

func apacheFiles(o Content, base string) ([]OutFile, error) {
	files := []OutFile{{Name: base + ".crt", Data: CertificatePEM(o.Chain[0])}}
	if len(o.Chain) > 1 {
		files = append(files, OutFile{Name: base + "-chain.crt", Data: CertificatePEM(o.Chain[1:]...)})
	}
	return withKey(o, base+".key", files...), nil
}

// haproxyFiles is leaf, chain and key in one file, in the order of HAProxy's
// manual, with no blank line, which ends "set ssl cert" on its socket.
func haproxyFiles(o Content, base string) ([]OutFile, error) {
	f := OutFile{Name: base + ".pem", Data: CertificatePEM(o.Chain...)}
	for _, key := range withKey(o, "") {
		f.Data, f.Secret = append(f.Data, key.Data...), true
	}
	return []OutFile{f}, nil
}

func pemFiles(o Content, base string) ([]OutFile, error) {
	files := []OutFile{
		{Name: base + "-cert.pem", Data: CertificatePEM(o.Chain[0])},
		{Name: base + "-fullchain.pem", Data: CertificatePEM(o.Chain...)},
	}
	if len(o.Chain) > 1 {
		files = append(files, OutFile{Name: base + "-chain.pem", Data: CertificatePEM(o.Chain[1:]...)})
	}
	return withKey(o, base+"-key.pem", files...), nil
}

func certificateFiles(o Content, base string) ([]OutFile, error) {
	return []OutFile{{Name: base + "-fullchain.pem", Data: CertificatePEM(o.Chain...)}}, nil
}

func chainFiles(o Content, base string) ([]OutFile, error) {
	if len(o.Chain) < 2 {
		return nil, &Error{Reason: NotAvailable, Why: model.Say("bundle.no-intermediates"), Hint: model.Say("bundle-hint.as-pem")}
	}
	return []OutFile{{Name: base + "-chain.pem", Data: CertificatePEM(o.Chain[1:]...)}}, nil
}

func rootFiles(o Content, base string) ([]OutFile, error) {
	if len(o.Root) == 0 {
		return nil, &Error{Reason: NotAvailable, Why: model.Say("bundle.no-root"), Hint: model.Say("bundle-hint.ask-ca")}
	}
	return []OutFile{{Name: base + "-root.pem", Data: CertificatePEM(o.Root)}}, nil
}

func withKey(o Content, name string, files ...OutFile) []OutFile {
	if o.PKCS8.Empty() {
		return files
	}
	return append(files, OutFile{Name: name, Secret: true, Data: KeyPEM(o.PKCS8)})
}

// KeyPEM encodes a PKCS#8 key.
func KeyPEM(key model.Secret) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key.Reveal()})
}

// CertificatePEM encodes certificates, DER, one after the other.
func CertificatePEM(ders ...[]byte) []byte {
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
