package cmd

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// selection is how a command line names what a verb acts on: IDs, "-" for IDs from
// standard input, or a query (spec Q2).
type selection struct {
	where  string // a query of certificates; "" for none
	dryRun bool   // say what would be done, and change nothing
	noWait bool   // return when the work is started
}

// flags adds the flags of a selection to a verb.
func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.where, "where", "", "")
	cmd.Flags().BoolVar(&s.dryRun, "dry-run", false, "")
}

// args returns the argument check of a verb that takes one or several IDs, which the
// message of code describes, or a query, followed by a number of words that are no IDs.
func (s *selection) args(code string, trailing int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch ids := len(args) - trailing; {
		case s.where != "" && ids > 0:
			return out.Usage("usage.where-or-ids", "verb", cmd.CommandPath())
		case s.where != "" && ids == 0:
			return nil
		case s.where == "" && cmd.Flags().Changed("where"):
			return out.Usage("usage.where-empty")
		case ids <= 0:
			return usageError(cmd, "usage.some", "what", model.Say(code))
		}
		return nil
	}
}

// several reports whether the result is a list: that of several IDs, of standard input
// or of a query.
func (s *selection) several(ids []string) bool { return len(ids) != 1 || ids[0] == "-" }

// target is what a verb can act on.
type target interface {
	model.Instance | model.Watch | lifecycle.ResourceView
}

// finder resolves what was typed to targets of a kind, and asks whether an action on one
// is allowed.
type finder[T target] struct {
	find func(typed string) (T, error)
	// search returns the IDs that a query finds.
	search func(ctx context.Context, query string) ([]model.ID, error)
	// label returns the ID of a target and the name that it has in messages.
	label func(*T) (id model.ID, name string)
	// check returns the facts that allow an action, which are nil for a resource without
	// an instance, or its refusal.
	check func(a rules.Action, t *T) (*rules.Facts, error)
}

// findInstances resolves instances.
func (c *invocation) findInstances() finder[model.Instance] {
	return finder[model.Instance]{
		find:   c.engine().Find,
		search: c.engine().Search,
		label:  func(i *model.Instance) (model.ID, string) { return i.ID, i.Name },
		check:  func(a rules.Action, i *model.Instance) (*rules.Facts, error) { return c.checkAction(a, i.ID) },
	}
}

// findResources resolves resources.
func (c *invocation) findResources() finder[lifecycle.ResourceView] {
	return finder[lifecycle.ResourceView]{
		find:   c.engine().FindResource,
		search: func(_ context.Context, query string) ([]model.ID, error) { return c.engine().SearchResources(query) },
		label:  func(r *lifecycle.ResourceView) (model.ID, string) { return r.ID, place(&r.Resource) },
		check: func(a rules.Action, r *lifecycle.ResourceView) (*rules.Facts, error) {
			return c.checkAction(a, r.Instance)
		},
	}
}

// checkAction returns the facts that allow an action on an instance, or its refusal.
// Without an instance there are no facts, and the role alone decides.
func (c *invocation) checkAction(a rules.Action, id model.ID) (*rules.Facts, error) {
	if id == "" {
		return nil, c.errOrNil(c.engine().May(a))
	}
	cs, err := c.engine().Facts(id)
	if err != nil {
		return nil, err
	}
	return cs, c.errOrNil(c.engine().Table().Check(a, cs))
}

// errOrNil returns a refusal as an error, which names those who have the role that is needed,
// and nil for nil.
func (c *invocation) errOrNil(f *rules.Refusal) error {
	if f == nil {
		return nil
	}
	return c.engine().WhoMay(f)
}

// ids returns what a selection names: the IDs of a query, or those that were typed.
func (s *selection) ids(
	ctx context.Context, c *invocation, args []string, search func(context.Context, string) ([]model.ID, error),
) ([]string, error) {
	if s.where == "" {
		return c.typedIDs(ctx, args)
	}
	found, err := search(ctx, s.where)
	ids := make([]string, len(found))
	for n, id := range found {
		ids[n] = string(id)
	}
	return ids, err
}

// typedIDs returns the IDs of a command line, with "-" replaced by the lines of standard
// input.
func (c *invocation) typedIDs(ctx context.Context, args []string) ([]string, error) {
	var all []string
	for _, a := range args {
		if a != "-" {
			all = append(all, a)
			continue
		}
		data, err := c.read(ctx, "-")
		if err != nil {
			return nil, err
		}
		if len(data) > bundle.MaxBytes || !utf8.Valid(data) {
			return nil, out.Usage("usage.ids")
		}
		for line := range bytes.Lines(data) {
			if id := strings.TrimSpace(string(line)); id != "" {
				all = append(all, id)
			}
		}
	}
	return all, nil
}
