package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

func explainCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "explain", Args: exactArg("arg.id"),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			x, err := c.engine().Explain(i.ID)
			if err != nil {
				return err
			}
			var verbs []string
			for _, a := range x.Allowed {
				verbs = append(verbs, c.engine().Table().Transition(a).Verb)
			}
			if len(verbs) > 0 {
				x.Next = append(x.Next, rules.Statement{Text: model.Say("next.verbs", "verbs", verbs)})
			}
			if c.JSON {
				en := text.New("en")
				return c.PrintJSON(map[string]any{
					"id":    i.ID,
					"state": en.Text(x.State),
					"why":   out.OrEmpty(statements(en, x.Why)),
					"next":  out.OrEmpty(statements(en, x.Next)),
				})
			}
			words := c.Words()
			c.Print(words.Text(x.State))
			for _, part := range []struct {
				head  string
				lines []string
			}{{"verb.why", statements(words, x.Why)}, {"verb.next", statements(words, x.Next)}} {
				if len(part.lines) > 0 {
					c.Print("\n" + c.Text(part.head))
				}
				for _, line := range part.lines {
					c.Print("  " + line)
				}
			}
			return nil
		},
	}
}

// statements returns the sentences of an explanation.
func statements(words *text.Catalogue, all []rules.Statement) []string {
	var lines []string
	for _, s := range all {
		lines = append(lines, words.Statement(s, nil))
	}
	return lines
}
