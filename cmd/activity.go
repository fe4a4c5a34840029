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
	Receipt  *string `json:"receipt"` // of the deployment that it tells of
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
		out.OrNil(e.Receipt),
	}
}

// eventResults are the results that --result narrows the activity log to.
var eventResults = []string{
	journal.ResultOK, journal.ResultFailed, journal.ResultRefused, journal.ResultWaiting, journal.ResultStarted,
}

// activityFlags are the values of the flags of the verb activity.
type activityFlags struct {
	lifecycle.ActivityFilter
	id, since, until string
	follow           bool
}

// filter returns the filter that the flags ask for.
func (a *activityFlags) filter(c *invocation) (f lifecycle.ActivityFilter, err error) {
	f = a.ActivityFilter
	if a.id != "" {
		f.Instance = model.ID(a.id) // the activity of a deleted instance remains
		if i, err := c.engine().Find(a.id); err == nil {
			f.Instance = i.ID
		} else if len(a.id) < len("01ARZ3NDEKTSV4RRFFQ69G5FAV") {
			return f, err
		}
	}
	now := c.engine().Now()
	var ok bool
	if a.since != "" {
		if f.Since, _, ok = lifecycle.ParsePeriod(a.since, now); !ok {
			return f, out.Usage("usage.past", "value", a.since)
		}
	}
	if a.until != "" {
		if _, f.Until, ok = lifecycle.ParsePeriod(a.until, now); !ok {
			return f, out.Usage("usage.past", "value", a.until)
		}
	}
	if !f.Until.IsZero() && f.Until.Before(f.Since) {
		return f, out.Usage("usage.period", "since", a.since, "until", a.until)
	}
	for flag, of := range map[string]struct{ got, known []string }{
		"--what": {f.Actions, c.Words().EventActions()}, "--result": {f.Results, eventResults},
	} {
		for _, v := range of.got {
			if !slices.Contains(of.known, v) {
				return f, out.Usage("usage.unknown-word", "what", flag, "value", v, "words", of.known)
			}
		}
	}
	return f, nil
}

func activityCmd(c *invocation) *cobra.Command {
	var a activityFlags
	cmd := &cobra.Command{
		Use: "activity", Args: noArgs,
		Example: "  certquay activity --since 7d --result failed\n" +
			"  certquay activity --since 2026-11-01 --until 2026-11-14 --who anna --what deploy,revoke\n" +
			"  certquay activity --id shop.example.com --follow --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := a.filter(c)
			if err != nil {
				return err
			}
			feed := (<-chan model.ChangeSet)(nil)
			if a.follow {
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
			if c.JSON && !a.follow {
				items := []eventJSON{}
				for n := range events {
					items = append(items, toEvent(&events[n]))
				}
				return c.PrintJSON(items)
			}
			for n := range events {
				c.event(&events[n])
			}
			switch {
			case a.follow:
				return c.followActivity(cmd.Context(), feed, f, events)
			case len(events) > 0:
			case anyFlagSet(cmd):
				c.Say("verb.activity.no-match")
			default:
				c.Say("verb.activity.none")
			}
			return nil
		},
	}
	cmd.AddCommand(activityVerifyCmd(c))
	flags := cmd.Flags()
	flags.StringVar(&a.id, "id", "", "")
	flags.StringVar(&a.since, "since", "", "")
	flags.StringVar(&a.until, "until", "", "")
	flags.StringSliceVar(&a.Actors, "who", nil, "")
	flags.StringSliceVar(&a.Actions, "what", nil, "")
	flags.StringSliceVar(&a.Results, "result", nil, "")
	flags.BoolVar(&a.follow, "follow", false, "")
	flags.IntVar(&a.Limit, "limit", 100, "")
	return cmd
}

// followActivity prints the events that pass the filter as they happen, after those that
// were printed.
func (c *invocation) followActivity(
	ctx context.Context, feed <-chan model.ChangeSet, f lifecycle.ActivityFilter, printed []model.Event,
) error {
	f.Limit, f.After = 0, 1
	if len(printed) > 0 {
		f.After = max(printed[len(printed)-1].Seq, 1)
	}
	for range feed {
		newest, err := c.engine().Activity(lifecycle.ActivityFilter{Limit: 1})
		if err != nil {
			return err
		}
		more, err := c.engine().Activity(f)
		if err != nil {
			return err
		}
		for n := range more {
			c.event(&more[n])
			f.After = more[n].Seq
		}
		if len(newest) > 0 { // those that do not match are not read again
			f.After = max(f.After, newest[0].Seq)
		}
	}
	if errors.Is(context.Cause(ctx), session.ErrReattach) {
		c.Note("verb.activity.stopped")
	}
	return nil
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
