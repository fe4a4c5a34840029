package text

// englishPlain are the texts for screen readers, which stand where others see
// glyphs, frames and pictures.
var englishPlain = map[string]string{
	"plain.tab": "certquay, tab %d of %d: %s", "plain.keys": "keys: %s", "plain.filter": "filter: %s",
	"plain.row": "row %d of %d: %s", "plain.line": "line %d of %d: %s", "plain.pane": "pane %d of %d: %s",
	"plain.product": "product %d of %d: %s", "plain.status": "%s, status: %s", "plain.week": "week of %s: %d", "plain.none": "nothing",
	"plain.order.false": "%s, ascending", "plain.order.true": "%s, descending",
	"plain.on": "on", "plain.off": "off", "plain.chosen": "chosen", "plain.other": "not chosen", "plain.selected": "selected", "plain.marked": "marked",
	"plain.same": "as intended", "plain.differs": "not as intended", "plain.sideways": "left right", "plain.to": "to",
	"plain.under": "%s under %s", "plain.useless": "%s, as intended but expired",
	"plain.in.days": "in %d days", "plain.in.days.one": "in 1 day", "plain.in.hours": "in %d hours", "plain.in.hours.one": "in 1 hour",
	"plain.ago.days": "%d days ago", "plain.ago.days.one": "1 day ago", "plain.ago.hours": "%d hours ago", "plain.ago.hours.one": "1 hour ago",
	"plain.step": "step %d of %d: %s", "plain.error": "error: %s", "plain.warning": "warning: %s", "plain.hint": "hint: %s",
	"plain.choice": "%s, choice %s of %s", "plain.empty": "empty; %s", "plain.inuse": "in use:",
}
