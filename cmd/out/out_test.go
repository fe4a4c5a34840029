package out

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/store"
)

func console(lang string) (c *Console, said, errs *bytes.Buffer) {
	said, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return &Console{Session: &session.Session{Out: said, Err: errs, Lang: lang}}, said, errs
}

// Exit codes and codes of errors are fixed: scripts go by them.
// spec: 9
func TestProblemsKeepTheirCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err          error
		exit         int
		code, reason string
	}{
		{errors.New("x"), 1, "failed", ""},
		{Failed("failed.verify"), 1, "failed", ""},
		{&ExitError{Code: 7}, 7, "failed", ""},
		{Usage("usage.path"), 2, "usage", "usage"},
		{&rules.Invalid{Field: "csr"}, 2, "invalid", "csr"},
		{&rules.Invalid{Field: "csr", Rule: "A3"}, 3, "refused", "A3"},
		{&rules.Ambiguous{}, 2, "ambiguous", "ambiguous"},
		{&rules.Refusal{Reason: rules.ReasonRole}, 3, "refused", string(rules.ReasonRole)},
		{&rules.Refusal{Reason: rules.ReasonQuantity}, 2, "invalid", string(rules.ReasonQuantity)},
		{model.ErrNotFound, 4, "not-found", "not-found"},
		{&StoreError{Err: store.ErrClosed}, 5, "store", "store"},
		{&owner.OwnedError{}, 5, "store", "owned"},
		{&lifecycle.UncommittedError{Err: errors.New("x")}, 5, "store", "unkept"},
		{store.ErrDiskFull, 5, "store", "disk-full"},
		{store.ErrSealed, 5, "store", "sealed"},
		{store.ErrCorrupt, 5, "store", "damaged"},
		{context.Canceled, 130, "stopped", "stopped"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("in between: %w", c.err)} {
			if p := ProblemOf(err); p.Exit != c.exit || p.Code != c.code || p.Reason != c.reason {
				t.Errorf("%v: %d %s %s, want %d %s %s", err, p.Exit, p.Code, p.Reason, c.exit, c.code, c.reason)
			}
		}
	}
}

// An error is reported once, in the language of the session or in English JSON,
// and what has been told already is not told again.
// spec: 9 V5
func TestErrorsAreReported(t *testing.T) {
	t.Parallel()
	c, said, errs := console("zh")
	c.PrintError(&ExitError{Code: 1})
	if errs.Len() > 0 {
		t.Errorf("told again: %s", errs)
	}
	c.PrintError(Usage("usage.unconfirmed"))
	chinese := errs.String()
	errs.Reset()
	c.JSON = true
	c.PrintError(Usage("usage.unconfirmed"))
	var told map[string]map[string]string
	if err := json.Unmarshal(errs.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	e := told["error"]
	if len(e) != 4 || e["code"] != "usage" || e["reason"] != "usage" || e["message"] == "" || e["hint"] == "" {
		t.Errorf("%v", told)
	}
	if strings.Contains(chinese, e["message"]) || !strings.HasPrefix(chinese, "certquay: ") {
		t.Errorf("%q and %q", chinese, e["message"])
	}
	if said.Len() > 0 {
		t.Errorf("on standard output: %s", said)
	}
}

// JSON holds nothing that a terminal obeys, and reads back as it was.
func TestJSONHidesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a\u202eb", "\x1b[31m", "\u200b", "\U000e0041", "plain 中 é <&>"} {
		b, err := EncodeJSON(s, "")
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%q is %s, which reads as %q (%v)", s, b, back, err)
		}
		if got := session.Escape(strings.TrimSuffix(string(b), "\n"), 100); strings.ReplaceAll(got, `\\`, `\`)+"\n" != string(b) {
			t.Errorf("%q is %q", s, b)
		}
	}
}

// Columns line up, wide characters too, and what cannot be seen is shown.
func TestTablesLineUp(t *testing.T) {
	t.Parallel()
	c, said, _ := console("en")
	c.Table([]string{"NAME", "X"}, [][]string{{"中文", "1"}, {"a\x1b", "2"}, {"long name", "3"}})
	want := "NAME       X\n中文       1\na\\x1b      2\nlong name  3\n"
	if said.String() != want {
		t.Errorf("got\n%swant\n%s", said, want)
	}
}

// What a server said is shown once escaped, in tables and properties as in messages.
func TestWhatAServerSaidIsEscapedOnce(t *testing.T) {
	t.Parallel()
	c, b, _ := console("en")
	said := (&runner.ExitError{Command: "nginx", Status: 1, Said: "unexpected \"\\\" in a:3\nb\tfailed"}).AsText()
	cell := c.Words().Text(said)
	c.Table([]string{"ADOPT"}, [][]string{{cell}})
	c.Fields([][2]string{{"adopt", cell}})
	if want := "ADOPT\n" + cell + "\n" + Pad("adopt", 14) + " " + cell + "\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if !strings.HasSuffix(cell, `unexpected "\" in a:3; b\tfailed`) {
		t.Error(cell)
	}
	if got := Cell("\\x1b\x1b中文", 5); got != `\x1b\x1b...` {
		t.Error(got)
	}
}
