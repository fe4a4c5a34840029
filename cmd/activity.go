package cmd

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

type eventJSON struct {
	Seq      uint64  `json:"seq"`
	At       *string `json:"at"`
	Actor    string  `json:"actor"`
	Via      string  `json:"via"`
	Action   string  `json:"action"`
	Instance *string `json:"instance"`
	Name     *string `json:"name"`
	Resource *string `json:"resource"`
	From     *string `json:"from"`
	To       *string `json:"to"`
	Why      string  `json:"why"`
	Result   string  `json:"result"`
	Reason   *string `json:"reason"`
	Detail   *string `json:"detail"`
}

func toEvent(e *model.Event) eventJSON {
	reason, detail := out.English(e.Reason), out.English(e.Detail)
	if code, refused := rules.ReasonOf(e.Reason); refused {
		reason, detail = string(code), reason
	}
	return eventJSON{
		e.Seq,
		out.TimeOrNil(e.At),
		e.Actor,
		e.Via,
		e.Action,
		out.OrNil(e.Instance),
		out.OrNil(text.New("en").Subject(e)),
		out.OrNil(e.Resource),
		out.OrNil(e.From),
		out.OrNil(e.To),
		journal.CauseOf(e),
		e.Result,
		out.OrNil(reason),
		out.OrNil(detail),
	}
}

func activityCmd(c *invocation) *cobra.Command {
	var id string
	var follow bool
	f := lifecycle.ActivityFilter{}
	cmd := &cobra.Command{
		Use: "activity", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if id != "" {
				f.Instance = model.ID(id) // the activity of a deleted instance remains
				if i, err := c.engine().Find(id); err == nil {
					f.Instance = i.ID
				} else if len(id) < len("01ARZ3NDEKTSV4RRFFQ69G5FAV") {
					return err
				}
			}
			feed := (<-chan model.ChangeSet)(nil)
			if follow {
				// Following is registered like a dashboard, so that an owner does not
				// wait for it to end.
				defer c.app.Sessions.Dashboard(cmd.Context())()
				feed = c.engine().Watch(cmd.Context())
			}
			events, err := c.engine().Activity(f)
			if err != nil {
				return err
			}
			slices.Reverse(events)
			if c.JSON && !follow {
				items := []eventJSON{}
				for n := range events {
					items = append(items, toEvent(&events[n]))
				}
				return c.PrintJSON(items)
			}
			last := uint64(0)
			for n := range events {
				c.event(&events[n])
				last = events[n].Seq
			}
			if !follow {
				if len(events) == 0 {
					c.Say("verb.activity.none")
				}
				return nil
			}
			for range feed {
				more, err := c.engine().Activity(lifecycle.ActivityFilter{Instance: f.Instance, After: max(last, 1)})
				if err != nil {
					return err
				}
				for n := range more {
					c.event(&more[n])
					last = more[n].Seq
				}
			}
			if errors.Is(context.Cause(cmd.Context()), session.ErrReattach) {
				c.Note("verb.activity.stopped")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "")
	cmd.Flags().BoolVar(&follow, "follow", false, "")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "")
	return cmd
}

// event prints one event: a line of text, or a JSON object on one line.
func (c *invocation) event(ev *model.Event) {
	if !c.JSON {
		name := c.Words().Subject(ev)
		if name == "" {
			name = ev.Instance.Short()
		}
		c.Print(c.eventLine(ev) + "  " + text.Clean(name))
		return
	}
	if b, err := out.EncodeJSON(toEvent(ev), ""); err == nil {
		_, _ = c.Out.Write(b)
	}
}
