package cmd

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/store"
)

type eventsReportJSON struct {
	Events      int      `json:"events"`
	Checkpoint  *string  `json:"checkpoint"`
	Checkpoints []string `json:"checkpoints_hold"`
	Problems    []string `json:"problems"`
}

// activityVerifyCmd checks the chain of the activity log (spec G6).
func activityVerifyCmd(c *invocation) *cobra.Command {
	var noted []string
	cmd := &cobra.Command{
		Use: "verify", Args: noArgs,
		Example: "  certquay activity verify\n  certquay activity verify --checkpoint 1204:9f2c...e1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.engine().Allow(cmd.Context(), rules.ActionRead, ""); err != nil {
				return err
			}
			var points []store.Checkpoint
			for _, typed := range noted {
				p, ok := parseCheckpoint(typed)
				if !ok {
					return out.Usage("usage.checkpoint", "value", typed)
				}
				points = append(points, p)
			}
			r, err := c.app.Store.VerifyEvents(cmd.Context(), points)
			if err != nil {
				return err
			}
			return c.eventsReport(&r)
		},
	}
	cmd.Flags().StringSliceVar(&noted, "checkpoint", nil, "")
	return cmd
}

func (c *invocation) eventsReport(r *store.EventReport) error {
	if c.JSON {
		j := eventsReportJSON{Events: r.Events, Checkpoints: []string{}, Problems: out.EnglishAll(r.Problems)}
		if r.Events > 0 {
			j.Checkpoint = out.OrNil(checkpoint(r.Last))
		}
		for _, p := range r.Checkpoint {
			j.Checkpoints = append(j.Checkpoints, checkpoint(p))
		}
		if err := c.PrintJSON(j); err != nil {
			return err
		}
	}
	for _, p := range r.Problems {
		c.Say("verb.problem", "what", p)
	}
	if len(r.Problems) > 0 {
		return out.Failed("failed.activity", "n", len(r.Problems))
	}
	for _, p := range r.Checkpoint {
		c.Say("verb.activity.holds", "checkpoint", checkpoint(p))
	}
	if r.Events == 0 {
		c.Say("verb.activity.none")
		return nil
	}
	c.Say("verb.activity.whole", "n", r.Events, "checkpoint", checkpoint(r.Last))
	return nil
}

// checkpoint is a checkpoint as it is printed and typed.
func checkpoint(p store.Checkpoint) string {
	return strconv.FormatUint(p.Seq, 10) + ":" + hex.EncodeToString(p.Chain)
}

func parseCheckpoint(s string) (p store.Checkpoint, ok bool) {
	seq, chain, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return p, false
	}
	b, err := hex.DecodeString(chain)
	return store.Checkpoint{Seq: n, Chain: b}, err == nil && len(b) == 32
}
