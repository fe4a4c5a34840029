package session

import "sync/atomic"

// MaxPlace is the length of the longest [Place], in bytes.
const MaxPlace = 16 << 10

// Place holds where somebody stands in a dashboard, so that the dashboard of the next owner
// begins there. What it means is the dashboard's affair. It is safe for concurrent use.
type Place struct {
	at   atomic.Pointer[[]byte]
	tell func([]byte)
}

// NewPlace returns a place, nil for that of a new dashboard. tell, if not nil, is told each
// new one; it must not block.
func NewPlace(at []byte, tell func([]byte)) *Place {
	p := &Place{}
	p.Set(at)
	p.tell = tell
	return p
}

// Set replaces the place. One that is too long is not kept, and a nil Place keeps none.
func (p *Place) Set(at []byte) {
	if p == nil || len(at) > MaxPlace {
		return
	}
	p.at.Store(&at)
	if p.tell != nil {
		p.tell(at)
	}
}

// Get returns the place, nil for that of a new dashboard.
func (p *Place) Get() []byte {
	if p == nil || p.at.Load() == nil {
		return nil
	}
	return *p.at.Load()
}
