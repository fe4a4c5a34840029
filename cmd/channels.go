package cmd

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/model"
)

// nextURL is where, after a comma, another URL begins; URLs may hold commas.
var nextURL = regexp.MustCompile(`,([a-zA-Z][a-zA-Z0-9+.-]*:)`)

// channelFlags are the ways to name channels. Their URLs hold tokens, and an
// argument can be seen by the other users of a machine.
type channelFlags struct{ urls, files []string }

func (f *channelFlags) into(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.urls, "channel", nil, "")
	cmd.Flags().StringArrayVar(&f.files, "channel-file", nil, "")
}

// read collects the URLs.
func (f *channelFlags) read(ctx context.Context, c *call) (all []string, err error) {
	add := func(line string) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	for _, u := range f.urls {
		for _, one := range strings.Split(nextURL.ReplaceAllString(u, "\n$1"), "\n") {
			add(one)
		}
	}
	for _, path := range f.files {
		if path == "-" && c.Interactive {
			line, err := c.AskSecret(ctx, c.Text("verb.ask.channel"))
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			add(line)
			continue
		}
		data, err := c.read(ctx, path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			add(line)
		}
	}
	return all, nil
}

type channelTestJSON struct {
	Channel string  `json:"channel"`
	OK      bool    `json:"ok"`
	Unused  bool    `json:"unused"`
	Error   *string `json:"error"`
}

func contactTestCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "test", Args: one("arg.name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			tests, err := c.engine().TestContact(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			items, rows, failed := []channelTestJSON{}, [][]string(nil), len(tests) == 0
			for _, t := range tests {
				j := channelTestJSON{Channel: t.Channel, OK: t.Err == nil, Unused: t.Unused}
				result, why := "verb.channel.works", model.TextOf(t.Err)
				if t.Err != nil {
					j.Error, result = out.OrNil(out.English(why)), "verb.channel.fails"
				}
				if t.Unused {
					result = "verb.channel.unused"
				}
				failed = failed || t.Err != nil && !t.Unused
				items, rows = append(items, j), append(rows, []string{t.Channel, c.Text(result), c.Words().Text(why)})
			}
			if c.JSON {
				err = c.PrintJSON(items)
			} else {
				c.Table(c.Heads("channel", "result", "why"), rows)
			}
			if err == nil && failed {
				return &out.ExitError{Code: out.ExitFailed}
			}
			return err
		},
	}
}

type noticeJSON struct {
	ID       model.ID         `json:"id"`
	At       string           `json:"at"`
	Kind     model.NoticeKind `json:"kind"`
	Instance *string          `json:"instance"`
	Name     *string          `json:"name"`
	To       string           `json:"to"`
	Subject  string           `json:"subject"`
	Text     string           `json:"text"`
	Attempts int              `json:"attempts"`
	Next     *string          `json:"next"`
	Done     *string          `json:"done"`
	Outcome  *string          `json:"outcome"`
	Error    *string          `json:"last_error"`
}

func noticesCmd(c *call) *cobra.Command {
	var f lifecycle.NoticeFilter
	var id string
	cmd := &cobra.Command{
		Use: "notices", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error {
			if id != "" {
				i, err := c.engine().Find(id)
				if err != nil {
					return err
				}
				f.Instance = i.ID
			}
			all, err := c.engine().Notices(f)
			if err != nil {
				return err
			}
			items, rows := []noticeJSON{}, [][]string(nil)
			for n := range all {
				m := &all[n]
				j := noticeJSON{
					ID:       m.ID,
					At:       *out.TimeOrNil(m.At),
					Kind:     m.Kind,
					Instance: out.OrNil(string(m.Instance)),
					Name:     out.OrNil(m.Name),
					To:       m.To,
					Subject:  m.Subject,
					Text:     m.Text,
					Attempts: m.Attempt,
					Done:     out.TimeOrNil(m.Done),
					Outcome:  out.OrNil(m.Outcome),
					Error:    out.OrNil(out.English(m.Error)),
				}
				if m.Open() && !m.Next.Equal(model.Never) {
					j.Next = out.TimeOrNil(m.Next)
				}
				items = append(items, j)
				delivery := c.Words().Text(noticeState(m))
				rows = append(rows, []string{out.DateTime(m.At), c.Label("notice", string(m.Kind)), out.Dash(m.Name), m.To, delivery})
			}
			switch {
			case c.JSON:
				return c.PrintJSON(items)
			case len(rows) == 0:
				c.Say("verb.notices.none")
			default:
				c.Table(c.Heads("at", "kind", "about", "to", "delivery"), rows)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "")
	cmd.Flags().BoolVar(&f.Open, "undelivered", false, "")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "")
	return cmd
}

// noticeState says where a notice stands.
func noticeState(n *model.Notice) model.Text {
	switch {
	case !n.Open():
		return model.Say("outcome."+n.Outcome, "at", n.Done)
	case n.Attempt == 0:
		return model.Say("verb.notice.underway")
	case n.Next.Equal(model.Never):
		return model.Say("verb.notice.aside", "attempt", n.Attempt, "cause", n.Error)
	case n.Error == "":
		return model.Say("verb.notice.trying", "attempt", n.Attempt, "at", n.Next)
	}
	return model.Say("verb.notice.failed", "attempt", n.Attempt, "at", n.Next, "cause", n.Error)
}
