package cmd

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func revokeCmd(c *invocation) *cobra.Command {
	s := selection{}
	r := lifecycle.RevokeRequest{}
	cmd := &cobra.Command{
		Use:  "revoke",
		Long: out.Join(rules.RevocationReasons),
		Example: "  certquay revoke shop.example.com --reason keyCompromise\n" +
			"  certquay list --text old.example.com --json | jq -r '.[].id' | certquay revoke - --reason superseded --yes",
		Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Reason == "" {
				return out.Usage("usage.no-reason", "words", out.Join(rules.RevocationReasons))
			}
			var err error
			if r.Reason, err = oneOf("--reason", r.Reason, rules.RevocationReasons); err != nil {
				return err
			}
			if len(r.Versions) > 0 && s.several(args) {
				return out.Usage("usage.versions-one")
			}
			action := rules.Revoke
			if len(r.Versions) > 0 {
				if i, err := c.engine().Find(args[0]); err == nil { // else that is said below
					action = rules.RevokeAction(&i, r.Versions)
				}
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: action, title: counted("many.revoke", "reason", r.Reason), typed: true,
				plan: func(_ context.Context, i *model.Instance, cs *rules.Facts) (plan, error) {
					return c.planRevocation(i, cs, action, r)
				},
				begin: func(ctx context.Context, i *model.Instance) (begun, error) { return c.beginRevocation(ctx, i, r) },
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Reason, "reason", "", out.Join(rules.RevocationReasons))
	f.IntSliceVar(&r.Versions, "version-number", nil, "")
	waitFlag(f, &s.noWait)
	s.flags(cmd)
	return cmd
}

// stillPresenting returns the resources that present what is to be revoked: some
// versions, or all if there are none.
func (c *invocation) stillPresenting(cs *rules.Facts, versions []int) ([]lifecycle.ResourceView, error) {
	still, _, err := c.engine().Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
	return slices.DeleteFunc(still, func(v lifecycle.ResourceView) bool {
		seen := cs.Instance.ByFingerprint(v.Presented)
		return !cs.PresentsRevocable(&v.Resource) || len(versions) > 0 && !slices.Contains(versions, seen.Number)
	}), err
}

func (c *invocation) planRevocation(i *model.Instance, cs *rules.Facts, a rules.Action, r lifecycle.RevokeRequest) (plan, error) {
	p := plan{ask: true, typed: i.Name}
	if a == rules.RevokeVersion { // the instance goes on, so nothing is paid back
		p.lines = []string{c.Text("verb.revoke.versions", "name", i.Name, "versions", rules.Numbers(r.Versions), "reason", r.Reason)}
	} else {
		p.lines = []string{c.Text("verb.revoke", "name", i.Name, "reason", r.Reason)}
		if err := c.addRefund(&p, i.ID); err != nil {
			return p, err
		}
	}
	still, err := c.stillPresenting(cs, r.Versions)
	for n := range still {
		at := model.Say("verb.revoke.presented", "place", place(&still[n].Resource))
		p.lines, p.notes = append(p.lines, c.Words().Text(at)), append(p.notes, at)
	}
	return p, err
}

// beginRevocation revokes, and names in the end which resources still present what was
// revoked.
func (c *invocation) beginRevocation(ctx context.Context, i *model.Instance, r lifecycle.RevokeRequest) (begun, error) {
	cs, err := c.engine().Facts(i.ID)
	if err != nil {
		return begun{}, err
	}
	still, err := c.stillPresenting(cs, r.Versions)
	if err != nil {
		return begun{}, err
	}
	j, err := c.engine().Revoke(ctx, i.ID, r)
	b := c.became(i.ID, model.Say("verb.revoked"), j.ID)
	end := b.end
	b.end = func(all []lifecycle.Progress) outcome {
		o := end(all)
		if o.err == nil || !errors.As(o.err, new(*out.FailedError)) {
			for n := range still {
				o.notes = append(o.notes, model.Say("verb.revoke.still", "place", place(&still[n].Resource), "id", still[n].ID.Short()))
			}
		}
		return o
	}
	return b, err
}
