package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"certquay/model"
)

// rowVersion is the schema version of stored rows, their first byte. Rows of version 1 do
// not say the years; those of this version end with them.
const rowVersion = 2

// Values that are stored as one byte: their index in these lists plus one. Only append
// to these lists. A value that is not in its list is stored as text.
var (
	stateWords  = stringsOf(model.States)
	originWords = stringsOf([]model.Origin{model.OriginBought, model.OriginPack, model.OriginUpload, model.OriginRenewal})
	levelWords  = stringsOf(model.Levels)
	typeWords   = stringsOf(model.DomainTypes)
	gradeWords  = stringsOf(model.Grades)
	jobWords    = stringsOf([]model.JobKind{model.JobIssue, model.JobReissue, model.JobRenew, model.JobDeploy,
		model.JobUndeploy, model.JobRevoke, model.JobVerify, "notify" /* never used */, model.JobClean})
)

func stringsOf[T ~string](ts []T) []string {
	return each(ts, func(t T) string { return string(t) })
}

const inlineWord = 255

// rowTimes lists the times of a row in storage order, which places similar times next
// to each other. The order is part of the schema.
func rowTimes(r *model.InstanceRow) [8]*time.Time {
	return [...]*time.Time{
		&r.NotBefore, &r.ServiceStart, &r.NotAfter, &r.ServiceEnd,
		&r.Window, &r.ServiceWindow, &r.Due, &r.ExpectedIssue,
	}
}

func rowCounts(r *model.InstanceRow) [7]*int {
	return [...]*int{&r.Domains, &r.RenewalsLeft, &r.Resources, &r.Deployed, &r.Auto, &r.FailingResources, &r.Attempt}
}

// rowFlags may be extended at its end, up to the bit of sameName: in older rows new
// flags are unset.
func rowFlags(r *model.InstanceRow) [7]*bool {
	return [...]*bool{&r.DueHosted, &r.Hosted, &r.Failed, &r.NoPrivateKey, &r.AwaitsReview, &r.AwaitsProof, &r.Replaced}
}

// encodeRow encodes a row without its ID, typically in 75 bytes.
func encodeRow(r model.InstanceRow) []byte {
	b := make([]byte, 1, 96)
	b[0] = rowVersion
	var flags byte
	for n, f := range rowFlags(&r) {
		if *f {
			flags |= 1 << n
		}
	}
	sameName := r.Name == r.Domain
	if sameName {
		flags |= 1 << 7
	}
	b = append(b, flags)
	b = appendWord(b, stateWords, string(r.State))
	b = appendWord(b, originWords, string(r.Origin))
	b = appendWord(b, levelWords, string(r.Spec.Level))
	b = appendWord(b, typeWords, string(r.Spec.Type))
	b = appendWord(b, gradeWords, string(r.Spec.Grade))
	b = appendWord(b, jobWords, string(r.Operation))
	b = appendText(b, r.Spec.Brand)
	b = appendText(b, r.Name)
	if !sameName {
		b = appendText(b, r.Domain)
	}
	b = appendText(b, r.Products)
	for _, c := range rowCounts(&r) {
		b = binary.AppendVarint(b, int64(*c))
	}
	// Each time is stored as the difference in seconds to the previous one. The zero
	// time is stored as 0, which no difference is encoded as.
	var last int64
	for _, t := range rowTimes(&r) {
		if t.IsZero() {
			b = append(b, 0)
			continue
		}
		d := t.Unix() - last
		if d >= 0 {
			d++
		}
		b = binary.AppendVarint(b, d)
		last = t.Unix()
	}
	return binary.AppendVarint(b, int64(r.Years))
}

// isEarlierRow reports whether a stored row is what version 1 wrote in place of another.
func isEarlierRow(stored, row []byte) bool {
	if len(stored) == 0 || len(row) == 0 || stored[0] != 1 {
		return false
	}
	years, ok := bytes.CutPrefix(row[1:], stored[1:])
	_, n := binary.Varint(years)
	return ok && n == len(years)
}

func appendWord(b []byte, list []string, w string) []byte {
	switch n := slices.Index(list, w); {
	case w == "":
		return append(b, 0)
	case n >= 0:
		return append(b, byte(n+1))
	default:
		return appendText(append(b, inlineWord), w)
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errRow = model.Fail("damage.undecoded")

// decodeRow is the inverse of encodeRow. The row's texts share memory with b.
func decodeRow(id model.ID, b string) (model.InstanceRow, error) {
	if len(b) < 2 || b[0] == 0 {
		return model.InstanceRow{}, errRow
	}
	if b[0] > rowVersion {
		return model.InstanceRow{}, ErrNewerSchema
	}
	d := rowDecoder{rest: b[2:]}
	r := model.InstanceRow{ID: id}
	for n, f := range rowFlags(&r) {
		*f = b[1]&(1<<n) != 0
	}
	r.State = model.State(d.word(stateWords))
	r.Origin = model.Origin(d.word(originWords))
	r.Spec.Level = model.Level(d.word(levelWords))
	r.Spec.Type = model.DomainType(d.word(typeWords))
	r.Spec.Grade = model.Grade(d.word(gradeWords))
	r.Operation = model.JobKind(d.word(jobWords))
	r.Spec.Brand = d.text()
	r.Name = d.text()
	r.Domain = r.Name
	if b[1]&(1<<7) == 0 {
		r.Domain = d.text()
	}
	r.Products = d.text()
	for _, c := range rowCounts(&r) {
		*c = int(d.varint())
	}
	var last int64
	for _, t := range rowTimes(&r) {
		v := d.varint()
		if v == 0 {
			continue
		}
		if v > 0 {
			v--
		}
		last += v
		*t = time.Unix(last, 0).UTC()
	}
	if b[0] > 1 {
		r.Years = int(d.varint())
	}
	if d.bad || d.rest != "" {
		return model.InstanceRow{}, errRow
	}
	return r, nil
}

// rowDecoder reads the rest of a row. After an error it returns zero values.
type rowDecoder struct {
	rest string
	bad  bool
}

func (d *rowDecoder) fail() { d.rest, d.bad = "", true }

func (d *rowDecoder) word(list []string) string {
	if d.rest == "" {
		d.fail()
		return ""
	}
	n := d.rest[0]
	d.rest = d.rest[1:]
	switch {
	case n == 0:
		return ""
	case n == inlineWord:
		return d.text()
	case int(n) <= len(list):
		return list[n-1]
	default:
		d.fail()
		return ""
	}
}

func (d *rowDecoder) uvarint() (v uint64) {
	for n := 0; n < min(len(d.rest), binary.MaxVarintLen64); n++ {
		c := d.rest[n]
		v |= uint64(c&0x7f) << (7 * n)
		if c < 0x80 {
			d.rest = d.rest[n+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *rowDecoder) varint() int64 {
	u := d.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (d *rowDecoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}
