package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/names"
	"certquay/lifecycle/outbox"
	"certquay/model"
)

// shownJSON is an instance with the IDs of the receipts of its deployments, the newest first
// (spec P10).
type shownJSON struct {
	out.Instance
	Receipts []model.ID `json:"receipts"`
}

func showCmd(c *invocation) *cobra.Command {
	var impact bool
	cmd := &cobra.Command{
		Use: "show", Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if impact {
				return c.impact(cmd.Context(), args[0])
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if !c.JSON {
				return c.details(&i)
			}
			all, err := c.engine().Receipts(lifecycle.ReceiptFilter{Instance: i.ID})
			if err != nil {
				return err
			}
			j := shownJSON{c.instance(&i), []model.ID{}}
			for n := range all {
				j.Receipts = append(j.Receipts, all[n].Job)
			}
			return c.PrintJSON(j)
		},
	}
	cmd.Flags().BoolVar(&impact, "impact", false, "")
	return cmd
}

// details prints an instance as text (spec I1).
func (c *invocation) details(i *model.Instance) error {
	e := c.engine()
	j := c.instance(i)
	var rows [][2]string
	add := func(name, value string) { rows = append(rows, [2]string{name, value}) }
	add(c.Field("id"), string(i.ID))
	add(c.Field("name"), names.Readable(i.Name))
	status := c.Label("label", j.Label)
	if slices.Contains(j.Derived, model.Derived(j.Label)) { // else it is the state
		status = c.Text("verb.show.status", "label", j.Label, "state", i.State)
	}
	add(c.Field("status"), status)
	add(c.Field("spec"), c.Text("verb.spec", "spec", i.Spec))
	if len(i.Fallback) > 0 {
		add(c.Field("issuers"), strings.Join(i.Issuers(), ", "))
	}
	domains := slices.Clone(i.Domains())
	for n := range domains {
		domains[n] = names.ReadableBoth(domains[n])
	}
	add(c.Field("domains"), strings.Join(domains, ", "))
	if v := i.Current(); v != nil {
		add(c.Field("serial"), v.Serial)
		add(c.Field("sha256"), v.Fingerprint)
		add(c.Field("key"), v.KeyType)
		add(c.Field("valid"), c.Text("verb.from-to", "from", v.NotBefore, "to", v.NotAfter))
	}
	if err := c.purchase(i, add); err != nil {
		return err
	}
	if i.ExpectedIssue.After(c.engine().Now()) { // a time in the past tells nothing
		add(c.Field("expected"), out.DateTime(i.ExpectedIssue))
	}
	if o := i.Operation; o.Active() {
		add(c.Field("doing"), c.Text("verb.show.doing", "job", o.Kind, "attempt", o.Attempt))
		add(c.Field("waits"), c.Words().Text(o.WaitFor))
	}
	for _, pr := range i.Proofs {
		seen := "verb.show.not-seen"
		if pr.Seen {
			seen = "verb.show.seen"
		}
		add(c.Field("prove", "method", pr.Method), c.Text(seen, "name", pr.Name, "value", pr.Value))
		if until := pr.Until(); !until.IsZero() {
			add(c.Field("holds"), c.Text("verb.show.holds", "at", until))
		}
	}
	add(c.Field("last-error"), c.Words().Text(out.LastError(i)))
	if j.Contact != nil {
		add(c.Field("contact"), *j.Contact)
	}
	if j.Owner != nil {
		add(c.Field("owner"), *j.Owner)
	}
	add(c.Field("tags"), strings.Join(i.Tags, " "))
	add(c.Field("note"), i.Note)
	add(c.Field("order"), string(i.Order))
	if id := i.Replaces(); id != "" {
		add(c.Field("replaces"), string(id))
	}
	if id := i.ReplacedBy(); id != "" {
		add(c.Field("replaced-by"), string(id))
	}
	shared, err := e.SharesKey(i.ID)
	if err != nil {
		return err
	}
	for n := range shared {
		s := &shared[n]
		add(c.Field("shares-key"), c.Text("verb.show.other", "name", s.Name, "id", s.ID.Short(), "state", s.State))
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		code := "verb.show.version"
		if !v.RevokedAt.IsZero() {
			code = "verb.show.version-revoked"
		}
		value := c.Text(code, "serial", v.Serial, "from", out.Day(v.NotBefore), "to", out.Day(v.NotAfter),
			"at", v.RevokedAt, "reason", v.RevokedReason)
		if len(i.Fallback) > 0 {
			value = c.Text("verb.show.version-by", "version", value, "issuer", v.Issuer)
		}
		add(c.Field("version", "number", v.Number), value)
	}
	rs, _, err := e.Resources(lifecycle.ResourceFilter{Instance: i.ID})
	if err != nil {
		return err
	}
	for n := range rs {
		r := &rs[n]
		add(c.Field("deployed"), c.Text("verb.show.deployed",
			"place", place(&r.Resource), "state", r.State, "address", out.Dash(r.Address), "at", r.VerifiedAt))
	}
	open, err := e.Notices(outbox.NoticeFilter{Instance: i.ID, Open: true, Limit: 5})
	if err != nil {
		return err
	}
	for n := range open {
		if m := &open[n]; m.Attempt > 0 {
			add(c.Field("not-told"), c.Text("verb.show.not-told", "kind", m.Kind, "to", m.To, "delivery", outbox.State(m)))
		}
	}
	c.Fields(rows)
	events, err := e.Activity(lifecycle.ActivityFilter{Instance: i.ID, Limit: 5})
	if err != nil {
		return err
	}
	c.Print("\n" + c.Text("verb.show.lately"))
	for n := range events {
		c.Print("  " + c.eventLine(&events[n]))
	}
	return nil
}

// purchase adds what was bought: years and price, the service period, how long it may
// last, and until when it is refunded.
func (c *invocation) purchase(i *model.Instance, add func(name, value string)) error {
	r, err := c.engine().Refund(i.ID)
	if err != nil {
		return err
	}
	if i.Order != "" {
		add(c.Field("bought"), c.Text("verb.show.bought", "years", years(i.Years), "price", ledger.Money(r.Paid, r.Currency)))
	}
	if r.Amount > 0 && !r.Until.IsZero() && i.State.Group() != model.GroupEnded {
		add(c.Field("refundable"), c.Text("verb.show.refundable", "amount", ledger.Money(r.Amount, r.Currency), "at", r.Until))
	}
	left := i.Hosting.RenewalsLeft
	switch {
	case !i.ServiceEnd.IsZero():
		add(c.Field("service"), c.Text("verb.from-to", "from", out.Day(i.ServiceStart), "to", out.Day(i.ServiceEnd)))
		if left > 0 {
			add(c.Field("service-max"), c.Text("verb.show.service-max", "at", out.Day(i.ServiceMaxEnd()), "n", left))
		}
	case i.Hosting.PrepaidRenewals > 0:
		n := i.Hosting.PrepaidRenewals
		add(c.Field("service-max"), c.Text("verb.show.service-years", "n", n, "years", years(i.Years+n)))
	}
	return nil
}

// application prints the application for a reviewer.
func (c *invocation) application(i *model.Instance) error {
	a, o := i.Application, i.Application.Company
	address := strings.Join([]string{o.Address, o.Zip + " " + o.City, o.Province, o.Country}, ", ")
	if strings.Trim(address, ", ") == "" {
		address = ""
	}
	c.Fields([][2]string{
		{c.Field("spec"), c.Text("verb.spec", "spec", i.Spec)},
		{c.Field("domains"), strings.Join(a.Domains, ", ")},
		{
			c.Field("applicant"),
			a.ApplicantName,
		},
		{c.Field("id-number"), a.IDNumber},
		{c.Field("phone"), a.Phone},
		{c.Field("email"), a.Email},
		{c.Field("company"), o.Name},
		{c.Field("type"), c.Label("organization", o.Type)},
		{c.Field("registered"), o.OrganizationID},
		{c.Field("company-phone"), o.Phone},
		{c.Field("address"), address},
	})
	return nil
}

// eventLine returns an event as one line.
func (c *invocation) eventLine(ev *model.Event) string {
	cell := func(s string, width int) string { return out.Pad(out.Cell(s, 200), width) }
	action, result := c.Label("event", ev.Action), c.Label("result", ev.Result)
	s := out.DateTime(ev.At) + "  " + cell(ev.Actor, 10) + " " + cell(action, 12) + " " + cell(result, 8)
	if ev.To != "" && ev.To != ev.From {
		s += " " + cell(out.Dash(c.Label("label", ev.From)), 0) + " -> " + cell(c.Label("label", ev.To), 0)
	}
	for _, more := range []model.Text{ev.Detail, ev.Reason} {
		if more != "" {
			s += "  " + c.Words().Text(more)
		}
	}
	if ev.Receipt != "" {
		s += "  " + c.Text("verb.event.receipt", "id", ev.Receipt.Short())
	}
	return s
}
