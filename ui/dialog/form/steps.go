package form

import "strconv"

// goTo puts a field in use, in its step.
func (f *Form) goTo(i int) {
	f.focus, f.step = i, f.spec.Fields[i].Step
	if f.spec.Fields[i].Kind == Multiline && f.areas[i] == nil {
		f.resetEditor(i)
	}
}

// Fields returns the keys of the fields that can be reached, in their order over
// all steps, and which of them is in use.
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

// forward goes to the next field, in the next step if need be; back to the one
// before. They say whether there is one.
func (f *Form) forward() bool { return f.moveFocus(f.focus, 1) }

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

// moveStep goes to the first field of the next or former step; what is wrong in
// the step that is left is shown there, and keeps nobody.
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

// leave judges the field in use as one moves on; one that is still empty is
// not complained about before the form is sent.
func (f *Form) leave() {
	if *f.values[f.spec.Fields[f.focus].Key] != "" {
		f.check(f.focus)
	}
}

// check judges one field and remembers what is wrong with it.
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

// steps tells which steps have fields, and which of those have errors; in a step
// before the one in use also what is missing is one.
func (f *Form) steps() (has, wrong []bool) {
	has, wrong = make([]bool, len(f.spec.Steps)), make([]bool, len(f.spec.Steps))
	for i := range f.spec.Fields {
		if d := &f.spec.Fields[i]; f.applies(i) && d.Step < len(has) {
			has[d.Step] = true
			wrong[d.Step] = wrong[d.Step] || f.errors[d.Key] != "" || d.Step < f.step && f.previewErrors[d.Key] != ""
		}
	}
	return has, wrong
}

// stepValues are the values with the number of the step.
func (f *Form) stepValues() Values {
	v := f.Values()
	v[StepKey] = strconv.Itoa(f.step)
	return v
}
