package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// tagVerb is the verb whose arguments may begin with a minus.
const tagVerb = "tag"

// tagCmd adds and removes tags: +prod or --add prod, -old or --remove old (spec Q4).
func tagCmd(c *invocation) *cobra.Command {
	s := selection{}
	var n lifecycle.Annotation
	cmd := &cobra.Command{
		Use: tagVerb, Example: "  certquay tag shop.example.com +prod -old\n  certquay list --where tag:prod",
		Args: func(cmd *cobra.Command, args []string) error {
			ids, added := cutTags(args)
			if len(n.Add)+len(n.Remove)+len(added) == 0 {
				return usageError(cmd, "usage.tag")
			}
			return s.args("arg.id", 0)(cmd, ids)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, added := cutTags(args)
			n.Add = append(n.Add, added...)
			return c.annotate(cmd.Context(), &s, ids, "many.tag", n)
		},
	}
	cmd.Flags().StringArrayVar(&n.Add, "add", nil, "")
	cmd.Flags().StringArrayVar(&n.Remove, "remove", nil, "")
	s.flags(cmd)
	return cmd
}

// cutTags parts the tags to add from the IDs.
func cutTags(args []string) (ids, tags []string) {
	for _, a := range args {
		if tag, ok := strings.CutPrefix(a, "+"); ok {
			tags = append(tags, tag)
		} else {
			ids = append(ids, a)
		}
	}
	return ids, tags
}

// spellTags writes the tags to remove of a command line as flags: only two minuses begin
// a flag of the verb tag, and - alone is standard input. Other command lines are
// returned as they are.
func spellTags(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.Name() != tagVerb {
		return args
	}
	args = slices.Clone(args)
	for n := slices.Index(args, tagVerb) + 1; n < len(args); n++ {
		tag, minus := strings.CutPrefix(args[n], "-")
		switch {
		case args[n] == "--":
			return args
		case strings.HasPrefix(args[n], "--"):
			f := cmd.Flag(strings.TrimPrefix(args[n], "--"))
			if f != nil && f.NoOptDefVal == "" { // its value follows
				n++
			}
		case minus && tag != "":
			args[n] = "--remove=" + tag
		}
	}
	return args
}

func ownerCmd(c *invocation) *cobra.Command {
	s := selection{}
	none := false
	cmd := &cobra.Command{
		Use: "owner", Example: "  certquay owner shop.example.com pay.example.com Anna\n  certquay owner shop.example.com --none",
		Args: func(cmd *cobra.Command, args []string) error {
			return s.args("arg.id-contact", trailing(!none))(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			owner := ""
			if !none {
				owner, args = args[len(args)-1], args[:len(args)-1]
				ct, err := c.engine().Contact(owner)
				if err != nil {
					return err
				}
				owner = ct.Name
			}
			return c.annotate(cmd.Context(), &s, args, "many.owner", lifecycle.Annotation{Owner: &owner})
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "")
	s.flags(cmd)
	return cmd
}

func noteCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use:     "note",
		Example: "  certquay note shop.example.com 'PCI scope, ask Jonas before revoking'\n  certquay note shop.example.com ''",
		Args:    s.args("arg.id-text", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			last := len(args) - 1
			return c.annotate(cmd.Context(), &s, args[:last], "many.note", lifecycle.Annotation{Note: &args[last]})
		},
	}
	s.flags(cmd)
	return cmd
}

// trailing returns how many words follow the IDs.
func trailing(one bool) int {
	if one {
		return 1
	}
	return 0
}

// annotate changes what is noted about instances. The message of code says what is done
// to n of them.
func (c *invocation) annotate(ctx context.Context, s *selection, ids []string, code string, n lifecycle.Annotation) error {
	return actOn(ctx, c, s, ids, c.findInstances(), effect[model.Instance]{
		action: rules.Annotate, title: counted(code), plan: unasked[model.Instance],
		begin: func(ctx context.Context, i *model.Instance) (begun, error) {
			now, err := c.engine().Annotate(ctx, i.ID, n)
			return begun{end: func([]lifecycle.Progress) outcome {
				return outcome{result: c.instance(&now), lines: []model.Text{model.Say(
					"verb.annotated", "name", now.Name, "tags", out.Dash(strings.Join(now.Tags, " ")),
					"owner", out.Dash(c.contactName(now.Owner)), "note", out.Dash(now.Note),
				)}}
			}}, err
		},
	})
}
