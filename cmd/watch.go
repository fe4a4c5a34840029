package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
)

type watchJSON struct {
	ID          model.ID `json:"id"`
	Address     string   `json:"address"`
	Name        string   `json:"name"`
	Contact     *string  `json:"contact"`
	State       string   `json:"state"`
	Problems    []string `json:"problems"`
	Detail      *string  `json:"detail"`
	Since       *string  `json:"since"`
	Fingerprint *string  `json:"fingerprint_sha256"`
	Subject     *string  `json:"subject"`
	Issuer      *string  `json:"issuer"`
	NotAfter    *string  `json:"not_after"`
	LookedAt    *string  `json:"last_looked"`
	NextLook    *string  `json:"next_look"`
	Error       *string  `json:"last_error"`
}

func watchCmd(c *call) *cobra.Command {
	cmd := &cobra.Command{Use: "watch", Short: "Endpoints that certquay does not manage and looks at every day", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.watches() }}
	var name, contact string
	add := &cobra.Command{
		Use: "add HOST:PORT", Short: "Watch an endpoint: expiry, chain, name, changes", Args: one("HOST:PORT"),
		Example: "  certquay watch add www.example.com:443\n  certquay watch add '[2001:db8::1]:8443' --name www.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing("watch"); err != nil {
				return err
			}
			var id model.ID
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				id = ct.ID
			}
			w, err := c.engine().AddWatch(cmd.Context(), c.Actor, args[0], name, id)
			if err != nil {
				return err
			}
			if w, err = c.engine().CheckWatch(cmd.Context(), c.Actor, w.ID); err != nil {
				return err
			}
			return c.watched(&w)
		},
	}
	add.Flags().StringVar(&name, "name", "", "server name to ask for (SNI) and to be covered; default: the host")
	add.Flags().StringVar(&contact, "contact", "", "who is told; default: the contacts under notify.default")
	check := &cobra.Command{
		Use: "check [WATCH...]", Short: "Look now; exit 1 if anything is wrong", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return c.checkWatches(cmd, args) },
	}
	cmd.AddCommand(add, check,
		&cobra.Command{Use: "list", Short: "List what is watched", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.watches() }},
		&cobra.Command{Use: "show WATCH", Short: "Show what an endpoint presents", Args: one("WATCH"),
			RunE: func(_ *cobra.Command, args []string) error {
				w, err := c.engine().FindWatch(args[0])
				if err != nil {
					return err
				}
				return c.watched(&w)
			}},
		&cobra.Command{Use: "remove WATCH", Short: "Watch it no more", Args: one("WATCH"),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := c.changing("watch"); err != nil {
					return err
				}
				w, err := c.engine().FindWatch(args[0])
				if err != nil {
					return err
				}
				if err := c.engine().RemoveWatch(cmd.Context(), c.Actor, w.ID); err != nil {
					return err
				}
				c.say("%s is watched no more", w.Address)
				return nil
			}})
	return cmd
}

// checkWatches looks at what is named, or at everything.
func (c *call) checkWatches(cmd *cobra.Command, args []string) error {
	if err := c.changing("watch"); err != nil {
		return err
	}
	var all []model.Watch
	var err error
	for _, a := range args {
		w, err := c.engine().FindWatch(a)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	if len(args) == 0 {
		if all, err = c.engine().Watches(); err != nil {
			return err
		}
	}
	wrong := false
	for n := range all {
		if all[n], err = c.engine().CheckWatch(cmd.Context(), c.Actor, all[n].ID); err != nil {
			return err
		}
		wrong = wrong || len(all[n].Problems) > 0 || !all[n].Error.IsZero()
	}
	if err := c.watchTable(all); err != nil {
		return err
	}
	if wrong {
		return &exitError{exitFailed}
	}
	return nil
}

func (c *call) watches() error {
	all, err := c.engine().Watches()
	if err != nil {
		return err
	}
	return c.watchTable(all)
}

func (c *call) watchTable(all []model.Watch) error {
	out, rows := []watchJSON{}, [][]string(nil)
	for n := range all {
		w := &all[n]
		j, err := c.toWatch(w)
		if err != nil {
			return err
		}
		out = append(out, j)
		rows = append(rows, []string{w.ID.Short(), w.Address, w.Name, watchState(w), day(w.NotAfter), stamp(w.LookedAt)})
	}
	switch {
	case c.g.json:
		return c.printJSON(out)
	case len(rows) == 0:
		c.say("nothing is watched yet; certquay watch add www.example.com:443")
	default:
		c.table([]string{"ID", "ADDRESS", "NAME", "STATE", "VALID TO", "LOOKED AT"}, rows)
	}
	return nil
}

// watchState is what is wrong, or ok; an answer that is missing once is told.
func watchState(w *model.Watch) string {
	s := w.State()
	if len(w.Problems) > 1 {
		s = strings.Join(w.Problems, ", ")
	}
	if !w.Error.IsZero() && !w.Answered.IsZero() && s != lifecycle.WatchUnreachable {
		s += " (no answer at the last look)"
	}
	return s
}

func (c *call) toWatch(w *model.Watch) (watchJSON, error) {
	j := watchJSON{
		ID: w.ID, Address: w.Address, Name: w.Name, State: w.State(), Problems: orEmpty(w.Problems), Detail: orNil(english(w.Detail)),
		Since: timeOrNil(w.Since), Fingerprint: orNil(w.Fingerprint), Subject: orNil(w.Subject), Issuer: orNil(w.Issuer),
		NotAfter: timeOrNil(w.NotAfter), LookedAt: timeOrNil(w.LookedAt), NextLook: timeOrNil(w.Next), Error: orNil(english(w.Error)),
	}
	if w.Contact == "" {
		return j, nil
	}
	ct, err := c.engine().ContactByID(w.Contact)
	j.Contact = orNil(ct.Name)
	return j, err
}

func (c *call) watched(w *model.Watch) error {
	j, err := c.toWatch(w)
	if err != nil {
		return err
	}
	if c.g.json {
		return c.printJSON(j)
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	for _, r := range [][2]string{
		{"id", string(w.ID)}, {"address", w.Address}, {"name", w.Name}, {"contact", text(j.Contact)},
		{"state", watchState(w)}, {"because", c.words().Text(w.Detail)}, {"since", text(j.Since)},
		{"subject", w.Subject}, {"issuer", w.Issuer}, {"sha256", w.Fingerprint}, {"valid to", text(j.NotAfter)},
		{"looked at", text(j.LookedAt)}, {"no answer", c.words().Text(w.Error)}, {"next look", text(j.NextLook)},
	} {
		if r[1] != "" {
			c.say("%-14s %s", r[0], r[1])
		}
	}
	return nil
}
