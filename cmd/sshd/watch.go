package sshd

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"certquay/cmd/session"
)

// keyAllowed reports whether the key of a session may still log in, and ends the
// session if not. It is called before input is processed.
func (c *channel) keyAllowed() bool {
	if _, err := c.endpoint.network.identify(c.key, c.from); err == nil {
		return true
	}
	c.cancel(session.ErrKeyRemoved)
	return false
}

// endRemovedKeys ends the sessions of keys that may log in no more, until ctx ends. If the
// file cannot be read, sessions end only if the next check fails too, because somebody may
// be writing the file.
func (s *Server) endRemovedKeys(ctx context.Context, n *Network) {
	tick := time.NewTicker(s.limits.Recheck)
	defer tick.Stop()
	doubted := map[*runningSession]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		var there []*runningSession
		for v := range s.sessions {
			if v.key != nil {
				there = append(there, v)
			}
		}
		s.mu.Unlock()
		was := doubted
		doubted = map[*runningSession]bool{}
		for _, v := range there {
			switch _, err := n.identify(v.key, v.from); {
			case err == nil:
			case errors.Is(err, ErrUnknownKey), errors.Is(err, ErrDisabled), errors.Is(err, ErrCertificate), was[v]:
				s.log.Warn("ssh session ended", "from", v.id.From, "key", v.id.Fingerprint, "error", err)
				v.end(session.ErrKeyRemoved)
			default:
				doubted[v] = true
			}
		}
	}
}

// rateLimitedLog limits log messages that clients can cause to ten a second, and counts
// those left out.
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
