package sshd_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/cmd/waittest"
	"certquay/model"
	"certquay/ui"
	"certquay/ui/kittest"
)

// payloads are 64 texts that a terminal obeys, or that hide or turn what stands around
// them. Each has a marker, and in place of %d the number of the marker.
var payloads = func() (all []string) {
	for n, p := range []string{
		"\x1b[%dm", "\x1b[%d;1H", "\x1b[%dA", "\x1b[%dB", "\x1b[%dC", "\x1b[%dD", "\x1b[%dJ", "\x1b[%dK", "\x1b[%dL", "\x1b[%dM",
		"\x1b[%dP", "\x1b[%d@", "\x1b[%dX", "\x1b[%dS", "\x1b[%dT", "\x1b[%d;9r", "\x1b[?%dh", "\x1b[?%dl", "\x1b[%dn", "\x1b[>%dc",
		"\x1b[%dt", "\x1b[%dq", "\x1b[%d\"p", "\x1b[201~%d", "\x1b]0;%d\x07", "\x1b]2;%d\x1b\\", "\x1b]8;;http://%d\x1b\\",
		"\x1b]52;c;%d\x07",
		"\x1b]4;%d;?\x07", "\x1b]10;#%06d\x07", "\x1b]9;%d\x07", "\x1b]777;notify;%d\x07", "\x1bP%dq#0\x1b\\", "\x1bP+q%d\x1b\\",
		"\x1b_G%d\x1b\\", "\x1b^%d\x1b\\", "\x1bX%d\x1b\\", "\x1bc%d", "\x1b7%d\x1b8", "\x1bD%d", "\x1bM%d", "\x1bE%d",
		"\x1bH%d", "\x1b(0%d",
		"\x1b#8%d", "\x1b=%d", "\x00%d", "\x07%d", "\x08%d\x08\x08", "\x0b%d", "\x0c%d", "\x0e%d\x0f", "\x7f%d", "\x1b%d",
		"\t%d", "\r%d", "\n%d",
		"\u009b%dm", "\u009d0;%d\u009c", "\u0090%d\u009c", "\u202e%d\u202c", "\u2066%d\u200b\u2069", "\u2028%d\u2029\u0085",
		"\xff\x9b%d\xc0\x9b",
	} {
		all = append(all, "m"+fmt.Sprintf(p, 7100+n)+"w")
	}
	return all
}()

// dashboards serves the dashboard of a fleet to everybody.
func dashboards(t *testing.T, b *kittest.World) *network {
	t.Helper()
	return dashboardsWithin(t, b, sshd.Limits{})
}

func dashboardsWithin(t *testing.T, b *kittest.World, limits sshd.Limits) *network {
	t.Helper()
	b.Start(t)
	return serve(t, func(ctx context.Context, s *session.Session, _ []string) int {
		who := model.Actor{Name: s.Actor.Name, Role: model.Owner, Via: "ssh"}
		return program.Run(ctx, s, ui.New(ui.Options{
			Backend: b.Engine.By(who), Actor: who, Ctx: ctx, Sealed: "file", Version: "test", Store: payloads[3], Support: payloads[4],
			Remote: true, Others: func() []ui.Other { return []ui.Other{{Name: payloads[1]}, {Name: payloads[2]}} },
		}))
	}, limits)
}

// walk looks at every screen in a terminal that is large enough for 64 rows, and returns
// what was sent to the terminal.
func walk(t *testing.T, n *network) string {
	t.Helper()
	s := granted(t, n.dial(t))
	if err := s.RequestPty("xterm-256color", 190, 400, nil); err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &safeBuffer{}
	s.Stdout, s.Stderr = out, out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	out.await(t, "Overview")
	rest := func() { // until nothing more is drawn; what comes later is looked at with the next screen
		for was := -1; was != len(out.String()); {
			was = len(out.String())
			waittest.Pause(50 * time.Millisecond)
		}
	}
	// Escape as a sequence of its own, since its byte and the next key can be read as one key,
	// and as often as a form over a list needs that was typed into.
	const esc = "\x1b[27u\x1b[27u\x1b[27u"
	for _, keys := range []string{
		"", "v", "v", "j", "\r", "l", "l", "l", esc, "2", "3", "\r", esc, "[", "4", "\r", esc, "5", "1", "!",
		esc, "x", esc, "?", esc,
		"$", esc, "C", esc, "I", esc, "/zz", esc, esc, ":notices\r", esc, ":contacts\r", esc,
		":companies\r", esc, ":users\r",
		esc, ":bank\r", "R", esc, "A", esc, "3M", esc, "1jjd", esc, "F", esc, ":keys and\r", esc,
		"i\x1b[200~" + payloads[0] + "\x1b[201~", esc, "y",
	} {
		if _, err := io.WriteString(in, keys); err != nil {
			t.Fatal(err)
		}
		rest()
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	for { // what is sent at the end counts as well
		_, _ = io.WriteString(in, esc+"q") // again, where a dialog came late
		select {
		case err := <-ended:
			if err != nil {
				t.Error("the dashboard does not end with q:", err)
			}
			return out.String()
		case <-time.After(time.Second):
		}
	}
}

// tokens splits what was sent to a terminal into sequences and the texts between them, with
// what was put on the clipboard, which is pasted into other terminals.
func tokens(sent string) (sequences map[string]bool, texts string) {
	sequences = map[string]bool{}
	var said strings.Builder
	var state byte
	for sent != "" {
		seq, width, size, next := ansi.DecodeSequence(sent, state, nil)
		state, sent = next, sent[size:]
		copied, isCopy := strings.CutPrefix(seq, "\x1b]52;c;")
		switch text, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(copied, "\a")); {
		case isCopy && err == nil:
			said.Write(text)
		case width > 0:
			said.WriteString(seq)
		default:
			sequences[seq] = true
		}
	}
	return sequences, said.String()
}

var (
	numbers = regexp.MustCompile(`[0-9]+`)
	marked  = regexp.MustCompile(`71[0-9][0-9]`)
	// drawing are the sequences that draw and move the cursor, of which a screen may need
	// any, a reverse index among them. Payloads of this kind have a marker, in the sequence or
	// right behind it.
	drawing = regexp.MustCompile("^\x1b(\\[[0-9;:]*[ABCDGHIJKLMPSTXZ@`bdmr]|M)$")
	indexed = regexp.MustCompile("\x1bM71[0-9][0-9]")
)

// Every field that comes from outside holds a payload, 64 in all, and a session of the
// dashboard sends no sequence that it does not send with harmless texts. spec: V9
func TestPayloadsInTheDashboardOverSSH(t *testing.T) {
	if len(payloads) != 64 {
		t.Fatalf("%d payloads", len(payloads))
	}
	fleet := func(text func(n int) string) *network {
		b := kittest.Fleet(78)
		b.Extend(64)
		b.SetTexts(text)
		n := dashboards(t, b)
		if err := b.Store.Update(t.Context(), func(tx model.Tx) error {
			return tx.Put(&model.User{ID: "01K9USER000000000000000001", Name: text(7), Role: model.Admin, Principals: []string{text(8)},
				Keys: []model.UserKey{{Fingerprint: "SHA256:x", Comment: text(9)}}})
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	harmless := map[string]bool{}
	for seq := range first(tokens(walk(t, fleet(func(n int) string { return fmt.Sprint("m", 7100+n%64, "w") })))) {
		harmless[numbers.ReplaceAllString(seq, "#")] = true
	}
	sent := walk(t, fleet(func(n int) string { return payloads[n%64] }))
	sequences, texts := tokens(sent)
	for seq := range sequences {
		if marked.MatchString(seq) || !drawing.MatchString(seq) && !harmless[numbers.ReplaceAllString(seq, "#")] {
			t.Errorf("%q reaches the terminal", seq)
		}
	}
	if leaked := indexed.FindString(sent); leaked != "" {
		t.Errorf("%q reaches the terminal", leaked)
	}
	for _, p := range payloads {
		if i := strings.Index(sent, p); i >= 0 {
			t.Errorf("%q reaches the terminal in %q", p, sent[max(0, i-200):min(len(sent), i+200)])
		}
	}
	for _, r := range texts {
		if !unicode.IsPrint(r) {
			t.Errorf("%q reaches the terminal", r)
		}
	}
	seen := 0
	for n := range payloads {
		if strings.Contains(texts, fmt.Sprint(7100+n)) {
			seen++
		}
	}
	if seen < 60 { // some are drawn in parts
		t.Errorf("only %d of the payloads were drawn", seen)
	}
	if len(harmless) < 10 {
		t.Errorf("only %d sequences", len(harmless))
	}
}

func first[A, B any](a A, _ B) A { return a }
