package lifecycle

import (
	"context"
	"slices"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func (e *Engine) productInfo(p *authority.Product) ProductInfo {
	info := ProductInfo{Name: p.Name, Driver: p.Kind, Problem: p.Problem, Declared: p.Declaration}
	if p.Usable() {
		info.Regions, info.Makes = p.Port.Regions(), p.Port.CreatesResources()
	}
	if at := e.windowAt(p.Name, e.Now()); at.After(e.Now()) {
		info.Window = at
	}
	return info
}

// findProduct finds a product by name, also one that cannot be used.
func (e *Engine) findProduct(name string) (*authority.Product, error) {
	if p, ok := e.products.Find(name); ok {
		return p, nil
	}
	return nil, &rules.NotFound{What: "product", Name: name, There: namesOf(e.products.All())}
}

// ReopenProducts opens the products that could not be opened while the store was sealed.
func (e *Engine) ReopenProducts() { e.products.Reopen() }

// ProductKinds are the drivers of products that can be added; the same for everybody.
func (a *Access) ProductKinds() []ports.ProductKind { return a.e.productKinds }

// Product returns one product by its name.
func (a *Access) Product(name string) (ProductInfo, error) {
	return guardedRead(a, func() (ProductInfo, error) {
		p, err := a.e.findProduct(name)
		if err != nil {
			return ProductInfo{}, err
		}
		return a.e.productInfo(p), nil
	})
}

// AddProduct saves a product with its secrets, sealed (spec P1). It asks nobody; see
// TestProduct. A dry run checks everything and saves nothing.
func (a *Access) AddProduct(ctx context.Context, d authority.Declaration, secrets authority.Secrets, dryRun bool) (ProductInfo, error) {
	return a.saveProduct(ctx, dryRun, func(by model.Actor) (authority.Declaration, error) {
		return a.e.products.DryRun().Add(ctx, by, d, secrets)
	}, func(by model.Actor) (*authority.Product, error) { return a.e.products.Add(ctx, by, d, secrets) })
}

// EditProduct changes settings and secrets of a product that was added, or of a default: a
// nil setting returns to its default, an empty secret is removed.
func (a *Access) EditProduct(
	ctx context.Context, name string, settings map[string]any, secrets authority.Secrets, dryRun bool,
) (ProductInfo, error) {
	return a.saveProduct(ctx, dryRun, func(by model.Actor) (authority.Declaration, error) {
		return a.e.products.DryRun().Edit(ctx, by, name, settings, secrets)
	}, func(by model.Actor) (*authority.Product, error) {
		return a.e.products.Edit(ctx, by, name, settings, secrets)
	})
}

func (a *Access) saveProduct(
	ctx context.Context, dryRun bool, check func(model.Actor) (authority.Declaration, error),
	save func(model.Actor) (*authority.Product, error),
) (ProductInfo, error) {
	return asActor(ctx, a, "product", "", func(by model.Actor) (info ProductInfo, err error) {
		if dryRun {
			d, err := check(by)
			return ProductInfo{Name: d.Name, Driver: d.Kind, Declared: d}, err
		}
		p, err := save(by)
		if err != nil {
			return info, a.e.journal.LogRefusal(ctx, by, err)
		}
		return a.e.productInfo(p), a.e.deployments.replanWindows(ctx, p.Name)
	})
}

// RemoveProduct removes a product that was added and at which nothing is deployed, or takes
// a default away.
func (a *Access) RemoveProduct(ctx context.Context, name string, dryRun bool) error {
	by, err := a.may(ctx, "product", "")
	if err != nil {
		return err
	}
	if _, err := a.e.findProduct(name); err != nil {
		return err
	}
	if dryRun {
		return a.e.products.DryRun().Remove(ctx, by, name)
	}
	return a.e.journal.LogRefusal(ctx, by, a.e.products.Remove(ctx, by, name))
}

// TestProduct asks a product whether deployments would work now, and changes nothing. It
// returns an error for each thing that is wrong (spec P1).
func (a *Access) TestProduct(ctx context.Context, name string) (wrong []error, err error) {
	if _, err := a.may(ctx, "product", ""); err != nil {
		return nil, err
	}
	p, err := a.e.findProduct(name)
	if err != nil {
		return nil, err
	}
	tester, tests := ports.Part[ports.ProductTester](p.Port)
	switch {
	case p.Usable() && tests:
		wrong = tester.Test(ctx)
	case p.Problem != "":
		wrong = []error{&model.Error{Text: p.Problem}}
	}
	return wrong, nil
}

// productInUse refuses to remove a product, to give its name to another driver, and to take
// a host or region from it, while a certificate is deployed there.
func (e *Engine) productInUse(r model.Reader, was authority.Declaration, now *authority.Declaration) error {
	var stay []string // the regions that stay
	if now != nil && now.Kind == was.Kind {
		if stay = e.productRegions(*now); stay == nil {
			return nil
		}
	}
	var used []string
	for res, err := range model.All[model.Resource](r, model.Scan{}) {
		if err != nil {
			return model.Fail("error.read-resources", "id", was.Name, "cause", err)
		}
		if model.NormalizeName(res.Product) == model.NormalizeName(was.Name) && !slices.Contains(stay, res.Region) {
			used = append(used, res.Place())
		}
	}
	if len(used) == 0 {
		return nil
	}
	return &rules.Refusal{
		Action: "product", Reason: rules.ReasonProductInUse,
		Args: rules.Args{"name": was.Name, "n": len(used), "resources": used[:min(len(used), maxNamed)]},
	}
}

// maxNamed is how many resources a refusal names.
const maxNamed = 5
