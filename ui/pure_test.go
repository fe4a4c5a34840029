package ui

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestViewChangesNothing compares all that the root holds, its pages, dialogs
// and forms with their unexported fields, before and after it was drawn: every
// tab, dialog and kind of field, as it opens, after keys in it and after a
// change of size. spec: V2 V5
func TestViewChangesNothing(t *testing.T) {
	open := map[string]bool{}
	places := []struct {
		fleet func() *kittest.World
		keys  string // to it
		more  string // in it
	}{
		{keys: "", more: "j ctrl+d G space"},
		{keys: "v", more: "j l"},
		{keys: "/ s h", more: "o left"},
		{keys: "/ z z z z"},
		{keys: "/ s h o p enter enter", more: "j l l j G l"},
		{keys: "2", more: "j"},
		{keys: "3", more: "j ] ] [ [ ["},
		{keys: "4", more: "j / z"},
		{fleet: ahead, keys: "5", more: "j j enter j l j esc esc p W"},
		{keys: "?", more: "j G"},
		{keys: ":", more: "s a down"},
		{keys: "f", more: "j G space"},
		{keys: "!", more: "j G"},
		{keys: "C", more: "n j l pgdown N g"},
		{keys: ": k e y s space w h e r e enter", more: "j G"},
		{
			keys: "L",
			more: "j space + J",
		},
		{keys: "x", more: "j G"},
		{keys: "r", more: "G"},
		{keys: "ctrl+c", more: "left"},
		{keys: "$", more: "tab G tab"},
		{keys: "4 enter", more: "G"},
		{fleet: hostedFleet, keys: "2 enter", more: "G"},
		{keys: "3 [ enter"},
		{keys: "3 [ +", more: "x tab tab right"},
		{keys: "b", more: "up right tab tab tab right"},
		{keys: "i", more: "tab tab a b c"},
		{keys: "j j ctrl+k", more: "tab n o enter"},
		{fleet: ov, keys: "/ O V enter a",
			more: "tab tab tab tab tab e x a right pgdown right tab x pgdown right pgdown P N G enter up pgdown"},
	}
	for _, size := range []struct {
		w, h  int
		plain bool
	}{{80, 24, false}, {200, 60, false}, {80, 24, true}} {
		for _, p := range places {
			t.Run(fmt.Sprintf("%dx%d plain %v %s", size.w, size.h, size.plain, p.keys), func(t *testing.T) {
				if p.fleet == nil {
					p.fleet = func() *kittest.World { return kittest.Fleet(16) }
				}
				d := drive(t, p.fleet(), 10, 5, reviewer, func(o *Options) { o.Plain = size.plain })
				d.untouched("too small")
				d.send(tea.WindowSizeMsg{Width: size.w, Height: size.h})
				for _, k := range strings.Fields(p.keys) {
					d.keys(k)
				}
				for _, k := range strings.Fields("up " + p.more) {
					d.untouched("before " + k)
					d.keys(k)
					if top := d.m.top(); top != nil {
						open[fmt.Sprintf("%T", top)] = true
					}
				}
				d.untouched("after that")
				d.send(tea.WindowSizeMsg{Width: size.w - 20, Height: size.h / 2})
				d.untouched("another size")
			})
		}
	}
	if want := []string{
		"*action.TaskList",
		"*dialog.Calendar",
		"*dialog.Columns",
		"*dialog.Confirm",
		"*dialog.Costs",
		"*dialog.Help",
		"*dialog.KeyUses",
		"*dialog.Notice",
		"*dialog.Palette",
		"*dialog.Panel",
		"*form.Form",
	}; !slices.Equal(slices.Sorted(maps.Keys(open)), want) {
		t.Errorf("seen %v, want %v", slices.Sorted(maps.Keys(open)), want)
	}
}

// TestViewOnItsWayChangesNothing is the same while a key is held down, when
// what is under the cursor is not read.
func TestViewOnItsWayChangesNothing(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 200, 60, func(o *Options) { o.CursorDelay = time.Hour })
	for range 3 {
		d.m.update(press("j")) // its command would wait for the cursor to rest
		d.untouched("on its way")
	}
}

// untouched draws the screen and compares what the root holds before and after.
func (d *driver) untouched(when string) {
	d.t.Helper()
	before := dump(d.m)
	first := d.m.View().Content
	after := dump(d.m)
	for n := range min(len(before), len(after)) {
		if before[n] != after[n] {
			d.t.Fatalf("%s: View has changed\n%s\nto\n%s", when, before[n], after[n])
		}
	}
	if len(before) != len(after) {
		d.t.Fatalf("%s: View has changed %d lines to %d, the first further one %s", when, len(before), len(after),
			append(before, after...)[min(len(before), len(after))])
	}
	if d.m.View().Content != first {
		d.t.Fatalf("%s: drawn again it looks different", when)
	}
}

// dump writes all that a value holds, one line for each value with the way to
// it. What does not belong to the interface is left out: the backend, what is
// shared and never changes, and contexts.
func dump(v any) []string {
	left := map[reflect.Type]bool{}
	for _, t := range []any{(**lifecycle.Access)(nil), (*context.Context)(nil), (**rules.TransitionTable)(nil), (**text.Catalogue)(nil)} {
		left[reflect.TypeOf(t).Elem()] = true
	}
	var lines []string
	seen := map[[2]any]bool{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		put := func(value any) { lines = append(lines, fmt.Sprintf("%s = %v", path, value)) }
		if !v.IsValid() || left[v.Type()] {
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			at := [2]any{v.Pointer(), v.Type()}
			put(at)
			if !v.IsNil() && !seen[at] {
				seen[at] = true
				walk(path, v.Elem())
			}
		case reflect.Interface:
			if v.IsNil() {
				put("nil")
				return
			}
			walk(path+"("+v.Elem().Type().String()+")", v.Elem())
		case reflect.Struct:
			for n := range v.NumField() {
				walk(path+"."+v.Type().Field(n).Name, v.Field(n))
			}
		case reflect.Slice, reflect.Array:
			put(v.Len())
			for n := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, n), v.Index(n))
			}
		case reflect.Map:
			put(v.Len())
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			for _, k := range keys {
				walk(fmt.Sprintf("%s[%v]", path, k), v.MapIndex(k))
			}
		case reflect.Func, reflect.Chan, reflect.UnsafePointer:
			put(v.Pointer())
		default:
			put(v)
		}
	}
	walk("root", reflect.ValueOf(v))
	return lines
}
