// Package names holds the rules for the names a certificate may have (spec
// A2): DNS names, internationalized or not, wildcards and IP addresses.
//
// Everything here is pure and safe for concurrent use.
package names

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"certquay/model"
)

// Limits of names and of how many a certificate may have (RFC 1035 section
// 2.3.4, spec A2).
const (
	MaxBytes = 253 // of a whole name in ASCII, without a trailing dot
	MaxLabel = 63  // of one label in ASCII
	MinMulti = 2
	MaxMulti = 100
)

// Name is one name of a certificate, as a CA and as a person write it.
type Name struct {
	ASCII    string     // lower case, punycode, no trailing dot; an IP address in its shortest form
	Unicode  string     // as people read it; equal to ASCII when the name is not internationalized
	Wildcard bool       // ASCII begins with "*."
	IP       netip.Addr // valid only when the name is an IP address
}

// String is the form that goes into certificates.
func (n Name) String() string { return n.ASCII }

// Both returns an internationalized name in both forms, so that confusable
// letters are noticed, and any other name as it is (spec A2).
func (n Name) Both() string {
	if n.Unicode == n.ASCII {
		return n.ASCII
	}
	return n.ASCII + " (" + n.Unicode + ")"
}

// Host is the name without the leading "*." of a wildcard.
func (n Name) Host() string { return strings.TrimPrefix(n.ASCII, "*.") }

// Readable returns a domain name with its internationalized labels in Unicode (the U-labels
// of RFC 5890), for people; a text that is no valid name as it is.
func Readable(name string) string {
	if !strings.Contains(name, "xn--") {
		return name
	}
	n, err := Parse(name)
	if err != nil {
		return name
	}
	return n.Unicode
}

// ReadableBoth is [Readable] with the name as certificates have it too, where that differs
// as [Name.Both] says: names that look alike differ there.
func ReadableBoth(name string) string {
	if n, err := Parse(name); err == nil {
		return n.Both()
	}
	return name
}

// UTS 46 maps what people type (capitals, full-width letters, decomposed
// accents) to what is looked up; the registration rules of RFC 5891 section 4
// then refuse what no registry may have handed out, such as emoji.
var (
	mapping      = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false))
	registration = idna.New(idna.ValidateForRegistration())
)

// Parse reads one name: a host name, a wildcard or an IP address. White space
// around it and one trailing dot are dropped. An error is an [*Error].
func Parse(input string) (Name, error) {
	s := strings.TrimSpace(input)
	if s == "" {
		return Name{}, refuse(input, "www.example.com", "names.empty")
	}
	// Long input is refused before anything works on it; no name of 253 bytes
	// takes more than this many in any other form.
	if len(s) > 4*MaxBytes+2 {
		return Name{}, tooLong(input)
	}
	if a, ok := address(s); ok {
		return parseIP(input, a)
	}
	host, wildcard := strings.CutPrefix(s, "*.")
	if strings.Contains(host, "*") {
		return Name{}, refuse(input, "*.example.com", "names.wildcard-place")
	}
	if t, ok := strings.CutSuffix(host, "."); ok {
		host = t
	}
	if hint := suggestHost(host); hint != "" {
		return Name{}, refuse(input, hint, "names.not-a-host")
	}
	ascii, err := toASCII(input, host)
	if err != nil {
		return Name{}, err
	}
	n := Name{ASCII: ascii, Wildcard: wildcard}
	if wildcard {
		n.ASCII = "*." + ascii
	}
	if len(n.ASCII) > MaxBytes {
		return Name{}, tooLong(input)
	}
	n.Unicode = n.ASCII
	if strings.Contains(n.ASCII, "xn--") {
		u, err := registration.ToUnicode(ascii)
		if back, berr := registration.ToASCII(u); err != nil || berr != nil || back != ascii || !lettersOnly(u) {
			if !isASCII(host) {
				return Name{}, refuse(input, "bücher.example", "names.idna")
			}
			return Name{}, refuse(input, "bücher.example", "names.punycode")
		}
		n.Unicode = strings.TrimSuffix(n.ASCII, ascii) + u
	}
	if wildcard && isPublicSuffix(ascii) {
		return Name{}, refuse(input, "*.my.shop."+ascii, "names.wildcard-suffix")
	}
	return n, nil
}

func tooLong(input string) error {
	return refuse(input, "www.example.com", "names.too-long")
}

// address recognizes IP addresses, bracketed or not.
func address(s string) (netip.Addr, bool) {
	if t, ok := strings.CutPrefix(s, "["); ok {
		if t, ok = strings.CutSuffix(t, "]"); ok {
			s = t
		}
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

func parseIP(input string, a netip.Addr) (Name, error) {
	switch {
	case a.Zone() != "":
		return Name{}, refuse(input, a.WithZone("").String(), "names.zone")
	case a.IsUnspecified() || a.IsMulticast():
		return Name{}, refuse(input, "192.0.2.10", "names.no-unicast")
	}
	a = a.Unmap()
	return Name{ASCII: a.String(), Unicode: a.String(), IP: a}, nil
}

// suggestHost returns the host of a URL, an address with a port or an e-mail
// address, to suggest it instead; "" for other input.
func suggestHost(host string) string {
	h := host
	if _, rest, ok := strings.Cut(h, "://"); ok {
		h = rest
	}
	if n := strings.IndexAny(h, "/?#"); n >= 0 {
		h = h[:n]
	}
	if n := strings.LastIndexByte(h, '@'); n >= 0 {
		h = h[n+1:]
	}
	if n := strings.IndexByte(h, ':'); n >= 0 {
		h = h[:n]
	}
	if h == host {
		return ""
	}
	if n, err := Parse(h); err == nil {
		return n.ASCII
	}
	return "www.example.com"
}

// toASCII maps a host name to lower-case ASCII and checks each label.
func toASCII(input, host string) (string, error) {
	ascii, err := mapping.ToASCII(host)
	judged := ascii
	if err != nil {
		// Our own checks say more than IDNA's error, where they find something.
		judged = strings.ToLower(host)
	}
	if e := checkLabels(input, judged); e != nil {
		return "", e
	}
	if err != nil && isASCII(host) && strings.Contains(judged, "xn--") {
		return "", refuse(input, "bücher.example", "names.punycode")
	}
	if err != nil {
		return "", refuse(input, "bücher.example", "names.idna")
	}
	return ascii, nil
}

// checkLabels applies RFC 1123 section 2.1 and RFC 5890 section 2.3.1 to a name
// in lower case. Letters outside ASCII are left to IDNA.
func checkLabels(input, ascii string) error {
	labels := strings.Split(ascii, ".")
	for _, l := range labels {
		switch {
		case l == "":
			return refuse(input, "www.example.com", "names.empty-label")
		case len(l) > MaxLabel && isASCII(l):
			return refuse(input, "www.example.com", "names.long-label")
		case l[0] == '-' || l[len(l)-1] == '-':
			return refuse(input, "my-host.example.com", "names.outer-hyphen")
		case len(l) >= 4 && l[2:4] == "--" && l[:2] != "xn":
			return refuse(input, "my-host.example.com", "names.reserved-hyphens")
		}
		for i := range len(l) {
			if c := l[i]; c < 0x80 && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				hint := strings.ReplaceAll(l, "_", "-") + ".example.com"
				if c != '_' {
					hint = "www.example.com"
				}
				return refuse(input, hint, "names.characters")
			}
		}
	}
	// Clients read such a name as an IPv4 address (RFC 3696 section 2).
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return refuse(input, "192.0.2.10", "names.number")
	}
	return nil
}

// lettersOnly refuses symbols such as emoji, which UTS 46 lets pass but no
// category of RFC 5892 section 2 has. The exceptions are those of its sections
// 2.6 and A.
func lettersOnly(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd) &&
			!strings.ContainsRune("-.\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb", r) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// RegisteredDomain returns the domain of a name that was bought from a registrar, by the
// public suffix list, or the name itself if it is an address or lies under none.
func RegisteredDomain(name string) string {
	host := strings.TrimPrefix(name, "*.")
	if _, ip := address(host); ip {
		return host
	}
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}

// isPublicSuffix reports whether names are registered directly below host: the
// ICANN section of the list, and every single label, since clients reject a
// wildcard there whatever the list contains.
func isPublicSuffix(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return icann && suffix == host
}

// List checks the names of one certificate whatever its domain type: from 1 to
// 100, no duplicates, IP addresses only if allowed. Errors are [*Error].
func List(list []string, ipAllowed bool) ([]Name, error) {
	if len(list) == 0 {
		return nil, refuse("", "www.example.com", "names.none")
	}
	if len(list) > MaxMulti {
		return nil, &Error{Field: "domains", Rule: model.Say("names.too-many", "n", len(list)), Hint: model.Say("names.halves")}
	}
	out := make([]Name, 0, len(list))
	seen := make(map[string]string, len(list))
	for _, s := range list {
		n, err := Parse(s)
		if err != nil {
			return nil, err
		}
		if n.IP.IsValid() && !ipAllowed {
			return nil, refuse(s, "www.example.com", "names.no-addresses")
		}
		if first, ok := seen[n.ASCII]; ok {
			e := refuse(s, n.ASCII, "names.twice")
			if strings.TrimSpace(first) != strings.TrimSpace(s) {
				e.Rule = model.Texts(e.Rule, model.Say("names.same", "first", short(first), "name", n.Both()))
			}
			return nil, e
		}
		seen[n.ASCII] = s
		out = append(out, n)
	}
	return out, nil
}

// Check applies the rules of a domain type to the names of an application
// (spec A2): single is exactly one name, multi is 2 to 100 names without
// wildcards, wildcard is exactly one "*.name". Errors are [*Error].
func Check(typ model.DomainType, list []string, ipAllowed bool) ([]Name, error) {
	if err := checkCount(typ, len(list)); err != nil {
		return nil, err
	}
	out, err := List(list, ipAllowed)
	if err != nil {
		return nil, err
	}
	for i, n := range out {
		switch {
		case typ == model.Wildcard && !n.Wildcard:
			hint := "*.example.com"
			if !n.IP.IsValid() && !isPublicSuffix(n.ASCII) {
				hint = "*." + n.Unicode
			}
			return nil, refuse(list[i], hint, "names.no-wildcard")
		case typ != model.Wildcard && n.Wildcard:
			return nil, refuse(list[i], "www."+strings.TrimPrefix(n.Unicode, "*."), "names.wildcard", "type", typ)
		}
	}
	return out, nil
}

func checkCount(typ model.DomainType, n int) error {
	switch {
	case typ == model.Single && n == 0:
		return refuse("", "www.example.com", "names.single")
	case typ == model.Single && n > 1:
		return refuse("", "www.example.com", "names.single-not", "n", n)
	case typ == model.Multi && n == 0:
		return &Error{Field: "domains", Rule: model.Say("names.multi"), Hint: model.Say("names.two")}
	case typ == model.Multi && n < MinMulti:
		return &Error{Field: "domains", Rule: model.Say("names.multi-not", "n", n), Hint: model.Say("names.two")}
	case typ == model.Multi && n > MaxMulti:
		return &Error{Field: "domains", Rule: model.Say("names.multi-not", "n", n), Hint: model.Say("names.halves")}
	case typ == model.Wildcard && n != 1:
		return refuse("", "*.example.com", "names.wildcard-one")
	case !slices.Contains(model.DomainTypes, typ):
		return &Error{Field: "type", Name: string(typ), Rule: model.Say("names.type"), Hint: model.Quoted("", string(model.Single))}
	}
	return nil
}

// Covers reports whether a certificate with certNames may be presented for host:
// a wildcard covers exactly one label in its place (RFC 6125 section 6.4.3),
// addresses are compared as addresses. A wildcard host is covered only by the
// same wildcard. Names that cannot be parsed, such as one with an underscore in
// an uploaded certificate, are compared literally.
func Covers(certNames []string, host string) bool {
	h, ip := canonical(host)
	if h == "" {
		return false
	}
	_, parent, _ := strings.Cut(h, ".")
	for _, c := range certNames {
		n, nip := canonical(c)
		switch {
		case ip.IsValid() || nip.IsValid():
			if ip == nip {
				return true
			}
		case n == h:
			return true
		case parent != "" && !strings.HasPrefix(h, "*") && n == "*."+parent:
			return true
		}
	}
	return false
}

func canonical(s string) (string, netip.Addr) {
	n, err := Parse(s)
	if err != nil {
		return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "."), netip.Addr{}
	}
	return n.ASCII, n.IP
}

// IsError returns err as an [*Error] and reports whether it is one.
func IsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
