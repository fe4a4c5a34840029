package rules

import (
	"slices"

	"certquay/model"
)

// settling lists the actions of the transition table that settle tasks of a kind,
// the best first.
var settling = map[model.TaskKind][]Action{
	model.TaskInstall:     {Deploy, Download},
	model.TaskReplace:     {Deploy, Reorder, Undeploy},
	model.TaskReview:      {Review},
	model.TaskAddress:     {Verify, Undeploy},
	model.TaskExpiry:      {Renew, Host, Reorder, Delete},
	model.TaskHostingEnds: {Host, Renew},
	model.TaskPredecessor: {Deploy},
	model.TaskWindow:      {Deploy},
	model.TaskDrift:       {Deploy, Accept},
	model.TaskFailing:     {Deploy, Reissue, Undeploy, Revoke},
}

// Settlers returns the transitions of actions that may settle tasks of a kind, the best
// first.
func (t *TransitionTable) Settlers(kind model.TaskKind) (rows []*Transition) {
	for _, a := range settling[kind] {
		for _, r := range t.transitions {
			if r.Action == a && r.Verb != "" {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// certquayItself lists what settles a task about certquay itself.
var certquayItself = map[model.TaskKind]Suggestion{
	model.TaskUnseal: {Action: "unseal"},
	model.TaskRoot:   {Action: "ca", Args: []string{"root"}},
	model.TaskCA:     {Action: "ca", Args: []string{"show"}},
	model.TaskDamage: {Action: "fsck"},
}

// Settling returns what settles a task, the best first, of what is allowed now. c is
// nil for a task about no instance.
func (t *TransitionTable) Settling(k *model.Task, c *Facts) (all []Suggestion) {
	if s, ok := certquayItself[k.Kind]; ok {
		return []Suggestion{s}
	}
	if k.Kind == model.TaskApprove {
		return []Suggestion{{Action: ActionApprove, Args: []string{k.ID.Short()}}}
	}
	if Retries(k, c) {
		return []Suggestion{{Action: "tasks", Args: []string{"retry", k.ID.Short()}}}
	}
	if c == nil {
		return nil
	}
	for _, r := range t.Settlers(k.Kind) {
		// What failed for good is done again.
		if t.Check(r.Action, c) == nil && (k.Kind != model.TaskFailing || k.About == string(r.Action)) {
			all = append(all, Suggestion{r.Action, argsFor(r.Action, k, c)})
		}
	}
	return all
}

// Retries reports whether a task is about work that can be retried now: it is set
// aside, or waits for its next attempt.
func Retries(k *model.Task, c *Facts) bool {
	switch k.Kind {
	case model.TaskAside:
		return k.Job != "" || k.Channel != ""
	case model.TaskChannel:
		return true
	case model.TaskFailing:
		return c != nil && FailingOperation(k, c).Active()
	}
	return false
}

// FailingOperation returns the operation that a task of kind [model.TaskFailing] is
// about; an inactive one if it has ended.
func FailingOperation(k *model.Task, c *Facts) model.Operation {
	o := c.Instance.Operation
	if k.Resource != "" {
		o = model.Operation{}
		for n := range c.Resources {
			if c.Resources[n].ID == k.Resource {
				o = c.Resources[n].Operation
			}
		}
	}
	if string(o.Kind) != k.About {
		return model.Operation{}
	}
	return o
}

// argsFor returns the arguments of a verb that settles a task.
func argsFor(a Action, k *model.Task, c *Facts) []string {
	n := slices.IndexFunc(c.Resources, func(r model.Resource) bool { return r.ID == k.Resource })
	switch {
	case n < 0 && a == Deploy && k.Resource != "": // of a predecessor
		return []string{k.Instance.Short(), "--everywhere"}
	case n < 0:
	case a == Verify || a == Undeploy || a == Accept:
		return []string{k.Resource.Short()}
	case a == Deploy:
		r := &c.Resources[n]
		return []string{k.Instance.Short(), "--product", r.Product, "--region", r.Region, "--resource", r.Name}
	}
	return []string{k.Instance.Short()}
}
