package action

import (
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// seenLines say what each address of a resource presents to clients of each kind of key (spec
// P8).
func seenLines(c *app.Context, seen []model.SeenAt) []string {
	wide := 0
	for n := range seen {
		wide = max(wide, widget.Width(seen[n].Address))
	}
	lines := make([]string, len(seen))
	for n := range seen {
		s := &seen[n]
		lines[n] = widget.Pad(text.Clean(s.Address), wide) + "  " + widget.Pad(s.Algorithm, len("ecdsa")) + "  "
		if s.Error != "" {
			lines[n] += text.Clean(c.Text.Text(s.Error))
			continue
		}
		lines[n] += shortPrint(s.Fingerprint) + "  " + widget.Stamp(s.NotAfter) + c.T("comma") + widget.Days(c.T, s.NotAfter, c.Now)
	}
	return lines
}

// receiptLines tell the deployments of a resource, and what the newest one changed (spec
// P10).
func receiptLines(c *app.Context, all []model.Receipt) (lines []string) {
	for n := range all {
		r := &all[n]
		line := widget.Stamp(r.Began) + "  " +
			c.T("receipt.line", r.Version, shortPrint(r.Before), shortPrint(r.After), c.Text.Lookup("result."+r.Result, r.Result), r.Actor)
		switch {
		case r.Result != journal.ResultOK:
		case r.ReadBack:
			line += c.Separator() + c.T("resource.unseen")
		case r.Address != "":
			line += c.Separator() + c.T("receipt.handshake", r.Address)
		}
		if r.Waves > 1 {
			line += c.Separator() + c.T("receipt.wave", r.Wave, r.Waves)
		}
		lines = append(lines, text.Clean(line))
		if r.Reason != "" {
			lines = append(lines, "  "+text.Clean(c.Text.Text(r.Reason)))
		}
		if n > 0 {
			continue
		}
		for _, p := range r.Changes {
			lines = append(lines, "  "+text.Clean(c.Text.Text(lifecycle.ChangeText(p))))
		}
	}
	return lines
}
