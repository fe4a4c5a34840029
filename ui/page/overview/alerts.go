package overview

import (
	"slices"
	"strings"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// at names where a resource is.
func at(r *lifecycle.ResourceView) string {
	return text.Clean(r.Product + " " + r.Region + " " + r.Name)
}

// alert is the most important thing to know about the certificate now.
func (d *details) alert(r *model.InstanceRow) (string, style.Tone) {
	c, i := d.c, &d.instance
	var failing *lifecycle.ResourceView
	if n := slices.IndexFunc(d.resources, func(r lifecycle.ResourceView) bool { return r.Failure.Kind != "" }); n >= 0 {
		failing = &d.resources[n]
	}
	switch {
	case i.AwaitsReview():
		return c.Mark("◔") + c.T("news.review", c.KeyOf(rules.Review)), style.Busy
	case i.Operation.Active() && i.Operation.WaitFor != "":
		return c.Mark("◔") + c.T("news.waiting", c.Text.Text(i.Operation.WaitFor)), style.Busy
	case i.Operation.Active() && i.Operation.Error != "":
		return c.Mark(
			"▲",
		) + c.T(
			"news.retry", c.Text.Lookup("doing."+string(i.Operation.Kind), string(i.Operation.Kind)),
			i.Operation.Attempt, c.Text.Text(i.Operation.Error),
		), style.Warn
	case i.Failure.Kind != "":
		return c.Mark(
			"✕",
		) + c.T(
			"news.failed", c.Text.Term("action", string(i.Failure.Kind)), widget.Ago(c.T, i.Failure.At, c.Now),
			c.Text.Text(i.Failure.Message),
		), style.Bad
	case len(d.tasks) > 0 && d.tasks[0].Kind == model.TaskReplace:
		return c.Mark("✕") + c.Text.Text(d.tasks[0].Text), style.Bad
	case failing != nil && !failing.Operation.Next.IsZero() && !failing.Operation.Aside():
		return c.Mark(
			"✕",
		) + c.T(
			"news.failing.again", at(failing), widget.Ago(c.T, c.Now, failing.Operation.Next),
			c.Text.Text(failing.Failure.Message),
		), style.Bad
	case failing != nil:
		return c.Mark(
			"✕",
		) + c.T(
			"news.failing", at(failing), widget.Ago(c.T, failing.Failure.At, c.Now),
			c.Text.Text(failing.Failure.Message),
		), style.Bad
	case i.Operation.Active():
		return c.Mark(
			"◔",
		) + c.T(
			"news.doing", c.Text.Lookup("doing."+string(i.Operation.Kind), string(i.Operation.Kind)),
			widget.Ago(c.T, i.Operation.Since, c.Now),
		), style.Busy
	case i.Reason != "":
		return c.T("news.reason", c.Text.Text(i.Reason)), style.Warn
	}
	if n, t := next(c, r); n != "" {
		return n, t
	}
	return c.T("news.none", c.KeyFor("explain", "x")), style.Muted
}

// wrapTwo wraps a text into at most two lines of w cells; the second is cut.
func wrapTwo(text string, w int) []string {
	lines := widget.Wrap(text, w)
	if len(lines) > 2 {
		lines = []string{lines[0], widget.Cut(strings.Join(lines[1:], " "), w)}
	}
	return lines
}
