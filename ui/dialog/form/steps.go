package form

import "strconv"

// goTo focuses a field and shows its step.
func (f *Form) goTo(i int) {
	f.focus, f.step = i, f.spec.Fields[i].Step
	if f.spec.Fields[i].Kind == Multiline && f.areas[i] == nil {
		f.resetEditor(i)
	}
}

// Fields returns the keys of the fields that can be focused, in order over all steps,
// and the index of the focused one.
func (f *Form) Fields() (keys []string, at int) {
	for i := range f.spec.Fields {
		if !f.applies(i) {
			continue
		}
		if i == f.focus {
			at = len(keys)
		}
		keys = append(keys, f.spec.Fields[i].Key)
	}
	return keys, at
}

// forward focuses the next field, possibly in the next step, and reports whether there
// is one.
func (f *Form) forward() bool { return f.moveFocus(f.focus, 1) }

// back focuses the field before, and reports whether there is one.
func (f *Form) back() bool { return f.moveFocus(f.focus, -1) }

func (f *Form) moveFocus(from, by int) bool {
	for i := from + by; i >= 0 && i < len(f.spec.Fields); i += by {
		if f.applies(i) {
			f.goTo(i)
			return true
		}
	}
	return false
}

// moveStep focuses the first field of the next or previous step. Errors in the current
// step are shown but do not hold the person back.
func (f *Form) moveStep(by int) {
	for s := f.step + by; s >= 0 && s < len(f.spec.Steps); s += by {
		for i := range f.spec.Fields {
			if f.spec.Fields[i].Step == s && f.applies(i) {
				f.leave()
				f.goTo(i)
				return
			}
		}
	}
}

// leave validates the focused field unless it is empty: a missing value is only an
// error once the form is sent.
func (f *Form) leave() {
	if *f.values[f.spec.Fields[f.focus].Key] != "" {
		f.check(f.focus)
	}
}

// check validates a field, stores its error, and reports whether it is valid.
func (f *Form) check(i int) bool {
	d := &f.spec.Fields[i]
	delete(f.errors, d.Key)
	if d.Valid != nil && f.applies(i) {
		if e := d.Valid(*f.values[d.Key], f.Values()); e != "" {
			f.errors[d.Key] = e
			return false
		}
	}
	return true
}

// steps reports which steps have fields and which have errors. Missing values count as
// errors in steps before the current one, and in all once the form could not be sent.
func (f *Form) steps() (has, wrong []bool) {
	has, wrong = make([]bool, len(f.spec.Steps)), make([]bool, len(f.spec.Steps))
	for i := range f.spec.Fields {
		if d := &f.spec.Fields[i]; f.applies(i) && d.Step < len(has) {
			has[d.Step] = true
			wrong[d.Step] = wrong[d.Step] || f.errors[d.Key] != "" || (f.submitted || d.Step < f.step) && f.previewErrors[d.Key] != ""
		}
	}
	return has, wrong
}

// stepValues returns the values with the number of the current step.
func (f *Form) stepValues() Values {
	v := f.Values()
	v[StepKey] = strconv.Itoa(f.step)
	return v
}

// isValid reports whether all fields are valid now, whether or not their errors are
// shown.
func (f *Form) isValid() bool {
	values := f.Values()
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		if f.applies(i) && (f.errorOf(i) != "" || d.Valid != nil && d.Valid(*f.values[d.Key], values) != "") {
			return false
		}
	}
	return true
}
