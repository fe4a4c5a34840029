package action

import (
	"context"
	"slices"
	"strconv"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// resourceEvents is how many events of a resource are read.
const resourceEvents = 500

// loggedEvents is how many of them are listed.
const loggedEvents = 40

// resourceShown is what the view of a resource shows.
type resourceShown struct {
	lifecycle.ResourceView
	instances map[model.ID]model.Instance // those it has presented and that still exist
	events    []model.Event               // newest first
	receipts  []model.Receipt             // newest first
}

// ShowResource shows one resource: state, address, verification, errors in full, and
// what it has presented since when.
func ShowResource(c *app.Context, id model.ID) tea.Cmd {
	return c.Do(func(context.Context) tea.Msg {
		r := resourceShown{instances: map[model.ID]model.Instance{}}
		var err error
		if r.ResourceView, err = c.Backend.Resource(id); err != nil {
			return c.LoadFailed(err)
		}
		if r.events, err = c.Backend.Activity(lifecycle.ActivityFilter{Resource: id, Limit: resourceEvents}); err != nil {
			return c.LoadFailed(err)
		}
		if r.receipts, err = c.Backend.Receipts(lifecycle.ReceiptFilter{Resource: id}); err != nil {
			return c.LoadFailed(err)
		}
		ids := []model.ID{r.Instance}
		for n := range r.events {
			ids = append(ids, r.events[n].Instance)
		}
		for _, id := range ids {
			if _, known := r.instances[id]; known || id == "" {
				continue
			}
			if i, err := c.Backend.Instance(id); err == nil { // a deleted one is not shown
				r.instances[id] = i
			}
		}
		st := style.StatusOf(string(r.State))
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				choices := []key.Binding{c.Bind(c.T("foot.V"), c.KeyOf(rules.Verify)), c.Bind(c.T("foot.y"), "y")}
				if r.State == model.ResourceDrifted {
					choices = append([]key.Binding{
						c.Bind(c.T("resource.put-right"), c.KeyOf(rules.Deploy)), c.Bind(c.T("foot.="), c.KeyOf(rules.Accept)),
					}, choices...)
				}
				if len(r.receipts) > 0 {
					choices = append(choices, c.Bind(c.T("receipts.key"), receiptKey))
				}
				if r.Instance != "" {
					choices = append([]key.Binding{c.Bind(c.T("act.certificate"), "o")}, choices...)
				}
				return &dialog.Notice{Context: c, Title: r.Place(), Tone: st.Tone, MaxWidth: 120, Sections: r.sections(c), Choices: choices}
			},
			Then: func(v any) tea.Cmd {
				switch v {
				case nil:
					return nil
				case "o":
					return app.Send(app.ShowInstanceMsg{ID: r.Instance})
				case receiptKey:
					return showReceipts(c, r.Place(), r.receipts)
				case "y":
					return app.Send(app.CopyMsg{What: c.T("copy.address"), Text: r.Address})
				}
				return dialog.PressChosen(v)
			},
		}
	})
}

func (r *resourceShown) sections(c *app.Context) []dialog.Section {
	st := style.StatusOf(string(r.State))
	state := c.Text.Lookup("label."+string(r.State), string(r.State))
	if !r.DriftSince.IsZero() {
		state += " " + widget.Ago(c.T, r.DriftSince, c.Now)
	}
	if r.Waves > 1 {
		state += c.Separator() + c.T("resource.wave", r.Wave, r.Waves, r.WaveNow)
	}
	if r.AwaitsWindow() {
		state += c.Separator() + c.T("resource.window", widget.Stamp(r.WindowAt))
	}
	address := r.Address
	if r.ReadBack {
		address = c.T("resource.unseen")
	}
	facts := []dialog.Fact{
		{Label: c.T("resource.certificate"), Value: r.certificate(c)},
		{Label: c.T("resource.address"), Value: address},
	}
	for _, f := range [][2]string{
		{"resource.should", r.Expected}, {"resource.deployed", r.Deployed}, {"resource.configured", r.Configured},
		{"resource.presents", r.Presented},
	} {
		facts = append(facts, dialog.Fact{Label: c.T(f[0]), Value: f[1]})
	}
	if !r.NotAfter.IsZero() {
		facts = append(facts, dialog.Fact{
			Label: c.T("fact.to"), Value: widget.Stamp(r.NotAfter) + c.T("comma") + widget.Days(c.T, r.NotAfter, c.Now),
		})
	}
	facts = append(facts, dialog.Fact{Label: c.T("resource.verified"), Value: stampOrNever(c, r.VerifiedAt)})
	if r.VerifyError != "" && r.ProbedAt.After(r.VerifiedAt) {
		facts = append(facts, dialog.Fact{Label: c.T("resource.tried"), Value: widget.Stamp(r.ProbedAt)})
	}
	auto := c.T("auto.off")
	if r.AutoDeploy {
		auto = c.T("auto.on")
	}
	facts = append(facts, dialog.Fact{Label: c.T("label.auto-deploy"), Value: auto}, dialog.Fact{Label: "ID", Value: string(r.ID)})
	all := []dialog.Section{{Tone: st.Tone, Lines: append([]string{c.Mark(st.Glyph) + state}, r.errors(c)...)}, {Facts: facts}}
	if len(r.Seen) > 0 {
		all = append(all, dialog.Section{Head: c.T("resource.addresses"), Lines: seenLines(c, r.Seen)})
	}
	if len(r.receipts) > 0 {
		all = append(all, dialog.Section{Head: c.T("resource.receipts"), Lines: receiptLines(c, r.receipts)})
	}
	if spans := r.spans(c); len(spans) > 0 {
		all = append(all, r.presentedSection(c, spans))
	}
	return append(all, dialog.Section{Head: c.T("pane.history"), Lines: r.log(c)})
}

func stampOrNever(c *app.Context, t time.Time) string {
	if t.IsZero() {
		return c.T("resource.never")
	}
	return widget.Stamp(t)
}

// certificate names the certificate that the resource should present.
func (r *resourceShown) certificate(c *app.Context) string {
	if r.Instance == "" {
		return ""
	}
	return c.T("resource.version", r.Version, r.InstanceName)
}

// errors are the failure of the last deployment and of the last verification, in full.
func (r *resourceShown) errors(c *app.Context) []string {
	var ls []string
	if f := r.Failure; f.Kind != "" {
		ls = append(
			ls,
			c.T("resource.failed", c.Text.Term("action", string(f.Kind)), widget.Stamp(f.At), text.Clean(c.Text.Text(f.Message))),
		)
		if op := r.Operation; op.Active() && !op.Next.IsZero() && !op.Aside() {
			ls = append(ls, c.T("resource.next", widget.Stamp(op.Next), op.Attempt+1))
		}
	}
	if r.VerifyError != "" && r.VerifyError != r.Failure.Message {
		ls = append(ls, text.Clean(c.Text.Text(r.VerifyError)))
	}
	return ls
}

// PresentedSpans derives from events, the newest first, what a resource has presented.
// The instances are those of the events that still exist, by ID.
func PresentedSpans(
	c *app.Context,
	r lifecycle.ResourceView,
	events []model.Event,
	instances map[model.ID]model.Instance,
) []chart.StripSpan {
	shown := resourceShown{ResourceView: r, instances: instances, events: events}
	var all []chart.StripSpan
	for _, s := range shown.spans(c) {
		all = append(all, s.StripSpan)
	}
	return all
}

// span is a period in which the resource presented one certificate.
type span struct {
	chart.StripSpan
	words string
}

// spans derives what the resource presented from its events: a deployment that was
// verified, and verifications whose result differs from the one before.
func (r *resourceShown) spans(c *app.Context) []span {
	var all []span
	var deployed span // what the last deployment left there
	var until time.Time
	add := func(at time.Time, s span) {
		if n := len(all) - 1; n >= 0 {
			if all[n].Label == s.Label && all[n].Status == s.Status {
				return
			}
			all[n].To = at
		}
		s.From = at
		all = append(all, s)
	}
	// expire ends the certificate that is presented when its validity does.
	expire := func(now time.Time) {
		if n := len(all) - 1; n >= 0 && !until.IsZero() && until.Before(now) && all[n].Status == style.StatusOf("deployed") {
			expired := deployed
			expired.Status = style.StatusOf("expired")
			add(until, expired)
		}
	}
	for _, e := range slices.Backward(r.events) {
		expire(e.At)
		code := e.Detail.Code()
		switch {
		case e.Action == string(model.JobDeploy) && e.Result == journal.ResultOK && code == "log.presents":
			number, err := strconv.Atoi(e.Detail.Message().Args["version"])
			if err != nil { // written by another version of the program
				continue
			}
			deployed, until = r.version(c, e.Instance, e.Name, number)
			add(e.At, deployed)
		case e.Action != string(model.JobVerify):
		case code == "verify.deployed" && deployed.Label != "":
			add(e.At, deployed)
		case code == "verify.outdated" || code == "verify.expired" || code == "verify.revoked":
			was := deployed
			was.Status = style.StatusOf(code[len("verify."):])
			add(e.At, was)
		case code == "verify.drifted":
			fingerprint := e.Detail.Message().Args["fingerprint"]
			add(e.At, span{chart.StripSpan{Label: "?", Status: style.StatusOf("drifted")}, c.T("resource.other", fingerprint)})
		case e.Result == journal.ResultFailed:
			add(e.At, span{chart.StripSpan{Label: "–", Status: style.StatusOf("unreachable")}, c.T("resource.nothing")})
		}
	}
	if len(all) == 0 && r.Deployed != "" && !r.DeployedAt.IsZero() { // its events are no longer kept
		deployed, until = r.version(c, r.Instance, r.InstanceName, r.Version)
		add(r.DeployedAt, deployed)
	}
	expire(c.Now)
	return all
}

// version is a span of one version, and when that expires; zero if it is not known.
func (r *resourceShown) version(c *app.Context, id model.ID, name string, number int) (span, time.Time) {
	s := span{chart.StripSpan{Label: "v" + strconv.Itoa(number), Status: style.StatusOf("deployed")}, c.T("resource.version", number, name)}
	i, known := r.instances[id]
	if v := i.Version(number); known && v != nil {
		return s, v.NotAfter
	}
	return s, time.Time{}
}

// presentedSection draws the spans as a strip, and lists them, the newest first.
func (r *resourceShown) presentedSection(c *app.Context, spans []span) dialog.Section {
	strip := chart.StripRow{Name: r.Name}
	var lines []string
	for _, s := range spans {
		strip.Spans = append(strip.Spans, s.StripSpan)
		to := c.T("resource.now")
		if !s.To.IsZero() {
			to = widget.Stamp(s.To)
		}
		lines = append(lines, widget.Stamp(s.From)+" – "+widget.Pad(to, 17)+"  "+c.Mark(s.Status.Glyph)+text.Clean(s.words))
	}
	slices.Reverse(lines)
	return dialog.Section{Head: c.T("resource.presented"), Lines: lines, Picture: func(w int) []string {
		return append([]string{""}, chart.Strip(c.Styles, spans[0].From, c.Now, []chart.StripRow{strip}, w)...)
	}}
}

// log lists the newest events of the resource.
func (r *resourceShown) log(c *app.Context) []string {
	var lines []string
	for n := range r.events[:min(len(r.events), loggedEvents)] {
		e := &r.events[n]
		glyph, _, _ := c.EventOutcome(e)
		words := c.EventTitle(e)
		reason, detail := c.EventReason(e)
		for _, more := range []string{reason, detail} {
			if more != "" {
				words += c.T("colon") + more
				break
			}
		}
		lines = append(lines, widget.Stamp(e.At)+"  "+c.Mark(glyph)+text.Clean(words)+"  "+text.Clean(e.Actor))
	}
	if len(lines) == 0 {
		return []string{c.T("history.none")}
	}
	return lines
}
