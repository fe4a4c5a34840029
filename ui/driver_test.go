package ui

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// driver types into the real root model and runs its commands, each with a
// deadline. The change feed is the only command that waits for others.
type driver struct {
	t       testing.TB
	m       *root
	b       *kittest.World
	out     chan tea.Msg
	flying  int
	drawn   uint64 // the last batch of the feed that was taken in
	copied  []string
	quit    bool
	seen    map[string]int // messages that came to the root, by type
	current bool           // nothing came since the screen was last drawn anew
	saved   map[string]bool
	options Options
}

func drive(t testing.TB, b *kittest.World, w, h int, change ...func(*Options)) *driver {
	d := &driver{t: t, b: b, out: make(chan tea.Msg, 1000), saved: map[string]bool{}, seen: map[string]int{}}
	d.options = Options{
		Actor: model.Actor{Name: "anna", Role: model.Operator, Via: "terminal"}, Ctx: t.Context(), Sealed: "file", Version: "test",
		Store:     "store",
		Connected: func() int { return 2 }, EdgeNote: text.New("en").T("edge.note"),
		Save: func(name string, _ []byte, secret bool) (string, error) {
			d.saved[name] = secret
			return "/home/" + name, nil
		},
		Read: func(path string) ([]byte, error) {
			if strings.Contains(path, "missing") {
				return nil, os.ErrNotExist
			}
			switch filepath.Ext(path) {
			case ".csr":
				return testCSR, nil
			case ".pem":
				return kittest.PEM(b.Clock, "imported.example.com"), nil
			case ".key": // of the one certificate that lacks it
				return kittest.KeyPEM(&b.Instances[0].Versions[0]), nil
			case ".png":
				return kittest.PNG(), nil
			}
			return []byte(filepath.Base(path)), nil
		},
	}
	for _, c := range change {
		c(&d.options)
	}
	b.By = func() model.Actor { return d.options.Actor }
	if d.options.Backend == nil {
		d.options.Backend = b.Start(t).Access
	}
	d.m = newRoot(d.options)
	d.m.coalesce, d.m.refreshEvery = time.Millisecond, 0
	d.run(d.m.Init())
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	return d
}

// run starts commands and waits until all but the feed have answered.
func (d *driver) run(cmd tea.Cmd) {
	d.start(cmd)
	deadline := time.After(30 * time.Second)
	for d.flying > 0 {
		select {
		case msg := <-d.out:
			d.flying--
			d.take(msg)
		case <-deadline:
			d.t.Fatal("a command did not answer in time")
		}
	}
}

func (d *driver) start(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	d.flying++
	go func() { d.out <- cmd() }()
}

func (d *driver) take(msg tea.Msg) {
	d.current = false
	switch v := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range v {
			d.start(c)
		}
	case tea.QuitMsg:
		d.quit = true
	case feedOpenedMsg: // the feed: waits in the background
		cmd := d.m.update(v)
		go func() {
			if m := cmd(); m != nil {
				select {
				case d.out <- fedLater{m}:
				case <-d.m.ctx.Ctx.Done():
				}
			}
		}()
	case fedLater:
		d.flying++ // nobody counted it
		d.take(v.msg)
	case feedChangedMsg:
		d.drawn = v.Seq
		d.start(d.m.update(v))
	default:
		rv := reflect.ValueOf(msg)
		name := reflect.TypeOf(msg).String()
		d.seen[name]++
		switch {
		case strings.HasSuffix(name, ".sequenceMsg"):
			for i := range rv.Len() {
				if c, ok := rv.Index(i).Interface().(tea.Cmd); ok && c != nil {
					d.take(c())
				}
			}
		case strings.HasSuffix(name, ".setClipboardMsg"):
			d.copied = append(d.copied, rv.String())
		case strings.HasPrefix(name, "tea.") && !strings.HasSuffix(name, "Msg"):
		default:
			d.start(d.m.update(msg))
		}
	}
}

type fedLater struct{ msg tea.Msg }

// feed waits until all that was published is drawn; some of it may have been,
// while other commands were waited for.
func (d *driver) feed() {
	d.t.Helper()
	deadline := time.After(30 * time.Second)
	for want := d.b.Published(); d.drawn < want; {
		select {
		case msg := <-d.out:
			if _, ok := msg.(fedLater); !ok {
				d.t.Fatalf("unexpected %T", msg)
			}
			d.flying = 0
			d.take(msg.(fedLater).msg)
			d.run(nil)
		case <-deadline:
			d.t.Fatal("a change elsewhere was not seen")
		}
	}
}

func (d *driver) send(msg tea.Msg) {
	d.current = false
	_, cmd := d.m.Update(msg)
	d.run(cmd)
}

// special are keys that are not their own text.
var special = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab},
	"shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift},
	"shift+up":  {Code: tea.KeyUp, Mod: tea.ModShift}, "shift+down": {Code: tea.KeyDown, Mod: tea.ModShift},
	"space": {Code: tea.KeySpace, Text: " "}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft},
	"right": {Code: tea.KeyRight},
	"pgup":  {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
	"backspace": {Code: tea.KeyBackspace},
	"delete":    {Code: tea.KeyDelete}, "ctrl+left": {Code: tea.KeyLeft, Mod: tea.ModCtrl},
	"ctrl+right": {Code: tea.KeyRight, Mod: tea.ModCtrl},
	"alt+left":   {Code: tea.KeyLeft, Mod: tea.ModAlt}, "alt+right": {Code: tea.KeyRight, Mod: tea.ModAlt},
	"alt+b": {Code: 'b', Mod: tea.ModAlt}, "alt+f": {Code: 'f', Mod: tea.ModAlt}, "alt+v": {Code: 'v', Mod: tea.ModAlt},
}

func press(key string) tea.KeyPressMsg {
	if k, ok := special[key]; ok {
		return k
	}
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	r := []rune(key)[0]
	return tea.KeyPressMsg{Code: r, Text: key}
}

// keys presses named keys.
func (d *driver) keys(names ...string) *driver {
	for _, k := range names {
		d.send(press(k))
	}
	return d
}

// text types letter by letter.
func (d *driver) text(s string) *driver {
	for _, r := range s {
		if r == ' ' {
			d.keys("space")
		} else {
			d.keys(string(r))
		}
	}
	return d
}

// paste pastes a text.
func (d *driver) paste(s string) *driver {
	d.send(tea.PasteMsg{Content: s})
	return d
}

// screen is what a person sees, without colours. After each message what was kept from an
// earlier frame is compared with what is drawn anew.
func (d *driver) screen() string {
	d.t.Helper()
	drawn := d.m.screen()
	if !d.current {
		d.drawAnew(drawn)
		d.current = true
	}
	lines := strings.Split(ansi.Strip(drawn), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// drawAnew compares a screen with one of which nothing was kept.
func (d *driver) drawAnew(drawn string) {
	d.t.Helper()
	styles := d.m.ctx.Styles
	other := *styles
	d.m.ctx.Styles = &other
	if anew := d.m.screen(); drawn != anew {
		d.t.Errorf("the screen is not up to date:\n%s\nwant:\n%s", drawn, anew)
	}
	d.m.ctx.Styles = styles
}

// flat is text without blanks and frames, so that wrapped text is found.
func flat(s string) string {
	s = strings.NewReplacer("│", "", "─", "", "╭", "", "╮", "", "╰", "", "╯", "").Replace(s)
	return strings.Join(strings.Fields(s), "")
}

func (d *driver) has(s string) bool { return strings.Contains(flat(d.screen()), flat(s)) }

func (d *driver) sees(texts ...string) *driver {
	d.t.Helper()
	for _, s := range texts {
		if !d.has(s) {
			d.t.Fatalf("%q is not on the screen:\n%s", s, d.screen())
		}
	}
	return d
}

func (d *driver) called(want ...string) {
	d.t.Helper()
	if got := d.b.NewEvents(); !slices.Equal(got, want) {
		d.t.Fatalf("done is %q, want %q; screen:\n%s", got, want, d.screen())
	}
}

// calledBesideDrafts is called without the drafts that applications save at each step.
func (d *driver) calledBesideDrafts(want ...string) {
	d.t.Helper()
	got := slices.DeleteFunc(d.b.NewEvents(), func(l string) bool { return strings.HasPrefix(l, "draft ") })
	if !slices.Equal(got, want) {
		d.t.Fatalf("done is %q, want %q; screen:\n%s", got, want, d.screen())
	}
}

// did checks that an action was done so often and nothing else.
func (d *driver) did(n int, action rules.Action) {
	d.t.Helper()
	done := d.b.NewEvents()
	if len(done) != n || slices.ContainsFunc(done, func(l string) bool { return !strings.HasPrefix(l, string(action)+" ") }) {
		d.t.Fatalf("done is %q, want %d × %s; screen:\n%s", done, n, action, d.screen())
	}
}

// fits checks that every line is exactly as wide as the screen and that there
// are as many as it has.
func (d *driver) fits() {
	d.t.Helper()
	w, h := d.m.width, d.m.height
	lines := strings.Split(d.m.screen(), "\n")
	if len(lines) != h {
		d.t.Fatalf("%d lines on a screen of %d:\n%s", len(lines), h, d.screen())
	}
	for n, l := range lines {
		if got := ansi.StringWidth(l); got != w {
			d.t.Fatalf("line %d has %d cells of %d: %q", n, got, w, ansi.Strip(l))
		}
	}
}

// instance is the one certificate of a name, as the store holds it.
func (d *driver) instance(name string) model.Instance {
	d.t.Helper()
	i, err := d.b.Find(name)
	if err != nil {
		d.t.Fatal(err)
	}
	return i
}

// find puts the cursor on the certificate of a name.
func (d *driver) find(name string) *driver {
	d.t.Helper()
	d.keys("/").text(name).keys("enter")
	d.sees(name)
	return d
}
