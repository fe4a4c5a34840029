package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
)

func showCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "show", Args: one("arg.id"),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if c.g.json {
				return c.printJSON(c.instance(&i))
			}
			return c.details(&i)
		},
	}
}

// details prints an instance for people (spec I1).
func (c *call) details(i *model.Instance) error {
	e := c.engine()
	j := c.instance(i)
	var rows [][2]string
	add := func(name, value string) { rows = append(rows, [2]string{name, value}) }
	add(c.fact("id"), string(i.ID))
	add(c.fact("name"), i.Name)
	add(c.fact("status"), c.text("verb.show.status", "label", j.Label, "state", i.State))
	add(c.fact("spec"), c.text("verb.spec", "spec", i.Spec))
	add(c.fact("domains"), strings.Join(i.Domains(), ", "))
	if v := i.Current(); v != nil {
		add(c.fact("serial"), v.Serial)
		add(c.fact("sha256"), v.Fingerprint)
		add(c.fact("key"), v.KeyType)
		add(c.fact("valid"), c.text("verb.from-to", "from", v.NotBefore, "to", v.NotAfter))
	}
	if !i.ServiceEnd.IsZero() {
		add(c.fact("service"), c.text("verb.from-to", "from", day(i.ServiceStart), "to", day(i.ServiceEnd)))
	}
	if !i.ExpectedIssue.IsZero() {
		add(c.fact("expected"), stamp(i.ExpectedIssue))
	}
	if o := i.Operation; o.Active() {
		add(c.fact("doing"), c.text("verb.show.doing", "job", o.Kind, "attempt", o.Attempt))
		add(c.fact("waits"), c.words().Text(o.WaitFor))
	}
	for _, pr := range i.Proofs {
		seen := "verb.show.not-seen"
		if pr.Seen {
			seen = "verb.show.seen"
		}
		add(c.fact("prove", "method", pr.Method), c.text(seen, "name", pr.Name, "value", pr.Value))
	}
	add(c.fact("last-error"), c.words().Text(lastError(i)))
	if j.Contact != nil {
		add(c.fact("contact"), *j.Contact)
	}
	add(c.fact("order"), string(i.Order))
	shared, err := e.SharesKey(i.ID)
	if err != nil {
		return err
	}
	for n := range shared {
		s := &shared[n]
		add(c.fact("shares-key"), c.text("verb.show.other", "name", s.Name, "id", s.ID.Short(), "state", s.State))
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		code := "verb.show.version"
		if !v.RevokedAt.IsZero() {
			code = "verb.show.version-revoked"
		}
		value := c.text(code, "serial", v.Serial, "from", day(v.NotBefore), "to", day(v.NotAfter),
			"at", v.RevokedAt, "reason", v.RevokedReason)
		add(c.fact("version", "number", v.Number), value)
	}
	rs, _, err := e.Resources(lifecycle.ResourceFilter{Instance: i.ID})
	if err != nil {
		return err
	}
	for n := range rs {
		r := &rs[n]
		add(c.fact("deployed"), c.text("verb.show.deployed",
			"place", place(&r.Resource), "state", r.State, "address", dash(r.Address), "at", r.VerifiedAt))
	}
	open, err := e.Notices(lifecycle.NoticeFilter{Instance: i.ID, Open: true, Limit: 5})
	if err != nil {
		return err
	}
	for n := range open {
		if m := &open[n]; m.Attempt > 0 {
			add(c.fact("not-told"), c.text("verb.show.not-told", "kind", m.Kind, "to", m.To, "delivery", noticeState(m)))
		}
	}
	c.fields(rows)
	events, err := e.Activity(lifecycle.ActivityFilter{Instance: i.ID, Limit: 5})
	if err != nil {
		return err
	}
	c.print("\n" + c.text("verb.show.lately"))
	for n := range events {
		c.print("  " + c.eventLine(&events[n]))
	}
	return nil
}

// application prints what a reviewer judges.
func (c *call) application(i *model.Instance) error {
	a, o := i.Application, i.Application.Company
	address := strings.Join([]string{o.Address, o.Zip + " " + o.City, o.Province, o.Country}, ", ")
	if strings.Trim(address, ", ") == "" {
		address = ""
	}
	c.fields([][2]string{
		{c.fact("spec"), c.text("verb.spec", "spec", i.Spec)}, {c.fact("domains"), strings.Join(a.Domains, ", ")},
		{c.fact("applicant"), a.ApplicantName}, {c.fact("id-number"), a.IDNumber}, {c.fact("phone"), a.Phone}, {c.fact("email"), a.Email},
		{c.fact("company"), o.Name}, {c.fact("type"), c.label("organization", o.Type)}, {c.fact("registered"), o.OrganizationID},
		{c.fact("company-phone"), o.Phone}, {c.fact("address"), address},
	})
	return nil
}

// eventLine is an event on one line.
func (c *call) eventLine(ev *model.Event) string {
	cell := func(s string, width int) string { return pad(session.Escape(s, 200), width) }
	action, result := c.label("event", ev.Action), c.label("result", ev.Result)
	s := stamp(ev.At) + "  " + cell(ev.Actor, 10) + " " + cell(action, 12) + " " + cell(result, 8)
	if ev.To != "" && ev.To != ev.From {
		s += " " + cell(dash(c.label("label", ev.From)), 0) + " -> " + cell(c.label("label", ev.To), 0)
	}
	for _, more := range []model.Text{ev.Detail, ev.Reason} {
		if more != "" {
			s += "  " + c.words().Text(more)
		}
	}
	return s
}
