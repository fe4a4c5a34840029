package model

import "time"

// Watch is a TLS endpoint that certquay does not manage but probes regularly (spec N3).
type Watch struct {
	ID      ID
	Address string // host:port
	Name    string // sent as SNI; the certificate must cover it
	Contact ID     // recipient of notices; zero means the configured default
	Created time.Time

	Next       time.Time // time of the next probe
	ProbedAt   time.Time // time of the last probe, successful or not; zero before the first
	AnsweredAt time.Time // time of the last successful probe
	Since      time.Time // when the present result was first seen
	Failures   int       // consecutive failed probes
	Error      Text      // of the last probe, if it failed

	Problems    []string // the worst first; empty if a client would accept the certificate
	Detail      Text     // the problems in full
	Fingerprint string   // of the last presented leaf certificate
	Subject     string
	Issuer      string
	NotAfter    time.Time
}

// RecordKind is "watch".
func (*Watch) RecordKind() Kind { return KindWatch }

// RecordKey is the ID.
func (w *Watch) RecordKey() string { return string(w.ID) }

// Indexes returns the index entries: by address and name, by tail of the ID, by
// contact, and by the time of the next probe.
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

// State returns the result of the last probe in one word.
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

// WatchKey returns the index key of an address and name, ignoring case. With an empty
// name it is the prefix of all keys of the address.
func WatchKey(address, name string) string {
	k := NormalizeName(address) + " "
	if name != "" {
		k += NormalizeName(name)
	}
	return k
}
