package cmd_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestContactsAreEditedInTheDashboard types into the real program: a contact in use is
// renamed and loses a channel, and a certificate gets another contact.
// finding: U6
// spec: Q7
func TestContactsAreEditedInTheDashboard(t *testing.T) {
	p := newPerson(t)
	p.must("contact", "add", "--name", "Jonas", "--email", "jonas@example.com", "--channel", "https://hooks.example.com/T0KEN")
	p.must("contact", "add", "--name", "Ops", "--email", "ops@example.com")
	id := p.issue("used.example.com").ID
	p.must("contact", "assign", id, "--to", "Jonas")
	s := p.open(80, 24)
	s.waitFor("used.example.com")
	s.typeKeys(":")
	s.waitFor("do it")
	s.typeKeys("contacts", enter)
	s.waitFor("jonas@example.com", "https://hooks.example.com")
	s.typeKeys(enter)
	s.waitFor("Edit Jonas")
	s.typeKeys(" Berg", "\t", "\t", "\t", typing["right"])
	s.waitFor("remove https://hooks.example.com")
	s.typeKeys(ctrlS)
	s.waitFor("saved Jonas Berg")
	s.typeKeys(esc)
	s.gone("saved Jonas Berg")
	s.typeKeys("c")
	s.waitFor("Contact of used.example.com", "Jonas Berg")
	s.typeKeys(typing["right"])
	s.waitFor("Ops <ops@example.com>")
	s.typeKeys(ctrlS)
	s.waitFor("changed the contact of used.example.com")
	s.quit()
	if out := p.must("contact", "show", "Jonas Berg", "--json"); !strings.Contains(out, `"channels": []`) {
		t.Errorf("it is %s", out)
	}
	if out := p.must("show", id, "--json"); !strings.Contains(out, `"contact": "Ops"`) {
		t.Errorf("it is %s", out)
	}
	p.must("contact", "remove", "Jonas Berg")
}

// TestAClosedTerminalKeepsAHalfFilledApplication takes the terminal away while somebody
// types into an application.
// finding: U20
// spec: A6
func TestAClosedTerminalKeepsAHalfFilledApplication(t *testing.T) {
	for _, attached := range []bool{false, true} {
		for _, closed := range []bool{false, true} {
			t.Run(fmt.Sprintf("attached %v, closed %v", attached, closed), func(t *testing.T) {
				t.Parallel()
				p := newPerson(t)
				p.must("buy")
				if attached {
					s := p.serve()
					defer s.kill()
				}
				w := p.window(t)
				w.waitFor("applies for it")
				w.press("a")
				w.waitFor("ctrl+d")
				w.press("half.example.com")
				w.waitFor("half.example.com")
				if closed {
					w.stopReading()
					_ = w.slave.Close()
					_ = w.master.Close()
				} else if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
				w.waitEnd()
				waitFor(t, "the draft", func() bool { return strings.Contains(p.must("list"), "half.example.com") })
			})
		}
	}
}
