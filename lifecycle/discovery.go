package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/discover"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Discovery is what was found last.
type Discovery struct {
	At       time.Time // zero if nothing was discovered yet
	Args     []string
	Findings []Found // by host, path and name
}

// Found is a finding with what has become of it.
type Found struct {
	discover.Finding
	Adopted  bool
	Instance model.ID // that was made of it; "" for none
	Brand    string   // the issuer that would renew it; "" if it would only be kept
}

// Adoptable reports whether adopting it would do something.
func (f *Found) Adoptable() bool { return !f.Adopted && f.Problem == "" && !f.Managed() }

// Managed reports whether certquay has deployed what is presented at all its places.
func (f *Found) Managed() bool {
	return len(f.Places) > 0 && !slices.ContainsFunc(f.Places, func(p discover.Place) bool { return !p.Managed })
}

// Discover reads what the arguments name, or the usual places of this machine, and keeps the
// findings until the next discovery (spec P4). It changes nothing where it reads. What cannot
// be read is a finding with a problem.
func (a *Access) Discover(ctx context.Context, args []string, reach discover.Reach) (Discovery, error) {
	return asActor(ctx, a, rules.ActionDiscover, "", func(by model.Actor) (d Discovery, err error) {
		found, err := a.e.discover.Discover(ctx, args, reach)
		if err != nil {
			return d, err
		}
		if err := a.e.keepFindings(ctx, by, discovered{a.e.Now(), args, found, reach}); err != nil {
			return d, err
		}
		return a.e.discovery(by)
	})
}

// Glance counts the certificates that other clients keep in their usual folders on this
// machine, without commands and without the network; 0 for who may not discover.
func (a *Access) Glance(ctx context.Context) int {
	if a.May(rules.ActionDiscover) != nil {
		return 0
	}
	return a.e.discover.Glance(ctx)
}

// Discovery returns what was found last.
func (a *Access) Discovery() (Discovery, error) { return guardedRead1(a, a.e.discovery, a.who()) }

// discovered is the stored form of a discovery.
type discovered struct {
	At       time.Time
	Args     []string
	Findings []discover.Finding
	Reach    discover.Reach
}

// Cells of what was found and adopted.
const (
	discoverSpace = "discover"
	adoptedSpace  = "adopted"
)

// keepFindings stores what was found in place of what was found before, and closes the tasks
// about clients that no longer renew.
func (e *Engine) keepFindings(ctx context.Context, by model.Actor, d discovered) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return e.journal.Update(ctx, func(tx model.Tx) error {
		cell := model.KV{Namespace: discoverSpace, Name: "findings", Data: data, Secret: d.Reach.Key}
		if err := tx.Put(&cell); err != nil {
			return err
		}
		off := func(t *model.Task) string {
			n := slices.IndexFunc(d.Findings, func(f discover.Finding) bool { return f.ID == t.About })
			if t.Kind == model.TaskSwitchOff && t.Done.IsZero() && n >= 0 && d.Findings[n].Keeper.Off == "" {
				return journal.OutcomeSeen
			}
			return ""
		}
		if err := journal.EndTasks(tx, model.Scan{Kind: model.KindTask}, d.At, off); err != nil {
			return err
		}
		ev := e.journal.Event(by, string(rules.ActionDiscover), nil)
		ev.Detail = model.Say("log.discovered", "n", len(d.Findings))
		return tx.Append(ev)
	})
}

// lastDiscovery reads what was found last; the zero value before the first discovery.
func lastDiscovery(r model.Reader) (d discovered, err error) {
	cell := model.KV{Namespace: discoverSpace, Name: "findings"}
	if err := r.Get(&cell); err != nil {
		if errors.Is(err, model.ErrNotFound) {
			err = nil
		}
		return d, err
	}
	err = json.Unmarshal(cell.Data, &d)
	d.Reach.Key = cell.Secret
	return d, err
}

// discovery is [Access.Discovery].
func (e *Engine) discovery(who model.Actor) (d Discovery, err error) {
	err = e.store.View(func(r model.Reader) error {
		last, err := lastDiscovery(r)
		if err != nil {
			return err
		}
		adopted, err := adoptions(r)
		if err != nil {
			return err
		}
		d = Discovery{At: last.At, Args: last.Args, Findings: make([]Found, len(last.Findings))}
		for n, f := range last.Findings {
			d.Findings[n] = Found{Finding: f}
			if len(f.Places) > 0 && !f.Endpoint() && f.Problem == "" {
				d.Findings[n].Brand = e.brandOf(who, f.Keeper.Directory)
			}
			if a, is := adopted[f.ID]; is {
				d.Findings[n].Adopted, d.Findings[n].Instance = true, a.Instance
			}
		}
		return nil
	})
	return d, err
}

// adoption is what was done to adopt a finding, so that it can be undone.
type adoption struct {
	Finding  discover.Finding
	At       time.Time
	Instance model.ID // "" for an address alone
	Uploaded bool     // the instance was made for it
	Hosted   bool     // its hosting was switched on for it
	Watch    model.ID // of an address alone
	Places   []model.ID
	Products []string // that adopting declared, or to which it added the host
}

func (a *adoption) cell() (*model.KV, error) {
	data, err := json.Marshal(a)
	return &model.KV{Namespace: adoptedSpace, Name: a.Finding.ID, Data: data}, err
}

// adoptions are all that are not undone, by the IDs of their findings.
func adoptions(r model.Reader) (map[string]adoption, error) {
	all := map[string]adoption{}
	for cell, err := range model.All[model.KV](r, model.Scan{Prefix: adoptedSpace + "/"}) {
		if err != nil {
			return nil, err
		}
		a := adoption{}
		if err := json.Unmarshal(cell.Data, &a); err != nil {
			return nil, err
		}
		all[a.Finding.ID] = a
	}
	return all, nil
}

// chosen returns those of findings that were named, by ID, a unique beginning of one, or
// name; all of them without names.
func chosen[F any](all []F, of func(*F) *discover.Finding, named []string) (some []F, err error) {
	if len(named) == 0 {
		return all, nil
	}
	for _, name := range named {
		var ids, names []F
		for n := range all {
			f := of(&all[n])
			if len(name) >= 3 && strings.HasPrefix(f.ID, strings.ToLower(name)) {
				ids = append(ids, all[n])
			}
			if model.NormalizeName(f.Name) == model.NormalizeName(name) {
				names = append(names, all[n])
			}
		}
		switch {
		case len(ids) == 1:
			some = append(some, ids[0])
		case len(names) > 0:
			some = append(some, names...)
		default:
			return nil, &rules.NotFound{What: "finding", Name: name}
		}
	}
	return some, nil
}
