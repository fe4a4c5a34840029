// Package form is a dialog with fields, one line each, with the hint of the focused
// field and every error under its field.
package form

import (
	"cmp"
	"context"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Values are the values of a form by field key.
type Values = map[string]string

// Kind is the way a field is filled in.
type Kind int

// Kinds of fields.
const (
	Input     Kind = iota // one line of text
	Select                // one of the options, with the arrow keys
	Search                // one of many, found by typing; "" for none. It is not kept
	Multiline             // text of many lines; secrets in it are masked
	Static                // the text of Render; it cannot be edited, but possibly removed
	Hidden                // a value that is never shown
)

// maxMultiline is the default MaxBytes of a Multiline field: an import of 1 MB, with
// room for blanks that a terminal adds.
const maxMultiline = 1_100_000

// Option is one option of a Select or Search field.
type Option struct{ Value, Label string }

// Field describes one field. Its functions get the current values and must be quick and
// pure.
type Field struct {
	Key, Label  string
	Kind        Kind
	Initial     string
	Placeholder string
	Masked      bool                // the value of an Input field is a secret: it is not shown or kept
	Hint        func(Values) string // shown while the field is focused
	Options     func(Values) []Option
	Valid       func(value string, all Values) string // an error message, or ""
	Show        func(Values) bool                     // nil means always
	Step        int                                   // an index of Spec.Steps
	Warn        func(Values) string                   // a warning under the field, focused or not
	Render      func(Values) string                   // the text of a Static field; the summary of a Multiline field
	MaxBytes    int                                   // limit of a Multiline field; 0 means maxMultiline
	// Search finds the options of a Search field, in a command; FirstResults are
	// offered before anything is typed. The Placeholder means none.
	Search       func(typed string) func() SearchResult
	FirstResults SearchResult
	// OnSelect returns values that follow from an option of a Select field.
	OnSelect func(Values) Values
	// Enter returns the work that enter starts in a field that is not empty; the field
	// keeps the focus. Remove returns the work that backspace starts in a Static field.
	Enter, Remove func(Values) func() Result
	// Complete returns the work that tab starts in a field that is not empty: its result
	// sets a longer value. If the value stays the same, the focus moves on.
	Complete func(Values) func() Result
}

// Result is the result of work that leaves the form open.
type Result struct {
	Set          Values // values that change
	Note         string // shown in the form
	Field, Error string // an error message and its field
	Forward      bool   // the focus moves on
}

// Command is a further key of a form, for work that leaves it open.
type Command struct {
	Key, Label string
	Show       func(Values) bool // nil means always; StepKey is among the values
	Run        func(Values) func() Result
	// Copy, in place of Run, returns what goes to the clipboard.
	Copy func(Values) app.CopyMsg
	// ClosesForm closes the form instead of doing work, and keeps its values: the
	// outcome is Cancelled with this key, and the form opens again in the same place.
	ClosesForm bool
}

// Preview is shown while a form is filled in: lines under the fields, and errors by
// field key.
type Preview struct {
	Lines   []Line
	Errors  Values
	Problem string
	// Then returns the preview that takes the place of this one, for what takes longer;
	// nil for none. It runs in a command.
	Then func() Preview
}

// Line is a line of a [Preview]. Good and Warn get a mark before the text.
type Line struct {
	Tone style.Tone
	Text string
}

// Lines returns lines in the normal tone.
func Lines(texts ...string) []Line {
	ls := make([]Line, len(texts))
	for n, t := range texts {
		ls[n].Text = t
	}
	return ls
}

// StepKey is the key of the current step's number among the values that previews and
// commands get.
const StepKey = "form step"

// Spec describes a form.
type Spec struct {
	ID     string // key under which unsent input is kept for the next opening; "" keeps nothing
	Title  string
	Danger rules.Severity
	Intro  []string // lines before the fields
	Fields []Field
	// LabelWidth is how many cells labels may take; 0 means 13.
	LabelWidth int
	Submit     string // label of sending the form
	// Steps are the names of the steps that group the fields; steps without visible
	// fields are skipped. Without steps all fields are on one page.
	Steps    []string
	Focus    string // the field focused at first; "" means the first one
	Commands []Command
	// Autosave returns the work that saves what was typed so far, outside this form. It
	// is done whenever another step is shown, and by [Form.Autosave].
	Autosave func(Values) func(context.Context) error
	// Preview returns the work that computes the preview. It runs in a command, again
	// after each change of a value.
	Preview func(Values) func() Preview
}

// Cancelled is the outcome of a form that was closed without being sent.
type Cancelled struct {
	Values Values
	Key    string // the key of the command that left it; "" for esc
}

// focusKey is the key of the focused field among the values kept by a command that
// closes the form.
const focusKey = "form at"

// Form is a dialog. Its outcome is Values, or Cancelled.
type Form struct {
	c               *app.Context
	spec            Spec
	values          map[string]*string
	inputs          map[int]*widget.Input // editors of Input fields
	areas           map[int]*widget.Area  // editor of the focused Multiline field
	errors          map[string]string
	focus           int
	step            int
	preview         Preview
	previewErrors   map[string]string // errors of the preview by field
	note            string            // the Note of the last command
	seq             int
	formError       string            // an error without a field
	lastOptions     map[string]string // options of Select fields, as last computed
	desired         map[string]string // what the person chose, to restore once it is offered again
	searches        map[int]*search   // state of Search fields
	completed       string            // the value that was completed last
	commandsRunning int               // running commands
	submitted       bool              // an attempt to send it has shown errors
	leaving         bool              // esc was pressed, and pressed again discards what was typed
	initial         Values            // the values when it was opened

	width, height int
}

var _ app.Dialog = (*Form)(nil)

// SetSize implements app.Dialog.
func (f *Form) SetSize(width, height int) { f.width, f.height = min(width-2, 84), height }

// previewedMsg delivers a preview; outdated ones are dropped. commandDoneMsg delivers
// the result of a command.
type (
	previewedMsg struct {
		form    *Form
		seq     int
		preview Preview
	}
	commandDoneMsg struct {
		form *Form
		Result
	}
)

// New returns a form with the input kept from last time, or the initial values.
func New(c *app.Context, spec Spec) *Form {
	f := &Form{
		c:           c,
		spec:        spec,
		values:      map[string]*string{},
		errors:      map[string]string{},
		lastOptions: map[string]string{},
		desired:     map[string]string{},
		inputs:      map[int]*widget.Input{},
		areas:       map[int]*widget.Area{},
		searches:    map[int]*search{},
	}
	kept := c.Drafts[spec.ID]
	for i := range spec.Fields {
		v := spec.Fields[i].Initial
		if k, ok := kept[spec.Fields[i].Key]; ok && spec.ID != "" && spec.Fields[i].isKept() {
			v = k
		}
		f.values[spec.Fields[i].Key] = &v
		f.desired[spec.Fields[i].Key] = v
	}
	f.focus = -1
	for i := range spec.Fields {
		f.resetEditor(i)
	}
	f.refreshOptions()
	f.initial = f.allValues()
	f.forward()
	if i := f.fieldFor(spec.Focus); spec.Focus != "" && i >= 0 {
		f.goTo(i)
	}
	if at, ok := kept[focusKey]; ok && spec.ID != "" {
		if i := f.fieldFor(at); i >= 0 {
			f.goTo(i)
		}
	}
	return f
}

// Restore sets the values that the form had when it was sent.
func (f *Form) Restore(v Values) *Form {
	f.set(v)
	return f
}

// set changes values that the person did not type.
func (f *Form) set(v Values) {
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		n, ok := v[d.Key]
		if !ok {
			continue
		}
		*f.values[d.Key], f.desired[d.Key] = n, n
		delete(f.errors, d.Key)
		delete(f.lastOptions, d.Key)
		f.resetEditor(i)
	}
	f.refreshOptions()
}

// WithError shows an error under a field, or above all fields if there is no such
// field: for an error of the backend.
func (f *Form) WithError(field, message string) *Form {
	if i := f.fieldFor(field); i >= 0 {
		f.errors[f.spec.Fields[i].Key] = message
		f.goTo(i)
		return f
	}
	f.formError = message
	return f
}

// labelWidth is the width of labels with the mark of the focused one, in cells.
func (f *Form) labelWidth() int { return cmp.Or(f.spec.LabelWidth, 13) + 2 }

// isKept reports whether input is kept for the next opening. Pasted text is not, as it
// may contain a private key.
func (d *Field) isKept() bool {
	return d.Kind != Multiline && d.Kind != Hidden && d.Kind != Search && !d.Masked
}

// drawn is a value of the field as it may be seen.
func (d *Field) drawn(value string) string {
	if d.Masked {
		return widget.Mask(value)
	}
	return text.Clean(value)
}

// fieldFor returns the index of the field that an error is about: the one with that
// key, or whose key begins with it and a blank, as "csr file" does for "csr"; -1 if
// there is none.
func (f *Form) fieldFor(field string) int {
	for i := range f.spec.Fields {
		if f.spec.Fields[i].Key == field && f.applies(i) {
			return i
		}
	}
	for i := range f.spec.Fields {
		if strings.HasPrefix(f.spec.Fields[i].Key, field+" ") && f.applies(i) {
			return i
		}
	}
	return -1
}

// allValues returns every value, of visible and hidden fields.
func (f *Form) allValues() Values {
	v := Values{}
	for k, p := range f.values {
		v[k] = *p
	}
	return v
}

// Values returns the values of the fields that are shown.
func (f *Form) Values() Values {
	v, shown := f.allValues(), Values{}
	for i := range f.spec.Fields {
		if d := &f.spec.Fields[i]; d.Show == nil || d.Show(v) {
			shown[d.Key] = v[d.Key]
		}
	}
	return shown
}

// applies reports whether a field can be filled in, in any step.
func (f *Form) applies(i int) bool {
	d := &f.spec.Fields[i]
	return d.Kind != Hidden && (d.Show == nil || d.Show(f.allValues()))
}

// isShown reports whether a field is in the current step.
func (f *Form) isShown(i int) bool { return f.spec.Fields[i].Step == f.step && f.applies(i) }

// refreshOptions updates the options of Select fields, which depend on other values, also
// of fields further down.
func (f *Form) refreshOptions() {
	for n := 0; n < len(f.spec.Fields) && f.refreshed(); n++ { // until nothing changes
	}
}

// refreshed updates the options once, and reports whether a field has others than before.
func (f *Form) refreshed() (changed bool) {
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		if d.Kind != Select {
			continue
		}
		options := d.Options(f.Values())
		key, held := "", false
		for _, o := range options {
			key += o.Value + "\x00"
			held = held || o.Value == f.desired[d.Key]
		}
		if len(options) == 0 || f.lastOptions[d.Key] == key {
			continue
		}
		f.lastOptions[d.Key], changed = key, true
		if *f.values[d.Key] = options[0].Value; held {
			*f.values[d.Key] = f.desired[d.Key]
		}
	}
	return changed
}
