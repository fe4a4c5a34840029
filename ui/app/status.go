package app

import (
	"strconv"
	"strings"

	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// StatusBy is [Context.Status] in a list with an order. In a list sorted by state the
// state comes first, so that the order is visible.
func (c *Context) StatusBy(r *model.InstanceRow, n int, by model.Sort) (glyph, word string, tone style.Tone) {
	label, state := r.Status(c.Now), string(r.State)
	if by != model.SortState || label == state {
		return c.Status(r, n)
	}
	st := style.StatusOf(label)
	word = c.Text.Lookup("label."+state, state)
	if more := c.T("list.join") + c.Text.Lookup("label."+label, label); widget.Width(word)+widget.Width(more) <= n {
		word += more
	}
	return st.Glyph, word, st.Tone
}

// Status returns glyph, words and tone of a row: its label, and its running operation
// (spec S1, S2) if n cells have room for both.
func (c *Context) Status(r *model.InstanceRow, n int) (glyph, word string, tone style.Tone) {
	label := r.Status(c.Now)
	st := style.StatusOf(label)
	word = c.Text.Lookup("label."+label, label)
	if label == string(model.Replaced) && r.ReplacedBy != "" {
		id := r.ReplacedBy.Short()
		for _, tail := range []string{id, id[max(len(id)-model.MinTail, 0):]} { // either one can be typed
			if by := c.T("label.replaced.by", tail); widget.Width(by) <= n {
				word = by
				break
			}
		}
	}
	doing := ""
	if r.Operation != "" {
		doing = c.Text.Lookup("doing."+string(r.Operation), string(r.Operation))
		if r.Attempt > 1 {
			doing += " " + strconv.Itoa(r.Attempt)
		}
	}
	for _, more := range c.extras(r, label, doing) {
		if widget.Width(word)+1+widget.Width(more) > n {
			break // a shorter but less important one must not replace it
		}
		word += " " + more
	}
	if doing != "" && st.Tone == style.Good { // a running operation matters more than a good state
		if g := style.StatusOf("deploying"); !strings.Contains(word, doing) {
			return g.Glyph, doing, g.Tone
		}
		return style.StatusOf("deploying").Glyph, word, style.Busy
	}
	return st.Glyph, word, st.Tone
}

func (c *Context) extras(r *model.InstanceRow, label, doing string) []string {
	var es []string
	if doing != "" && r.State.Group() == model.GroupIssued {
		es = append(es, doing)
	}
	if r.Has(model.Hosted, c.Now) && label != string(model.Hosted) {
		es = append(es, c.T("label.hosted"))
	}
	if r.Auto > 0 && r.Has(model.AutoDeploy, c.Now) && label != string(model.AutoDeploy) {
		es = append(es, c.T("label.auto"))
	}
	return es
}
