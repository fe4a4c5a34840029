package cmd

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"certquay/cmd/out"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/rules"
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

func watchCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "watch", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error { return c.watches() }}
	var name, contact string
	add := &cobra.Command{
		Use: "add", Args: exactArg("arg.address"),
		Example: "  certquay watch add www.example.com:443\n  certquay watch add '[2001:db8::1]:8443' --name www.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			var id model.ID
			if err := c.engine().Allow(cmd.Context(), "watch", ""); err != nil {
				return err
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				id = ct.ID
			}
			w, err := c.engine().AddWatch(cmd.Context(), args[0], name, id)
			if err != nil {
				return err
			}
			stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.watch", "address", w.Address)} })
			w, err = c.engine().CheckWatch(cmd.Context(), w.ID)
			stop()
			if err != nil {
				return err
			}
			return c.watched(&w)
		},
	}
	add.Flags().StringVar(&name, "name", "", "")
	add.Flags().StringVar(&contact, "contact", "", "")
	check := &cobra.Command{
		Use: "check", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return c.checkWatches(cmd, args) },
	}
	cmd.AddCommand(add, check,
		&cobra.Command{Use: "list", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.watches() }},
		&cobra.Command{Use: "show", Args: exactArg("arg.watch"),
			RunE: func(_ *cobra.Command, args []string) error {
				w, err := c.engine().FindWatch(args[0])
				if err != nil {
					return err
				}
				return c.watched(&w)
			}},
		c.removeCmd("arg.watch", rules.ActionWatch,
			func(typed string) (model.ID, string, error) {
				w, err := c.engine().FindWatch(typed)
				return w.ID, w.Address, err
			},
			func(ctx context.Context, typed string) error {
				w, err := c.engine().FindWatch(typed)
				if err != nil {
					return err
				}
				if err := c.engine().RemoveWatch(ctx, w.ID); err != nil {
					return err
				}
				c.Say("verb.watch.removed", "address", w.Address)
				return nil
			}))
	return cmd
}

// checkWatches probes the named watches, or all.
func (c *invocation) checkWatches(cmd *cobra.Command, args []string) error {
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
	if err := c.probeAll(cmd.Context(), all); err != nil {
		return err
	}
	wrong := slices.ContainsFunc(all, func(w model.Watch) bool { return len(w.Problems) > 0 || w.Error != "" })
	if err := c.watchTable(all); err != nil {
		return err
	}
	if wrong {
		return &out.ExitError{Code: out.ExitFailed}
	}
	return nil
}

// maxProbes is how many endpoints are probed at once.
const maxProbes = 16

// probeAll probes endpoints, several at once, and replaces each watch by the result.
func (c *invocation) probeAll(ctx context.Context, all []model.Watch) error {
	var done atomic.Int64
	stop := c.Progress(func() out.State {
		return out.State{What: c.Text("progress.probe"), N: int(done.Load()), Of: len(all)}
	})
	defer stop()
	probes, ctx := errgroup.WithContext(ctx)
	probes.SetLimit(maxProbes)
	for n := range all {
		probes.Go(func() (err error) {
			defer done.Add(1)
			all[n], err = c.engine().CheckWatch(ctx, all[n].ID)
			return err
		})
	}
	return probes.Wait()
}

func (c *invocation) watches() error {
	all, err := c.engine().Watches()
	if err != nil {
		return err
	}
	return c.watchTable(all)
}

func (c *invocation) watchTable(all []model.Watch) error {
	items, rows := []watchJSON{}, [][]string(nil)
	for n := range all {
		w := &all[n]
		j, err := c.toWatch(w)
		if err != nil {
			return err
		}
		items = append(items, j)
		rows = append(rows, []string{w.ID.Short(), w.Address, w.Name, c.watchState(w), out.Day(w.NotAfter), out.DateTime(w.ProbedAt)})
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.watch.none")
	default:
		c.Table(c.Heads("id", "address", "name", "state", "valid-to", "looked-at"), rows)
	}
	return nil
}

// watchState returns the problem of a watch, or ok. A single failed probe is reported
// as such.
func (c *invocation) watchState(w *model.Watch) string {
	states := w.Problems
	if len(states) < 2 {
		states = []string{w.State()}
	}
	words := make([]string, len(states))
	for n, s := range states {
		words[n] = c.Label("watch", s)
	}
	s := strings.Join(words, c.Words().T("verb.join"))
	if w.Error != "" && !w.AnsweredAt.IsZero() && !slices.Equal(states, []string{monitor.WatchUnreachable}) {
		return c.Text("verb.watch.silent", "state", s)
	}
	return s
}

func (c *invocation) toWatch(w *model.Watch) (watchJSON, error) {
	j := watchJSON{
		ID:          w.ID,
		Address:     w.Address,
		Name:        w.Name,
		State:       w.State(),
		Problems:    out.OrEmpty(w.Problems),
		Detail:      out.OrNil(out.English(w.Detail)),
		Since:       out.TimeOrNil(w.Since),
		Fingerprint: out.OrNil(w.Fingerprint),
		Subject:     out.OrNil(w.Subject),
		Issuer:      out.OrNil(w.Issuer),
		NotAfter: out.TimeOrNil(
			w.NotAfter,
		),
		LookedAt: out.TimeOrNil(w.ProbedAt),
		NextLook: out.TimeOrNil(w.Next),
		Error:    out.OrNil(out.English(w.Error)),
	}
	if w.Contact == "" {
		return j, nil
	}
	ct, err := c.engine().ContactByID(w.Contact)
	j.Contact = out.OrNil(ct.Name)
	return j, err
}

func (c *invocation) watched(w *model.Watch) error {
	j, err := c.toWatch(w)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(j)
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	c.Fields([][2]string{
		{c.Field("id"), string(w.ID)}, {c.Field("address"), w.Address}, {c.Field("name"), w.Name}, {c.Field("contact"), text(j.Contact)},
		{c.Field("state"), c.watchState(w)}, {c.Field("because"), c.Words().Text(w.Detail)}, {c.Field("since"), text(j.Since)},
		{c.Field("subject"), w.Subject}, {c.Field("issuer"), w.Issuer}, {c.Field("sha256"), w.Fingerprint},
		{c.Field("valid-to"), text(j.NotAfter)}, {c.Field("looked-at"), text(j.LookedAt)},
		{c.Field("no-answer"), c.Words().Text(w.Error)}, {c.Field("next-look"), text(j.NextLook)},
	})
	return nil
}
