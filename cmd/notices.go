package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/outbox"
	"certquay/model"
)

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

func noticesCmd(c *invocation) *cobra.Command {
	var f outbox.NoticeFilter
	var id string
	cmd := &cobra.Command{
		Use: "notices", Args: noArgs,
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
				delivery := c.Words().Text(outbox.State(m))
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
	cmd.AddCommand(&cobra.Command{
		Use: "retry", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := c.engine().RetryNotices(cmd.Context())
			if err != nil {
				return err
			}
			c.Say("verb.notices.retried", "n", n)
			return nil
		},
	})
	cmd.Flags().BoolVar(&f.Failed, "failed", false, "")
	cmd.Flags().StringVar(&id, "id", "", "")
	cmd.Flags().BoolVar(&f.Open, "undelivered", false, "")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "")
	return cmd
}
