package kittest

import (
	"context"
	"fmt"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// QuoteHosting implements app.Hosting.
func (b *Backend) QuoteHosting(id model.ID, r lifecycle.HostRequest) (lifecycle.Quote, error) {
	i, err := b.Instance(id)
	if err != nil {
		return lifecycle.Quote{}, err
	}
	amount := int64(120_00)
	if r.FromPack {
		amount = 0
	}
	return lifecycle.Quote{Currency: "EUR", Total: amount, Lines: []model.OrderLine{{Item: "managed hosting", Spec: i.Spec, Years: 1, Quantity: 1, Amount: amount, Currency: "EUR"}}}, nil
}

// ContactNames implements app.Hosting.
func (b *Backend) ContactNames(ids []model.ID) (map[model.ID]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := map[model.ID]string{}
	for _, id := range ids {
		i, err := b.find(id)
		if err != nil {
			continue
		}
		for _, k := range b.People {
			if k.ID == i.Contact {
				names[id] = k.Name
			}
		}
	}
	return names, nil
}

// Host implements app.Hosting.
func (b *Backend) Host(_ context.Context, id model.ID, r lifecycle.HostRequest) error {
	return b.act(b.Actor(), rules.Host, id, "Host "+id.Short(), func(i *model.Instance) {
		i.Contact, i.Hosting = r.Contact, model.Hosting{On: true, RenewalsLeft: 1, FromPack: r.FromPack}
	})
}

// StopHosting implements app.Hosting.
func (b *Backend) StopHosting(_ context.Context, id model.ID) error {
	return b.act(b.Actor(), rules.StopHosting, id, "StopHosting "+id.Short(), func(i *model.Instance) { i.Hosting = model.Hosting{} })
}

// AutoDeploy implements app.Hosting.
func (b *Backend) AutoDeploy(_ context.Context, resource model.ID, on bool) error {
	for _, r := range b.Places {
		if r.ID != resource {
			continue
		}
		return b.act(b.Actor(), rules.AutoDeploy, r.Instance, fmt.Sprintf("AutoDeploy %s %v", resource.Short(), on), func(i *model.Instance) {
			r.AutoDeploy = on
			if on {
				i.Deployments.Auto++
			} else {
				i.Deployments.Auto--
			}
		})
	}
	return &rules.NotFound{What: "resource", Name: string(resource)}
}
