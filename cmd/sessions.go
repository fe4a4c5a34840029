package cmd

import (
	"strconv"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/sshd"
	"certquay/lifecycle/rules"
	"certquay/model"
)

type sessionJSON struct {
	ID      int     `json:"id"`
	Name    string  `json:"name"`
	Role    string  `json:"role"`
	Via     string  `json:"via"`
	From    *string `json:"from"`
	Key     *string `json:"key"`
	Since   string  `json:"since"`
	Doing   string  `json:"doing"`
	View    *string `json:"view"`
	Looking *string `json:"instance"`
	Own     bool    `json:"own"`
}

// sessionsCmd lists the sessions and ends them (spec G5).
func sessionsCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use: "sessions", Args: noArgs,
		Example: "  certquay sessions\n  certquay sessions end 7",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.engine().Allow(cmd.Context(), rules.ActionSession, ""); err != nil {
				return err
			}
			return c.sessions(c.app.Sessions.Sessions(), sshd.Current(cmd.Context()))
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "end", Args: exactArg("arg.session"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().Allow(cmd.Context(), rules.ActionSession, ""); err != nil {
				return err
			}
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 {
				return out.Usage("usage.session", "value", args[0])
			}
			return c.endSession(cmd, n)
		},
	})
	return cmd
}

func (c *invocation) endSession(cmd *cobra.Command, n int) error {
	for _, s := range c.app.Sessions.Sessions() {
		if s.ID != n {
			continue
		}
		if s.Actor.Via == "terminal" {
			return out.Usage("usage.session-local", "id", n)
		}
		if !c.app.Sessions.EndSession(n) {
			break // it has ended by itself
		}
		c.Say("verb.sessions.ended", "id", n, "name", s.Actor.Name)
		detail := model.Say("log.session-ended", "name", s.Actor.Name, "from", s.From)
		return c.app.Engine.Note(cmd.Context(), c.currentActor(), rules.ActionSession, detail, nil)
	}
	return &rules.NotFound{What: "session", Name: strconv.Itoa(n)}
}

func (c *invocation) sessions(all []sshd.SessionInfo, own int) error {
	items, rows := []sessionJSON{}, [][]string(nil)
	for _, s := range all {
		doing, code := c.Text("verb.sessions.dashboard"), "dashboard"
		if s.Verb != "" {
			doing, code = s.Verb, s.Verb
		}
		items = append(items, sessionJSON{
			ID:      s.ID,
			Name:    s.Actor.Name,
			Role:    s.Actor.Role.String(),
			Via:     s.Actor.Via,
			From:    out.OrNil(s.From),
			Key:     out.OrNil(s.Actor.Key),
			Since:   *out.TimeOrNil(s.Since),
			Doing:   code,
			View:    out.OrNil(s.View),
			Looking: out.OrNil(s.Looking),
			Own:     s.ID == own,
		})
		looking := ""
		if i, err := c.engine().Instance(s.Looking); err == nil {
			looking = i.Name
		}
		name := s.Actor.Name
		if s.ID == own {
			name = c.Text("verb.sessions.own", "name", name)
		}
		rows = append(rows, []string{
			strconv.Itoa(s.ID), name, c.Label("role", s.Actor.Role.String()), c.Label("via", s.Actor.Via), out.Dash(s.From),
			out.DateTime(s.Since), doing, out.Dash(looking),
		})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(c.Heads("id", "name", "role", "via", "from", "since", "doing", "looking"), rows)
	return nil
}

func sessionCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	if f := c.engine().May(rules.ActionSession); f != nil {
		return nil, f
	}
	for _, s := range c.app.Sessions.Sessions() {
		all = append(all, candidate{Name: strconv.Itoa(s.ID), About: s.Actor.Name})
	}
	return all, nil
}
