package out

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/charmbracelet/x/ansi"

	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
	"certquay/model/where"
	"certquay/store"
	"certquay/store/engine"
	"certquay/ui/text"
)

// Exit codes of every verb.
const (
	ExitOK       = 0
	ExitFailed   = 1
	ExitUsage    = 2
	ExitRefused  = 3
	ExitNotFound = 4
	ExitStore    = 5
	ExitStopped  = 130 // the user stopped waiting; the work continues
)

// FailedError reports that the work failed (exit 1).
type FailedError struct{ What, Hint model.Text }

func (f *FailedError) Error() string { return f.What.String() }

// AsText returns what failed.
func (f *FailedError) AsText() model.Text { return f.What }

// Failed returns a FailedError with the message of a code. The message of the
// code with ".hint", if the catalogue has one, says what to do.
func Failed(code string, args ...any) *FailedError {
	return &FailedError{What: model.Say(code, args...), Hint: model.Say(code+".hint", args...)}
}

// UsageError reports a wrong command line or configuration (exit 2).
type UsageError struct{ What, Hint model.Text }

func (u *UsageError) Error() string { return u.What.String() }

// AsText returns what is wrong.
func (u *UsageError) AsText() model.Text { return u.What }

// Usage returns a UsageError with the message of a code. The message of the code
// with ".hint", if the catalogue has one, says what to do.
func Usage(code string, args ...any) *UsageError {
	return &UsageError{What: model.Say(code, args...), Hint: model.Say(code+".hint", args...)}
}

// StoreError reports that the store cannot be opened or written (exit 5). Without a
// Hint the advice depends on the cause.
type StoreError struct {
	Err  error
	Hint model.Text
}

func (s *StoreError) Error() string { return s.Err.Error() }
func (s *StoreError) Unwrap() error { return s.Err }

// AsText returns the message of the cause.
func (s *StoreError) AsText() model.Text { return model.TextOf(s.Err) }

// ExitError is an exit code whose reason has already been printed.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// Problem is the printed form of an error: exit code, code and reason for programs,
// message and hint for users.
type Problem struct {
	Exit          int
	Code          string
	Message, Hint model.Text
	Reason        string
}

// listedBy maps a kind of record to the verb that lists it.
var listedBy = map[string]string{
	"contact": "contact list", "company": "company list", "watch": "watch list",
	"view": "view list", "resource": "resources", "product": "product list", "task": "tasks",
	"issuer": "issuer list", "dns": "dns list", "user": "user list", "principal": "user list", "session": "sessions",
	"finding": "discover --last", "provider": "dns providers",
}

// usageReasons are the refusals that depend on the arguments alone, so they are usage
// errors.
var usageReasons = []rules.Reason{
	rules.ReasonQuantity, rules.ReasonYears, rules.ReasonPackQuantity, rules.ReasonRegion, rules.ReasonNoRegion,
}

// ProblemOf returns the printed form of an error. Unknown errors are failures (exit 1).
func ProblemOf(err error) Problem {
	p := Problem{Exit: ExitFailed, Code: "failed", Message: model.TextOf(err)}
	var (
		refusal   *rules.Refusal
		invalid   *rules.Invalid
		wrong     *setting.Error
		missing   *rules.NotFound
		unkept    *lifecycle.UncommittedError
		query     *where.Error
		ambiguous *rules.Ambiguous
		usage     *UsageError
		failed    *FailedError
		broken    *StoreError
		owned     *owner.OwnedError
		exit      *ExitError
		away      *engine.AwayError
	)
	switch {
	case errors.As(err, &exit):
		p.Exit = exit.Code
	case errors.As(err, &refusal):
		p = Problem{ExitRefused, "refused", refusal.AsText(), text.WayOut(refusal, nil), string(refusal.Reason)}
		switch {
		case slices.Contains(usageReasons, refusal.Reason):
			p.Exit, p.Code = ExitUsage, "invalid"
		case refusal.Reason == rules.ReasonSecondPerson: // it will be done
		case refusal.State != "" && refusal.Reason != rules.ReasonReadOnly: // which no state would change
			p.Message = model.Say("error.refused-in-state", "action", refusal.Action, "state", refusal.State, "why", p.Message)
		default:
			p.Message = model.Say("error.refused", "action", refusal.Action, "why", p.Message)
		}
	case errors.As(err, &invalid):
		p = Problem{ExitUsage, "invalid", invalid.AsText(), "", invalid.Field}
		if invalid.Example != "" {
			p.Hint = model.Say("hint.example", "example", invalid.Example)
		}
		if invalid.Rule != "" {
			p.Exit, p.Code, p.Reason = ExitRefused, "refused", invalid.Rule
		}
	case errors.As(err, &wrong):
		p = Problem{ExitUsage, "invalid", wrong.AsText(), "", wrong.Setting}
	case errors.As(err, &ambiguous):
		p = Problem{ExitUsage, "ambiguous", ambiguous.AsText(), model.Say("hint.longer-id"), "ambiguous"}
	case errors.As(err, &query):
		p = Problem{ExitUsage, "usage", p.Message, model.Say("hint.query"), "query"}
	case errors.As(err, &usage):
		p = Problem{ExitUsage, "usage", usage.What, usage.Hint, "usage"}
	case errors.As(err, &failed):
		p.Hint = failed.Hint
	case errors.As(err, &broken):
		p = Problem{ExitStore, "store", p.Message, broken.Hint, "store"}
		if broken.Hint == "" {
			p.Hint = storeAdvice(err)
		}
	case errors.As(err, &owned):
		p = Problem{ExitStore, "store", p.Message, model.Say("hint.owned"), "owned"}
	case errors.As(err, &unkept):
		p = Problem{ExitStore, "store", p.Message, model.Say("hint.unkept"), "unkept"}
	case errors.As(err, &away):
		p = Problem{ExitStore, "store", away.AsText(), "", "away"}
	case errors.Is(err, store.ErrDiskFull):
		p = Problem{ExitStore, "store", p.Message, model.Say("hint.disk-full"), "disk-full"}
	case errors.Is(err, store.ErrSealed):
		p = Problem{ExitStore, "store", p.Message, storeAdvice(err), "sealed"}
	case errors.Is(err, store.ErrCorrupt):
		p = Problem{ExitStore, "store", p.Message, storeAdvice(err), "damaged"}
	case errors.Is(err, model.ErrNotFound):
		list := "list"
		if errors.As(err, &missing) {
			list = cmp.Or(listedBy[missing.What], list)
		}
		p = Problem{ExitNotFound, "not-found", p.Message, model.Say("hint.listed", "verb", list), "not-found"}
	case errors.Is(err, session.ErrStopped):
		p = Problem{ExitStopped, "stopped", model.Say("error.stopped-before"), "", "stopped"}
	case errors.Is(err, context.Canceled):
		p = Problem{ExitStopped, "stopped", model.Say("error.stopped"), model.Say("hint.stopped"), "stopped"}
	}
	return p
}

// storeAdvice returns the advice for an error of the store that contains none.
func storeAdvice(err error) model.Text {
	var open *store.OpenError
	switch {
	case errors.As(err, &open) && open.Hint != "": // already part of the message
		return ""
	case errors.Is(err, store.ErrSealed):
		return model.Say("hint.unseal")
	case errors.Is(err, store.ErrCorrupt):
		return model.Say("hint.restore")
	}
	return ""
}

// ExitCode returns the exit code of an error.
func ExitCode(err error) int { return ProblemOf(err).Exit }

// maxMessage is the maximum length of a printed message, in characters.
const maxMessage = 2000

// ErrorBody is an error in JSON, in English.
type ErrorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	Reason  string `json:"reason"`
}

// NewErrorBody returns the JSON form of an error, or nil for nil.
func NewErrorBody(err error) *ErrorBody {
	if err == nil {
		return nil
	}
	p, words := ProblemOf(err), text.New("en")
	return &ErrorBody{p.Code, shorten(words.Text(p.Message)), shorten(words.Text(p.Hint)), p.Reason}
}

// shorten cuts a message at [maxMessage].
func shorten(s string) string {
	if said := []rune(s); len(said) > maxMessage {
		return string(said[:maxMessage]) + "..."
	}
	return s
}

// PrintError prints an error on standard error: in the language of the session, or as
// JSON in English. Untrusted text in it is escaped. An [ExitError] has already been
// printed.
func (c *Console) PrintError(err error) {
	if errors.As(err, new(*ExitError)) {
		return
	}
	if c.JSON && !c.CSV {
		if b, jerr := EncodeJSON(map[string]*ErrorBody{"error": NewErrorBody(err)}, ""); jerr == nil {
			_, _ = c.Err.Write(b)
			return
		}
	}
	p := ProblemOf(err)
	c.printMessage(p.Message)
	var query *where.Error
	if errors.As(err, &query) {
		escaped := func(s string) string { return session.Escape(s, maxMessage) }
		for _, line := range query.Pointer(func(s string) int { return ansi.StringWidth(escaped(s)) }) {
			_, _ = fmt.Fprintln(c.Err, "    "+escaped(line))
		}
	}
	c.printHint(p.Hint, map[string]bool{"": true})
}

// PrintProblem prints a message and its hint on standard error. A hint that was given
// before, as said says, is not repeated.
func (c *Console) PrintProblem(message, hint model.Text, said map[string]bool) {
	c.printMessage(message)
	c.printHint(hint, said)
}

func (c *Console) printMessage(message model.Text) {
	_, _ = fmt.Fprintln(c.Err, "certquay: "+shorten(c.Words().Text(message)))
}

func (c *Console) printHint(hint model.Text, said map[string]bool) {
	if h := shorten(c.Words().Text(hint)); !said[h] {
		said[h] = true
		_, _ = fmt.Fprintln(c.Err, "  "+h)
	}
}

// NothingBegun returns the error of a verb that was stopped, by the end of its context,
// before anything had begun.
func NothingBegun(cause error) error { return errors.Join(session.ErrStopped, cause) }
