package cmd

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/ui"
)

// statusJSON is who owns the store (spec E2).
type statusJSON struct {
	Store    string        `json:"store"`
	Shared   bool          `json:"shared"`
	Owner    *string       `json:"owner"` // null if only this command runs
	PID      *int          `json:"pid"`
	Since    *string       `json:"since"`
	Address  *string       `json:"address"`
	Away     *string       `json:"database_away"`
	Standbys []standbyJSON `json:"standbys"`
}

type standbyJSON struct {
	Name  string `json:"name"`
	From  string `json:"from"`
	Since string `json:"since"`
}

func statusCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "status", Args: noArgs,
		Example: "  certquay status\n  certquay status --json",
		RunE:    func(*cobra.Command, []string) error { return c.status(c.app.Team(), c.app.Where()) },
	}
}

// status prints who owns the store, and which machines stand by.
func (c *invocation) status(t app.Team, at string) error {
	s := statusJSON{
		Store:    at,
		Shared:   c.app.Shared(),
		Address:  out.OrNil(t.Address),
		Away:     out.TimeOrNil(t.Away),
		Standbys: []standbyJSON{},
	}
	owned := c.Kind != session.Local || !c.app.Temporary()
	if owned {
		pid := os.Getpid()
		s.Owner, s.PID, s.Since = &t.Holder, &pid, out.TimeOrNil(t.Since)
	}
	for _, b := range t.Standbys {
		s.Standbys = append(s.Standbys, standbyJSON{b.Name, b.From, *out.TimeOrNil(b.Since)})
	}
	if c.JSON {
		return c.PrintJSON(s)
	}
	c.Say("verb.status.store", "store", at)
	if !owned {
		c.Say("verb.status.nobody")
		return nil
	}
	c.Say("verb.status.owner", "owner", t.Holder, "since", out.DateTime(t.Since))
	if !s.Shared {
		return nil
	}
	if !t.Away.IsZero() {
		c.Note("verb.status.away", "since", out.DateTime(t.Away))
	}
	if t.Address != "" {
		c.Say("verb.status.address", "address", t.Address)
	} else {
		c.Say("verb.status.no-address")
	}
	if len(s.Standbys) == 0 {
		c.Say("verb.status.alone")
	}
	for _, b := range t.Standbys {
		c.Say("verb.status.standby", "name", b.Name, "from", b.From, "since", out.DateTime(b.Since))
	}
	return nil
}

// ownership is who owns the store, as the dashboard shows it.
func (c *invocation) ownership() ui.Ownership {
	t := c.app.Team()
	o := ui.Ownership{Machine: machineOf(t.Holder), Since: t.Since, Away: t.Away}
	for _, b := range t.Standbys {
		o.Standbys = append(o.Standbys, machineOf(b.Name))
	}
	return o
}

// machineOf returns the machine of a holder, which is named with its process.
func machineOf(holder string) string {
	name, _, _ := strings.Cut(holder, ":")
	return name
}
