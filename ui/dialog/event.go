package dialog

import (
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
)

// EventNotice shows an event of the activity log in full. begun is when the work that it
// ends had begun; zero where that is not known.
func EventNotice(c *app.Context, e *model.Event, begun time.Time) *Notice {
	var facts []Fact
	add := func(key, value string) {
		if value == "" {
			return
		}
		label := c.T(key)
		if strings.HasPrefix(key, "col.") { // column titles are in capitals
			label = strings.ToLower(label)
		}
		facts = append(facts, Fact{label, value})
	}
	add("col.when", e.At.UTC().Format("2006-01-02 15:04:05Z"))
	if !begun.IsZero() {
		add("event-box.begun", begun.UTC().Format("2006-01-02 15:04:05Z"))
	}
	add("col.who", e.Actor)
	add("col.via", c.Text.Term("via", e.Via))
	add("col.what", c.Text.Term("event", e.Action))
	add("col.certificate", c.Text.Subject(e))
	if e.From != e.To && e.To != "" {
		add("event-box.from", c.Text.Term("label", e.From))
		add("event-box.to", c.Text.Term("label", e.To))
	}
	add("col.why", c.Text.Lookup("why."+journal.CauseOf(e), e.Why))
	_, ended, _ := c.EventOutcome(e)
	add("col.result", ended)
	reason, detail := c.EventReason(e)
	add("event-box.reason", reason)
	add("col.detail", detail)
	add("event-box.id", string(e.Instance))
	add("receipt.id", string(e.Receipt))
	return &Notice{Context: c, Title: c.T("event-box.title", e.Seq), Tone: style.Accent, Sections: []Section{{Facts: facts}}}
}
