package runner

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
)

// capture keeps the beginning of an output for the caller and its end for messages. It is
// safe for concurrent use: a command that was given up may still print.
type capture struct {
	mu    sync.Mutex
	limit int
	begin []byte
	tail  []byte
}

// tailLength is how much of an output is kept for messages, in bytes.
const tailLength = 2 << 10

func newCapture(limit int) *capture { return &capture{limit: cmp.Or(limit, DefaultLimit)} }

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := c.limit - len(c.begin); room > 0 {
		c.begin = append(c.begin, b[:min(room, len(b))]...)
	}
	c.tail = lastOf(append(c.tail, b...), tailLength)
	return len(b), nil
}

func (c *capture) kept() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.begin)
}

func (c *capture) end() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return words(c.tail)
}

func words(b []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
}

func lastOf(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// marked is an output of a command that begins after the first line with a mark.
type marked struct {
	*capture

	mark string
	seen chan struct{} // closed when the mark was read

	mu    sync.Mutex
	noise []byte // what came before the mark, at most maxNoise of it
	rest  string // of the line with the mark
}

const maxNoise = 64 << 10

func newMarked(mark string, limit int) *marked {
	return &marked{capture: newCapture(limit), mark: mark, seen: make(chan struct{})}
}

func (m *marked) Write(b []byte) (int, error) {
	select {
	case <-m.seen:
		return m.capture.Write(b)
	default:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noise = append(m.noise, b...)
	before, line, found := bytes.Cut(m.noise, []byte(m.mark))
	if !found {
		m.noise = lastOf(m.noise, maxNoise)
		return len(b), nil
	}
	if line, after, whole := bytes.Cut(line, []byte("\n")); whole {
		m.rest, m.noise = strings.TrimSpace(string(line)), before
		close(m.seen)
		_, _ = m.capture.Write(after) // never fails
	}
	return len(b), nil
}

// begun returns the rest of the line of the mark, or "" before it was read.
func (m *marked) begun() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rest
}

// before returns the end of what came before the mark.
func (m *marked) before() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return words(lastOf(m.noise, tailLength))
}
