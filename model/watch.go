package model

import "time"

// Watch is an endpoint that certquay does not manage and looks at (spec N3).
type Watch struct {
	ID      ID
	Address string // host:port
	Name    string // asked for by SNI, and to be covered
	Contact ID     // who is told; zero for those of the configuration
	Created time.Time

	Next       time.Time // of the next look
	ProbedAt   time.Time // of the last look, answered or not; zero before the first
	AnsweredAt time.Time // of the last look that got an answer
	Since      time.Time // when what is wrong, or that nothing is, was first seen
	Failures   int       // looks in a row without an answer
	Error      Text      // of the last look, if it got none

	Problems    []string // in words, the worst first; none: a client would accept it
	Detail      Text     // the same in sentences
	Fingerprint string   // of the leaf presented last
	Subject     string
	Issuer      string
	NotAfter    time.Time
}

// RecordKind is "watch".
func (*Watch) RecordKind() Kind { return KindWatch }

// RecordKey is the ID.
func (w *Watch) RecordKey() string { return string(w.ID) }

// Indexes finds what is watched by address and name, by the tail of the ID, by
// contact, and by when it is looked at next.
func (w *Watch) Indexes() []Index {
	is := []Index{
		{Name: "name", Key: WatchKey(w.Address, w.Name)},
		{Name: "tail", Key: reverse(string(w.ID))},
		{Name: "next", Key: TimeKey(w.Next)},
	}
	if w.Contact != "" {
		is = append(is, Index{Name: "contact", Key: string(w.Contact)})
	}
	return is
}

// State is one word for what was seen last.
func (w *Watch) State() string {
	switch {
	case len(w.Problems) > 0:
		return w.Problems[0]
	case w.ProbedAt.IsZero():
		return "not looked at"
	case w.AnsweredAt.IsZero():
		return "no answer yet"
	}
	return "ok"
}

// WatchKey is the index key of an address and name, without regard to case. An
// empty name makes a prefix.
func WatchKey(address, name string) string {
	k := NormalizeName(address) + " "
	if name != "" {
		k += NormalizeName(name)
	}
	return k
}
