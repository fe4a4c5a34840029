package app

import (
	"strconv"
	"strings"

	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// StatusBy is [Context.Status] in a list with an order. In a list sorted by state the
// state follows, if there is room, so that the order can be seen.
func (c *Context) StatusBy(r *model.InstanceRow, n int, by model.Sort) (glyph, word string, tone style.Tone) {
	glyph, word, tone = c.Status(r, n)
	state := string(r.State)
	if by == model.SortState && r.Status(c.Now) != state {
		if more := c.T("list.join") + c.Text.Lookup("label."+state, state); widget.Width(word)+widget.Width(more) <= n {
			word += more
		}
	}
	return glyph, word, tone
}

// Status returns glyph, words and tone of a row: what is the matter with it, its running
// operation, and whether it is hosted and deployed automatically (spec S1, S2), in this
// order, of which the least important are left out where n cells have no room for all.
func (c *Context) Status(r *model.InstanceRow, n int) (glyph, word string, tone style.Tone) {
	label := r.Status(c.Now)
	st, doing := style.StatusOf(label), c.doing(r)
	words := c.extras(r, doing)
	if label != string(model.Hosted) && label != string(model.AutoDeploy) {
		words = append([]string{c.labelOf(r, label, n)}, words...)
	}
	if len(words) == 0 {
		words = []string{c.Text.Lookup("label."+label, label)}
	}
	word = words[0]
	for _, more := range words[1:] {
		if widget.Width(word)+1+widget.Width(more) > n {
			break // a shorter but less important one must not replace it
		}
		word += " " + more
	}
	if doing != "" && st.Tone == style.Good { // a running operation matters more than a good state
		busy := style.StatusOf("deploying")
		if !strings.Contains(word, doing) {
			return busy.Glyph, doing, busy.Tone
		}
		return busy.Glyph, word, style.Busy
	}
	return st.Glyph, word, st.Tone
}

// labelOf is the word of a label. What is replaced says by which instance, as far as n
// cells have room for its ID or the end of that, either of which can be typed.
func (c *Context) labelOf(r *model.InstanceRow, label string, n int) string {
	if label == string(model.Replaced) && r.ReplacedBy != "" {
		id := r.ReplacedBy.Short()
		for _, tail := range []string{id, id[max(len(id)-model.MinTail, 0):]} {
			if by := c.T("label.replaced.by", tail); widget.Width(by) <= n {
				return by
			}
		}
	}
	return c.Text.Lookup("label."+label, label)
}

// doing is what is under way, with the attempt if it is not the first; "" for nothing.
func (c *Context) doing(r *model.InstanceRow) string {
	if r.Operation == "" {
		return ""
	}
	doing := c.Text.Lookup("doing."+string(r.Operation), string(r.Operation))
	if r.Attempt > 1 {
		doing += " " + strconv.Itoa(r.Attempt)
	}
	return doing
}

func (c *Context) extras(r *model.InstanceRow, doing string) (words []string) {
	if doing != "" && r.State.Group() == model.GroupIssued {
		words = append(words, doing)
	}
	if r.Has(model.Hosted, c.Now) {
		words = append(words, c.T("label.hosted"))
	}
	if r.Auto > 0 && r.Has(model.AutoDeploy, c.Now) {
		words = append(words, c.T("label.auto"))
	}
	return words
}
