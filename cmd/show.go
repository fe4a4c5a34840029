package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/text"
)

func showCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show all about an instance", Args: one("ID"),
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
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, [2]string{name, value})
		}
	}
	add("id", string(i.ID))
	add("name", i.Name)
	add("status", j.Label+" ("+string(i.State)+")")
	add("specification", i.Spec.String())
	add("domains", strings.Join(i.Domains(), ", "))
	if v := i.Current(); v != nil {
		add("serial", v.Serial)
		add("sha256", v.Fingerprint)
		add("key", v.KeyType)
		add("valid", stamp(v.NotBefore)+" to "+stamp(v.NotAfter))
	}
	if !i.ServiceEnd.IsZero() {
		add("service", day(i.ServiceStart)+" to "+day(i.ServiceEnd))
	}
	if !i.ExpectedIssue.IsZero() {
		add("expected", stamp(i.ExpectedIssue))
	}
	if o := i.Operation; o.Active() {
		add("doing", fmt.Sprintf("%s, attempt %d", o.Kind, o.Attempt))
		add("waits for", c.words().Text(o.WaitFor))
	}
	for _, pr := range i.Proofs {
		seen := "not seen yet"
		if pr.Seen {
			seen = "seen"
		}
		add("prove by "+pr.Method, fmt.Sprintf("%s  %s  (%s)", pr.Name, pr.Value, seen))
	}
	if j.LastError != nil {
		add("last error", *j.LastError)
	}
	if j.Contact != nil {
		add("contact", *j.Contact)
	}
	add("order", string(i.Order))
	shared, err := e.SharesKey(i.ID)
	if err != nil {
		return err
	}
	for n := range shared {
		add("shares its key", fmt.Sprintf("%s (%s, %s)", shared[n].Name, shared[n].ID.Short(), shared[n].State))
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		text := fmt.Sprintf("serial %s, %s to %s", v.Serial, day(v.NotBefore), day(v.NotAfter))
		if !v.RevokedAt.IsZero() {
			text += ", revoked " + stamp(v.RevokedAt) + " " + v.RevokedReason
		}
		add(fmt.Sprintf("version %d", v.Number), text)
	}
	rs, _, err := e.Resources(lifecycle.ResourceFilter{Instance: i.ID})
	if err != nil {
		return err
	}
	for n := range rs {
		r := &rs[n]
		add("deployed", fmt.Sprintf("%s %s %s: %s at %s, seen %s",
			r.Product, r.Region, r.Name, r.State, dash(r.Address), stamp(r.VerifiedAt)))
	}
	open, err := e.Notices(lifecycle.NoticeFilter{Instance: i.ID, Open: true, Limit: 5})
	if err != nil {
		return err
	}
	for n := range open {
		if open[n].Attempt > 0 {
			add("not told", fmt.Sprintf("%s, to %s: %s", open[n].Kind, open[n].To, noticeState(c.words(), &open[n])))
		}
	}
	for _, r := range rows {
		c.say("%-14s %s", r[0], r[1])
	}
	events, err := e.Activity(lifecycle.ActivityFilter{Instance: i.ID, Limit: 5})
	if err != nil {
		return err
	}
	c.say("\nlately")
	for n := range events {
		c.say("  %s", eventLine(c.words(), &events[n]))
	}
	return nil
}

// application prints what a reviewer judges.
func (c *call) application(i *model.Instance) error {
	a, o := i.Application, i.Application.Company
	for _, r := range [][2]string{
		{"specification", i.Spec.String()}, {"domains", strings.Join(a.Domains, ", ")},
		{"applicant", a.ApplicantName}, {"id number", a.IDNumber}, {"phone", a.Phone}, {"email", a.Email},
		{"company", o.Name}, {"type", o.Type}, {"registered as", o.OrganizationID}, {"company phone", o.Phone},
		{"address", strings.Join([]string{o.Address, o.Zip + " " + o.City, o.Province, o.Country}, ", ")},
	} {
		if strings.Trim(r[1], ", ") != "" {
			c.say("%-14s %s", r[0], r[1])
		}
	}
	return nil
}

func eventLine(words *text.Catalogue, ev *model.Event) string {
	s := fmt.Sprintf("%s  %-10s %-12s %-8s", stamp(ev.At), ev.Actor, ev.Action, ev.Result)
	if ev.To != "" && ev.To != ev.From {
		s += fmt.Sprintf(" %s -> %s", dash(ev.From), ev.To)
	}
	for _, more := range []string{words.Text(ev.Detail), words.Text(ev.Reason)} {
		if more != "" {
			s += "  " + more
		}
	}
	return s
}
