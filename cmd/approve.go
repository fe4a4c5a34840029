package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

type approvedJSON struct {
	Task    model.ID `json:"task"`
	Action  string   `json:"action"`
	Subject string   `json:"subject"`
	By      string   `json:"by"`
	Outcome string   `json:"outcome"`
	Job     *string  `json:"job"`
}

// approveCmd lets a second person approve or reject what another asked for (spec G3).
func approveCmd(c *invocation) *cobra.Command {
	var reject bool
	cmd := &cobra.Command{
		Use: "approve", Args: exactArg("arg.task"),
		Example: "  certquay tasks --kind approve\n  certquay approve 8H2KX\n  certquay approve 8H2KX --reject",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if reject {
				r, err := c.engine().RejectRequest(ctx, args[0])
				if err != nil {
					return err
				}
				return c.approved(&lifecycle.Approved{Request: r})
			}
			done, err := c.engine().ApproveRequest(ctx, args[0])
			if err != nil {
				return err
			}
			if done.Job.ID != "" {
				if _, err := c.engine().Wait(ctx, done.Job.ID); err != nil {
					return err
				}
			}
			return c.approved(&done)
		},
	}
	cmd.Flags().BoolVar(&reject, "reject", false, "")
	return cmd
}

func (c *invocation) approved(done *lifecycle.Approved) error {
	r := &done.Request
	if c.JSON {
		return c.PrintJSON(approvedJSON{r.ID, r.Action, r.Name, r.By.Name, r.Outcome, out.OrNil(done.Job.ID)})
	}
	switch {
	case r.Outcome == model.RequestRejected:
		c.Say("verb.approve.rejected", "what", r.Text)
	case r.Action == rules.ActionDownloadKey:
		c.Say("verb.approve.download", "by", r.By.Name, "until", r.Until)
	default:
		c.Say("verb.approve.done", "what", r.Text)
	}
	return nil
}

func requestCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	tasks, err := c.engine().Tasks(0)
	for n := range tasks {
		if tasks[n].Kind == model.TaskApprove {
			all = append(all, candidate{ID: tasks[n].ID.Short(), About: c.Words().Text(tasks[n].Text)})
		}
	}
	return all, err
}
