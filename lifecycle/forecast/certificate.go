package forecast

import (
	"net"
	"time"

	"certquay/model"
)

// certificate returns the DER of an X.509 certificate (RFC 5280 section 4.1) with
// an empty signature, of which the engine reads names, key and validity. Signing
// would take most of a forecast's time, and a general encoder much of the rest.
func certificate(serial int64, names []string, from, to time.Time, spki []byte) ([]byte, error) {
	if len(names) == 0 {
		return nil, model.Fail("log.no-domains")
	}
	var d der
	whole := d.end()
	d.put(0)
	d.wrap(tagBits, whole) // the signature
	d.put(ecdsaSHA256...)
	signed := d.end()
	for n := len(names) - 1; n >= 0; n-- {
		name := d.end()
		switch ip := net.ParseIP(names[n]); {
		case ip == nil:
			d.text(names[n])
			d.wrap(tagDNSName, name)
		case ip.To4() != nil:
			d.put(ip.To4()...)
			d.wrap(tagAddress, name)
		default:
			d.put(ip...)
			d.wrap(tagAddress, name)
		}
	}
	d.wrap(tagSequence, signed)
	d.wrap(tagOctets, signed)
	d.put(subjectAltName...)
	d.wrap(tagSequence, signed) // the extension
	d.wrap(tagSequence, signed) // the list of them
	d.wrap(tagExtensions, signed)
	d.put(spki...)
	d.name(names[0])
	validity := d.end()
	d.time(to)
	d.time(from)
	d.wrap(tagSequence, validity)
	d.name("forecast")
	d.put(ecdsaSHA256...)
	d.integer(serial)
	d.put(version3...)
	d.wrap(tagSequence, signed)
	d.wrap(tagSequence, whole)
	return d.bytes(), nil
}

// Tags (X.690 section 8.1.2; RFC 5280 sections 4.1 and 4.2.1.6).
const (
	tagInteger    = 0x02
	tagBits       = 0x03
	tagOctets     = 0x04
	tagUTF8       = 0x0c
	tagUTCTime    = 0x17
	tagTime       = 0x18
	tagSequence   = 0x30
	tagSet        = 0x31
	tagDNSName    = 0x82
	tagAddress    = 0x87
	tagExtensions = 0xa3
)

// Parts that are the same in every certificate.
var (
	version3       = []byte{0xa0, 3, tagInteger, 1, 2}
	ecdsaSHA256    = []byte{tagSequence, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2} // 1.2.840.10045.4.3.2
	subjectAltName = []byte{6, 3, 0x55, 0x1d, 17}                                         // 2.5.29.17
	commonName     = []byte{6, 3, 0x55, 4, 3}                                             // 2.5.4.3
)

// der writes DER from its end to its beginning, so that the length of a value is
// known when its header is written.
type der struct {
	b []byte
	n int // bytes written, at the end of b
}

// end returns the position of what is written next, for [der.wrap].
func (d *der) end() int { return d.n }

func (d *der) bytes() []byte { return d.b[len(d.b)-d.n:] }

// grow makes room for n bytes and returns it.
func (d *der) grow(n int) []byte {
	if d.n+n > len(d.b) {
		b := make([]byte, max(288, 2*(d.n+n))) // enough for one name of usual length
		copy(b[len(b)-d.n:], d.bytes())
		d.b = b
	}
	d.n += n
	return d.b[len(d.b)-d.n:][:n]
}

func (d *der) put(b ...byte) { copy(d.grow(len(b)), b) }

func (d *der) text(s string) { copy(d.grow(len(s)), s) }

// wrap puts a header with a tag before all that was written since a position.
func (d *der) wrap(tag byte, since int) {
	n := d.n - since
	if n < 0x80 {
		d.put(tag, byte(n))
		return
	}
	size := byte(0)
	for ; n > 0; n >>= 8 {
		d.put(byte(n))
		size++
	}
	d.put(tag, 0x80|size)
}

// integer writes a positive INTEGER.
func (d *der) integer(v int64) {
	end := d.end()
	for ; v > 0x7f; v >>= 8 {
		d.put(byte(v))
	}
	d.put(byte(v)) // its first bit would be the sign
	d.wrap(tagInteger, end)
}

// name writes a distinguished name that holds only a common name, or nothing if
// that would be too long (RFC 5280 appendix A, ub-common-name).
func (d *der) name(cn string) {
	end := d.end()
	if len(cn) <= 64 {
		d.text(cn)
		d.wrap(tagUTF8, end)
		d.put(commonName...)
		d.wrap(tagSequence, end)
		d.wrap(tagSet, end)
	}
	d.wrap(tagSequence, end)
}

// time writes a time as RFC 5280 section 4.1.2.5 requires.
func (d *der) time(t time.Time) {
	end := d.end()
	tag, layout := byte(tagUTCTime), "060102150405Z"
	if t = t.UTC(); t.Year() >= 2050 {
		tag, layout = tagTime, "20060102150405Z"
	}
	var b [len("20060102150405Z")]byte
	d.put(t.AppendFormat(b[:0], layout)...)
	d.wrap(tag, end)
}
