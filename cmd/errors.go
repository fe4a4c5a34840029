package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"certquay/cmd/owner"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/ui/text"
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
	what, hint model.Text
	quiet      bool
}

func (f *failedError) Error() string      { return f.what.String() }
func (f *failedError) AsText() model.Text { return f.what }

// failed makes a failedError of a code and what fills its words; those of
// code.hint say what to do.
func failed(code string, args ...any) *failedError {
	return &failedError{what: model.Say(code, args...), hint: model.Say(code+".hint", args...)}
}

// usageError is a command line that cannot be understood (exit 2).
type usageError struct{ what, hint model.Text }

func (u *usageError) Error() string      { return u.what.String() }
func (u *usageError) AsText() model.Text { return u.what }

// usage makes a usageError of a code and what fills its words; those of code.hint
// say what to do.
func usage(code string, args ...any) *usageError {
	return &usageError{model.Say(code, args...), model.Say(code+".hint", args...)}
}

// storeError says that the store cannot be opened or written.
type storeError struct {
	err  error
	hint model.Text
}

func (s *storeError) Error() string      { return s.err.Error() }
func (s *storeError) Unwrap() error      { return s.err }
func (s *storeError) AsText() model.Text { return model.TextOf(s.err) }

// problem is how an error is told: its exit code, words for machines, and what a
// person reads.
type problem struct {
	exit          int
	code          string
	message, hint model.Text
	reason        string
}

// listedBy are the verbs that show what there is of a thing, by its code.
var listedBy = map[string]string{
	"contact": "contact list", "company": "company list", "watch": "watch list",
	"resource": "resources", "product": "product list", "task": "tasks",
}

// wrongValues are what the rules say of values that would do in no state: that is
// wrong usage, whoever is asked.
var wrongValues = []rules.Reason{
	rules.ReasonQuantity, rules.ReasonYears, rules.ReasonPackQuantity, rules.ReasonRegion, rules.ReasonNoRegion,
}

func describe(err error) problem {
	p := problem{exit: exitFailed, code: "failed", message: model.TextOf(err)}
	var (
		refusal   *rules.Refusal
		invalid   *rules.Invalid
		missing   *rules.NotFound
		unkept    *lifecycle.UnkeptError
		ambiguous *rules.Ambiguous
		usage     *usageError
		failed    *failedError
		broken    *storeError
		owned     *owner.OwnedError
	)
	switch {
	case errors.As(err, &refusal):
		p = problem{exitRefused, "refused", refusal.AsText(), text.WayOut(refusal, nil), string(refusal.Reason)}
		switch {
		case slices.Contains(wrongValues, refusal.Reason):
			p.exit, p.code = exitUsage, "invalid"
		case refusal.State != "":
			p.message = model.Say("error.refused-in-state", "action", refusal.Action, "state", refusal.State, "why", p.message)
		default:
			p.message = model.Say("error.refused", "action", refusal.Action, "why", p.message)
		}
	case errors.As(err, &invalid):
		p = problem{exitUsage, "invalid", invalid.AsText(), "", invalid.Field}
		if invalid.Example != "" {
			p.hint = model.Say("hint.example", "example", invalid.Example)
		}
		if invalid.Rule != "" {
			p.exit, p.code, p.reason = exitRefused, "refused", invalid.Rule
		}
	case errors.As(err, &ambiguous):
		p = problem{exitUsage, "ambiguous", ambiguous.AsText(), model.Say("hint.longer-id"), "ambiguous"}
	case errors.As(err, &usage):
		p = problem{exitUsage, "usage", usage.what, usage.hint, "usage"}
	case errors.As(err, &failed):
		p.hint = failed.hint
	case errors.As(err, &broken):
		p = problem{exitStore, "store", p.message, broken.hint, "store"}
		if broken.hint == "" {
			p.hint = wayOut(err)
		}
	case errors.As(err, &owned):
		p = problem{exitStore, "store", p.message, model.Say("hint.owned"), "owned"}
	case errors.As(err, &unkept):
		p = problem{exitStore, "store", p.message, model.Say("hint.unkept"), "unkept"}
	case errors.Is(err, store.ErrDiskFull):
		p = problem{exitStore, "store", p.message, model.Say("hint.disk-full"), "disk-full"}
	case errors.Is(err, store.ErrSealed):
		p = problem{exitStore, "store", p.message, wayOut(err), "sealed"}
	case errors.Is(err, store.ErrCorrupt):
		p = problem{exitStore, "store", p.message, wayOut(err), "damaged"}
	case errors.Is(err, model.ErrNotFound):
		list := "list"
		if errors.As(err, &missing) {
			list = cmp.Or(listedBy[missing.What], list)
		}
		p = problem{exitNotFound, "not-found", p.message, model.Say("hint.listed", "verb", list), "not-found"}
	case errors.Is(err, context.Canceled):
		p = problem{exitStopped, "stopped", model.Say("error.stopped"), model.Say("hint.stopped"), "stopped"}
	}
	return p
}

// wayOut is what to do about an error of the store that names nothing itself.
func wayOut(err error) model.Text {
	var open *store.OpenError
	switch {
	case errors.As(err, &open) && open.Hint != "": // said with the error
		return ""
	case errors.Is(err, store.ErrSealed):
		return model.Say("hint.unseal")
	case errors.Is(err, store.ErrCorrupt):
		return model.Say("hint.restore")
	}
	return ""
}

func exitCode(err error) int { return describe(err).exit }

// longest is how many characters of an error are told.
const longest = 2000

// printError tells an error on standard error, for people in the language of
// the session or as JSON in English. Text of other programs in it is escaped.
func printError(c *call, err error) {
	var f *failedError
	if errors.As(err, &f) && f.quiet {
		return
	}
	p := describe(err)
	words := c.words()
	if c.g.json {
		words = text.New("en")
	}
	say := func(t model.Text) string {
		said := []rune(words.Text(t))
		if len(said) > longest {
			return string(said[:longest]) + "..."
		}
		return string(said)
	}
	message, hint := say(p.message), say(p.hint)
	if c.g.json {
		type body struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
			Reason  string `json:"reason"`
		}
		out, jerr := encodeJSON(map[string]body{"error": {p.code, message, hint, p.reason}}, "")
		if jerr == nil {
			_, _ = c.Err.Write(out)
			return
		}
	}
	_, _ = fmt.Fprintln(c.Err, "certquay: "+message)
	if hint != "" {
		_, _ = fmt.Fprintln(c.Err, "  "+hint)
	}
}
