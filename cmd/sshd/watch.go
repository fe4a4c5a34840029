package sshd

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"certquay/cmd/session"
)

// keyAllowed says whether the key of a session may still log in, and ends the session
// if not: it is asked before anything a person typed is acted on.
func (c *channel) keyAllowed() bool {
	if _, err := c.endpoint.keys.Lookup(c.key); err == nil {
		return true
	}
	c.cancel(session.ErrKeyRemoved)
	return false
}

// endRemovedKeys ends the sessions of keys that were taken out of the file, until ctx
// ends. A file that cannot be used at all ends them at the second look only:
// somebody may be writing it.
func (s *Server) endRemovedKeys(ctx context.Context, keys *Keys) {
	tick := time.NewTicker(s.limits.Recheck)
	defer tick.Stop()
	doubted := map[*running]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		var there []*running
		for v := range s.sessions {
			if v.key != nil {
				there = append(there, v)
			}
		}
		s.mu.Unlock()
		was := doubted
		doubted = map[*running]bool{}
		for _, v := range there {
			switch _, err := keys.Lookup(v.key); {
			case err == nil:
			case errors.Is(err, ErrUnknownKey), was[v]:
				s.log.Warn("ssh session ended", "from", v.id.From, "key", v.id.Fingerprint, "error", err)
				v.end(session.ErrKeyRemoved)
			default:
				doubted[v] = true
			}
		}
	}
}

// rateLimitedLog logs what a crowd can make happen as often as it likes: ten lines a
// second, and how many were left out.
type rateLimitedLog struct {
	mu     sync.Mutex
	second int64
	lines  int
	left   int
}

func (s *rateLimitedLog) log(to *slog.Logger, level slog.Level, what string, args ...any) {
	const most = 10
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now().Unix(); now != s.second {
		s.second, s.lines = now, 0
	}
	if s.lines++; s.lines > most {
		s.left++
		return
	}
	if s.left > 0 {
		args = append(args, "left_out", s.left)
		s.left = 0
	}
	to.Log(context.Background(), level, what, args...)
}
