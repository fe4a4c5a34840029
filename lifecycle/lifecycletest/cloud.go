package lifecycletest

import (
	"context"
	"slices"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// Cloud is a scripted [Product] with a store of certificates of its own, in which those that
// were deployed remain until they are removed (spec N4).
type Cloud struct {
	*Product
	// Stored are the fingerprints in the store; Mu guards it, and the others.
	Stored []string
	// Elsewhere are further references by fingerprint, such as those of another service.
	Elsewhere map[string][]string
}

var _ ports.Cleaner = (*Cloud)(nil)

// Deploy implements [ports.Product].
func (c *Cloud) Deploy(ctx context.Context, at ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	c.Mu.Lock()
	if !slices.Contains(c.Stored, pair.Fingerprint) {
		c.Stored = append(c.Stored, pair.Fingerprint)
	}
	c.Mu.Unlock()
	return c.Product.Deploy(ctx, at, pair)
}

// references lists the targets that refer to a certificate. Mu is held.
func (c *Cloud) references(fingerprint string) (all []string) {
	for _, bound := range []map[ports.Target]*ports.KeyPair{c.Bound, c.former} {
		for at, pair := range bound {
			if pair != nil && pair.Fingerprint == fingerprint {
				all = append(all, at.Region+" "+at.Name)
			}
		}
	}
	return append(all, c.Elsewhere[fingerprint]...)
}

// Superseded implements [ports.Cleaner]. All is stored in the first region.
func (c *Cloud) Superseded(ctx context.Context, region string, fingerprints []string) (all []ports.Stored, err error) {
	err = c.take(ctx, "survey", region, func() error {
		c.Mu.Lock()
		defer c.Mu.Unlock()
		for _, f := range c.Stored {
			if region == c.RegionNames[0] && slices.Contains(fingerprints, f) {
				all = append(
					all,
					ports.Stored{Region: region, ID: "id-" + f[:8], Name: "cert-" + f[:8], Fingerprint: f, References: c.references(f)},
				)
			}
		}
		return nil
	})
	return all, err
}

// Remove implements [ports.Cleaner].
func (c *Cloud) Remove(ctx context.Context, s ports.Stored) (proof model.Text, err error) {
	err = c.take(ctx, "remove", s.Name, func() error {
		c.Mu.Lock()
		defer c.Mu.Unlock()
		if refs := c.references(s.Fingerprint); len(refs) > 0 {
			return &ports.PermanentError{
				Err: model.Fail("aliyun.in-use", "name", s.Name, "references", refs).Wrapping(ports.ErrInUse),
			}
		}
		n := slices.Index(c.Stored, s.Fingerprint)
		if n < 0 {
			proof = model.Say("aliyun.gone", "name", s.Name, "id", s.ID)
			return nil
		}
		c.Stored = slices.Delete(c.Stored, n, n+1)
		proof = model.Say("aliyun.removed", "action", "Delete", "name", s.Name, "id", s.ID, "request", "r-1")
		return nil
	})
	return proof, err
}
