package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
	"certquay/store"
)

// Exit codes of every verb.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitRefused  = 3
	exitNotFound = 4
	exitStore    = 5
	exitStopped  = 130 // the person stopped waiting; the work goes on
)

// failedError is work that was done and failed; it was reported already when
// quiet.
type failedError struct {
	what, hint string
	quiet      bool
}

func (f *failedError) Error() string { return f.what }

// storeError says that the store cannot be opened or written.
type storeError struct {
	err  error
	hint string
}

func (s *storeError) Error() string { return s.err.Error() }
func (s *storeError) Unwrap() error { return s.err }

// problem is how an error is told: its exit code, a word for machines, and
// what a person reads.
type problem struct {
	exit                        int
	code, message, hint, reason string
}

// listedBy are the verbs that show what there is of a thing.
var listedBy = map[string]string{
	"contact":  "contact list",
	"company":  "company list",
	"resource": "resources",
	"product":  "product list",
	"open":     "tasks",
	"watch":    "watch list",
}

// wrongValues are what the rules say of values that would do in no state: that is
// wrong usage, whoever is asked.
var wrongValues = []lifecycle.Reason{
	lifecycle.ReasonQuantity, lifecycle.ReasonYears, lifecycle.ReasonPackQuantity, lifecycle.ReasonRegion, lifecycle.ReasonNoRegion,
}

func describe(err error) problem {
	p := problem{exit: exitFailed, code: "failed", message: err.Error()}
	var (
		refusal   *lifecycle.Refusal
		invalid   *lifecycle.Invalid
		unkept    *lifecycle.UnkeptError
		ambiguous *lifecycle.Ambiguous
		usage     *usageError
		failed    *failedError
		broken    *storeError
		owned     *owner.OwnedError
	)
	switch {
	case errors.As(err, &refusal):
		p = problem{exitRefused, "refused", refusal.Message(), refusal.Hint(), string(refusal.Reason)}
		switch {
		case slices.Contains(wrongValues, refusal.Reason):
			p.exit, p.code = exitUsage, "invalid"
		case refusal.State != "":
			p.message = fmt.Sprintf("%s is refused in state %s: %s", refusal.Action, refusal.State, p.message)
		default:
			p.message = fmt.Sprintf("%s is refused: %s", refusal.Action, p.message)
		}
	case errors.As(err, &invalid):
		p = problem{exitUsage, "invalid", err.Error(), "for example: " + invalid.Example, invalid.Field}
		if invalid.Rule != "" {
			p.exit, p.code, p.reason = exitRefused, "refused", invalid.Rule
		}
	case errors.As(err, &ambiguous):
		p = problem{exitUsage, "ambiguous", err.Error(), "type more of the id", "ambiguous"}
	case errors.As(err, &usage):
		p = problem{exitUsage, "usage", usage.what, usage.hint, "usage"}
	case errors.As(err, &failed):
		p.hint = failed.hint
	case errors.As(err, &broken):
		p = problem{exitStore, "store", err.Error(), broken.hint, "store"}
		if p.hint == "" {
			p.hint = wayOut(err)
		}
	case errors.As(err, &owned):
		p = problem{exitStore, "store", err.Error(), "stop that process, or attach to it", "owned"}
	case errors.As(err, &unkept):
		p = problem{exitStore, "store", err.Error(), "it goes on by itself once it can be kept", "unkept"}
	case errors.Is(err, store.ErrDiskFull):
		p = problem{exitStore, "store", err.Error(), "free some space; nothing was changed", "disk-full"}
	case errors.Is(err, store.ErrSealed):
		p = problem{exitStore, "store", err.Error(), wayOut(err), "sealed"}
	case errors.Is(err, store.ErrCorrupt):
		p = problem{exitStore, "store", err.Error(), wayOut(err), "damaged"}
	case errors.Is(err, model.ErrNotFound):
		p = problem{exitNotFound, "not-found", err.Error(), "certquay list shows what there is", "not-found"}
		var missing *lifecycle.NotFound
		if errors.As(err, &missing) {
			if verb, ok := listedBy[strings.Fields(missing.What)[0]]; ok {
				p.hint = "certquay " + verb + " shows what there is"
			}
		}
	case errors.Is(err, context.Canceled):
		p = problem{exitStopped, "stopped", "you stopped waiting; the work goes on", "certquay list shows where it stands", "stopped"}
	}
	return p
}

// wayOut is what to do about an error of the store that names nothing itself.
func wayOut(err error) string {
	var open *store.OpenError
	switch {
	case errors.As(err, &open) && open.Hint != "": // said with the error
		return ""
	case errors.Is(err, store.ErrSealed):
		return "unseal the store first: certquay unseal"
	case errors.Is(err, store.ErrCorrupt):
		return "keep a copy of the data directory; to restore a backup elsewhere: certquay restore FILE --data NEWDIR"
	}
	return ""
}

func exitCode(err error) int { return describe(err).exit }

// printError tells an error on standard error, for people or as JSON. Text of
// other programs in it is escaped.
func printError(c *call, err error) {
	var f *failedError
	if errors.As(err, &f) && f.quiet {
		return
	}
	p := describe(err)
	p.message, p.hint = session.Escape(p.message, 2000), session.Escape(p.hint, 2000)
	if c.g.json {
		type body struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
			Reason  string `json:"reason"`
		}
		out, jerr := encodeJSON(map[string]body{"error": {p.code, p.message, p.hint, p.reason}}, "")
		if jerr == nil {
			_, _ = c.Err.Write(out)
			return
		}
	}
	_, _ = fmt.Fprintln(c.Err, "certquay: "+p.message)
	if p.hint != "" {
		_, _ = fmt.Fprintln(c.Err, "  "+p.hint)
	}
}
