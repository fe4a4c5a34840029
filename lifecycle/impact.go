package lifecycle

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// ImpactKind is the kind of thing that fails or is compromised, with everything that depends
// on it.
type ImpactKind string

// Kinds of things that other things fall with. The values are prefixes that people type.
const (
	ImpactOfInstance ImpactKind = "instance" // the keys of its versions
	ImpactOfKey      ImpactKind = "key"      // by SHA-256 of its SubjectPublicKeyInfo, or of a certificate that has it
	ImpactOfIssuer   ImpactKind = "issuer"   // the CA, with every account at it
	ImpactOfAccount  ImpactKind = "account"  // one account at a CA, by the name of its issuer
	ImpactOfDNS      ImpactKind = "dns"      // the credentials of an account at a DNS provider
	ImpactOfProduct  ImpactKind = "product"
	ImpactOfHost     ImpactKind = "host"     // a host or region, of any product
	ImpactOfResource ImpactKind = "resource" // the key that it presents
)

// ImpactKinds lists every kind.
var ImpactKinds = []ImpactKind{
	ImpactOfInstance, ImpactOfKey, ImpactOfIssuer, ImpactOfAccount, ImpactOfDNS, ImpactOfProduct, ImpactOfHost, ImpactOfResource,
}

// MaxImpact bounds the instances and the resources that an [Impact] lists.
const MaxImpact = 1000

// Impact is everything that falls with one thing.
type Impact struct {
	Kind ImpactKind
	Name string // of the thing: a name, an ID or a whole fingerprint
	// IDs are all instances, in the order of Instances; nothing is left out.
	IDs       []model.ID
	Versions  int // certificates of these: those with the key, or else the current ones
	Deployed  int // resources where these are deployed
	Instances []ImpactInstance
	Resources []ResourceView
	Watches   []model.Watch
	Products  []ImpactProduct
	Issuers   []string // that prove control with the credentials, or that are at the CA
	More      bool     // Instances or Resources are the first of more
}

// ImpactInstance is an instance that falls.
type ImpactInstance struct {
	ID       model.ID
	Name     string
	State    model.State
	NotAfter time.Time // of the newest version; zero if there is none
	Versions []int     // numbers of those that have the key; nil where that is not the question
	Deployed int       // resources
	Hosted   bool
	Replaced bool // by another instance
}

// ImpactProduct is a product at which something that falls is deployed.
type ImpactProduct struct {
	Name      string
	Instances int // that are deployed there
}

// ParseImpact splits KIND:NAME; anything else names an instance.
func ParseImpact(typed string) (ImpactKind, string) {
	kind, name, ok := strings.Cut(typed, ":")
	if k := ImpactKind(strings.ToLower(kind)); ok && slices.Contains(ImpactKinds, k) {
		return k, strings.TrimSpace(name)
	}
	return ImpactOfInstance, typed
}

// impact is [Access.Impact].
func (e *Engine) impact(ctx context.Context, kind ImpactKind, name string) (Impact, error) {
	k := &impactCollector{e: e, im: Impact{Kind: kind, Name: name}, prints: map[string]bool{}, hosts: map[string]bool{}}
	find := map[ImpactKind]func(context.Context, string) error{
		ImpactOfInstance: k.ofInstance, ImpactOfKey: k.ofKey, ImpactOfIssuer: k.ofIssuer, ImpactOfAccount: k.ofAccount,
		ImpactOfDNS:     k.ofDNS,
		ImpactOfProduct: k.ofProduct, ImpactOfHost: k.ofHost, ImpactOfResource: k.ofResource,
	}[kind]
	if find == nil {
		return k.im, &rules.Invalid{Field: "impact", Why: model.Say("impact.no-kind", "kind", string(kind), "kinds", ImpactKinds)}
	}
	if err := find(ctx, name); err != nil {
		return k.im, err
	}
	err := e.store.View(func(r model.Reader) error {
		k.r = r
		return k.finish(ctx)
	})
	return k.im, err
}

// impactCollector collects what falls. Where few fall, records are read by their indexes;
// where many may, the search table answers, and records are read only for what is listed.
type impactCollector struct {
	e       *Engine
	r       model.Reader
	im      Impact
	prints  map[string]bool // fingerprints of certificates that fall
	hosts   map[string]bool // addresses of resources that fall
	listed  map[model.ID]bool
	many    []model.InstanceRow // from the search table
	asTable bool
	filters []model.Filter // that found them; no two find the same
	partly  bool           // some of what they found was left out
}

// view runs read on a snapshot.
func (k *impactCollector) view(read func() error) error {
	return k.e.store.View(func(r model.Reader) error {
		k.r = r
		return read()
	})
}

func (k *impactCollector) ofInstance(_ context.Context, typed string) error {
	i, err := k.e.reader.find(typed)
	if err != nil {
		return err
	}
	k.im.Name = string(i.ID)
	keys := map[string]bool{}
	for n := range i.Versions {
		if v := &i.Versions[n]; v.SPKI != "" && v.RevokedAt.IsZero() && k.e.Now().Before(v.NotAfter) {
			keys[v.SPKI] = true
		}
	}
	return k.view(func() error {
		if len(keys) == 0 {
			return k.addInstance(&i, func(v *model.Version) bool { return v.Number == i.Newest().Number })
		}
		return k.addKeys(keys)
	})
}

func (k *impactCollector) ofResource(ctx context.Context, typed string) error {
	v, err := k.e.reader.findResource(typed)
	if err != nil {
		return err
	}
	k.im.Name = string(v.ID)
	var key string
	err = k.view(func() error {
		_, version, err := presentedVersion(k.r, &v.Resource)
		if version != nil {
			key = version.SPKI
		}
		return err
	})
	if err != nil || key == "" { // what it presents is not held here
		k.addResource(&v)
		return err
	}
	return k.view(func() error { return k.addKeys(map[string]bool{key: true}) })
}

// minFingerprint is the length from which a fingerprint may be shortened.
const minFingerprint = 8

func (k *impactCollector) ofKey(_ context.Context, typed string) error {
	typed = strings.ToLower(strings.ReplaceAll(typed, ":", ""))
	none := &rules.NotFound{What: "key", Name: typed}
	if len(typed) < minFingerprint {
		return none
	}
	return k.view(func() error {
		keys := map[string]bool{}
		for _, index := range []string{"spki", "fingerprint"} {
			for i, err := range model.All[model.Instance](k.r, model.Scan{Index: index, Prefix: typed}) {
				if err != nil {
					return err
				}
				for n := range i.Versions {
					v := &i.Versions[n]
					if is := map[string]string{"spki": v.SPKI, "fingerprint": v.Fingerprint}[index]; v.SPKI != "" &&
						strings.HasPrefix(is, typed) {
						keys[v.SPKI] = true
					}
				}
			}
		}
		switch len(keys) {
		case 0:
			return none
		case 1:
			for key := range keys {
				k.im.Name = key
			}
			return k.addKeys(keys)
		}
		a := &rules.Ambiguous{Name: typed}
		for key := range keys {
			a.Candidates = append(a.Candidates, key)
		}
		slices.Sort(a.Candidates)
		return a
	})
}

// addKeys adds all versions that have one of some keys.
func (k *impactCollector) addKeys(keys map[string]bool) error {
	for key := range keys {
		for id, err := range k.r.Keys(model.Scan{Kind: model.KindInstance, Index: "spki", From: key, To: key + "\x00"}) {
			if err != nil {
				return err
			}
			i, err := linked(k.r, model.ID(id))
			if err != nil {
				return err
			}
			if i == nil {
				continue
			}
			if err := k.addInstance(i, func(v *model.Version) bool { return keys[v.SPKI] }); err != nil {
				return err
			}
		}
	}
	return nil
}

// addInstance adds an instance once, with the versions that fall and the resources that
// present one of them: its own, and those of what replaces it.
func (k *impactCollector) addInstance(i *model.Instance, falls func(*model.Version) bool) error {
	if slices.Contains(k.im.IDs, i.ID) {
		return nil
	}
	var numbers []int
	own := map[string]bool{}
	for n := range i.Versions {
		if v := &i.Versions[n]; falls(v) {
			numbers = append(numbers, v.Number)
			own[v.Fingerprint], k.prints[v.Fingerprint] = true, true
		}
	}
	deployed := 0
	for at := i; at != nil; {
		rs, err := resourcesOf(k.r, at.ID)
		if err != nil {
			return err
		}
		for _, res := range rs {
			if !own[cmp.Or(res.Presented, res.Deployed)] {
				continue
			}
			v, _, err := viewOf(k.r, res, k.e.Now())
			if err != nil {
				return err
			}
			deployed++
			k.addResource(&v)
		}
		if at, err = linked(k.r, at.ReplacedBy()); err != nil {
			return err
		}
	}
	one := ImpactInstance{
		ID: i.ID, Name: i.Name, State: i.State, Versions: numbers, Deployed: deployed, Hosted: i.Hosting.On, Replaced: i.Replaced,
	}
	if v := i.Newest(); v != nil {
		one.NotAfter = v.NotAfter
	}
	k.im.IDs, k.im.Versions = append(k.im.IDs, i.ID), k.im.Versions+len(numbers)
	k.im.Instances = append(k.im.Instances, one)
	return nil
}

// addResource adds a resource to the list, up to its end, and to the count.
func (k *impactCollector) addResource(v *ResourceView) {
	k.im.Deployed++
	if v.Address != "" {
		k.hosts[model.NormalizeName(v.Address)] = true
	}
	if len(k.im.Resources) < MaxImpact {
		k.im.Resources = append(k.im.Resources, *v)
	}
}

// finish lists what many share, the products and the watches.
func (k *impactCollector) finish(ctx context.Context) error {
	if k.asTable {
		if err := k.listMany(); err != nil {
			return err
		}
	}
	if err := k.countProducts(ctx); err != nil {
		return err
	}
	k.im.More = len(k.im.IDs) > len(k.im.Instances) || k.im.Deployed > len(k.im.Resources)
	for w, err := range model.All[model.Watch](k.r, model.Scan{}) {
		if err != nil {
			return err
		}
		falls := k.prints[w.Fingerprint] || k.hosts[model.NormalizeName(w.Address)]
		if !falls && k.asTable && w.Fingerprint != "" && k.im.Kind != ImpactOfProduct && k.im.Kind != ImpactOfHost {
			same := model.Scan{Kind: model.KindInstance, Index: "fingerprint", From: w.Fingerprint, To: w.Fingerprint + "\x00"}
			for id, err := range k.r.Keys(same) {
				if err != nil {
					return err
				}
				falls = falls || k.listed[model.ID(id)]
			}
		}
		if falls {
			k.im.Watches = append(k.im.Watches, w)
		}
	}
	return nil
}

// Impact lists everything that falls with one thing: instances, versions, resources, watches
// and products. Names are found as people type them.
func (a *Access) Impact(ctx context.Context, kind ImpactKind, name string) (Impact, error) {
	return guardedRead(a, func() (Impact, error) { return a.e.impact(ctx, kind, name) })
}
