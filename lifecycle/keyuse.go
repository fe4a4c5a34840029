package lifecycle

import (
	"cmp"
	"errors"
	"slices"

	"certquay/model"
)

// KeyUse is a key with the certificates that have it and the resources that present one
// of these.
type KeyUse struct {
	SPKI      string // SHA-256 of the SubjectPublicKeyInfo, hexadecimal, lower case
	KeyType   string
	Instances []model.Instance // that have a version with the key
	Resources []ResourceView   // that present a certificate with it
}

// KeyUses are keys, those at most resources first, then those of most certificates.
type KeyUses struct {
	Keys []KeyUse
	// More is set if there are more resources than were read.
	More bool
}

// maxKeyResources bounds the resources that are read for the keys of all: a screen shows
// some dozens of keys, and a key that is used in many places is found among few.
const maxKeyResources = 3000

// keyUses is [Access.KeyUses].
func (rd *reader) keyUses(id model.ID) (uses KeyUses, err error) {
	err = rd.store.View(func(r model.Reader) error {
		k := keyCollector{r: r, at: map[string]*KeyUse{}, read: map[model.ID]*model.Instance{}}
		if id != "" {
			return k.ofInstance(id, &uses)
		}
		n := 0
		for res, err := range model.All[model.Resource](r, model.Scan{Index: "instance", Limit: maxKeyResources + 1}) {
			if err != nil {
				return err
			}
			if n++; n > maxKeyResources {
				uses.More = true
				break
			}
			if err := k.add(res, nil); err != nil {
				return err
			}
		}
		uses.Keys = k.sorted()
		return nil
	})
	return uses, err
}

// keyCollector collects keys by what resources present.
type keyCollector struct {
	r    model.Reader
	at   map[string]*KeyUse
	read map[model.ID]*model.Instance
}

// instance reads an instance once; nil if there is none.
func (k *keyCollector) instance(id model.ID) (*model.Instance, error) {
	if i, ok := k.read[id]; ok {
		return i, nil
	}
	i, err := model.Get[model.Instance](k.r, string(id))
	if errors.Is(err, model.ErrNotFound) || err == nil && i.Deleted {
		k.read[id] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k.read[id] = &i
	return &i, nil
}

// key returns the use of a key with all certificates that have it.
func (k *keyCollector) key(v *model.Version) (*KeyUse, error) {
	if u := k.at[v.SPKI]; u != nil {
		return u, nil
	}
	u := &KeyUse{SPKI: v.SPKI, KeyType: v.KeyType}
	for key, err := range k.r.Keys(model.Scan{Kind: model.KindInstance, Index: "spki", From: v.SPKI, To: v.SPKI + "\x00"}) {
		if err != nil {
			return nil, err
		}
		i, err := k.instance(model.ID(key))
		if err != nil {
			return nil, err
		}
		if i != nil {
			u.Instances = append(u.Instances, *i)
		}
	}
	k.at[v.SPKI] = u
	return u, nil
}

// add adds a resource to the key that it presents, or was given last if it was not seen.
// Only a key of the list is added to, unless the list is nil.
func (k *keyCollector) add(res model.Resource, only []string) error {
	i, err := k.instance(res.Instance)
	if err != nil || i == nil {
		return err
	}
	v := i.ByFingerprint(cmp.Or(res.Presented, res.Deployed))
	if v == nil || v.SPKI == "" || only != nil && !slices.Contains(only, v.SPKI) {
		return nil
	}
	u, err := k.key(v)
	if err != nil {
		return err
	}
	u.Resources = append(u.Resources, ResourceView{Resource: res, State: res.State(i), InstanceName: i.Name, Hosted: i.Hosting.On})
	return nil
}

// ofInstance collects the keys of an instance, with the other certificates that have
// them and where any of these is presented.
func (k *keyCollector) ofInstance(id model.ID, uses *KeyUses) error {
	i, err := k.instance(id)
	if err != nil || i == nil {
		return err
	}
	var own []string
	holders := map[model.ID]bool{}
	for n := range i.Versions {
		if i.Versions[n].SPKI == "" {
			continue
		}
		u, err := k.key(&i.Versions[n])
		if err != nil {
			return err
		}
		own = append(own, u.SPKI)
		for _, holder := range u.Instances {
			holders[holder.ID] = true
		}
	}
	for holder := range holders {
		for res, err := range model.All[model.Resource](k.r, model.Scan{Index: "instance", Prefix: string(holder)}) {
			if err == nil {
				err = k.add(res, own)
			}
			if err != nil {
				return err
			}
		}
	}
	uses.Keys = k.sorted()
	return nil
}

func (k *keyCollector) sorted() []KeyUse {
	all := make([]KeyUse, 0, len(k.at))
	for _, u := range k.at {
		slices.SortFunc(u.Resources, func(a, b ResourceView) int {
			return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
		})
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b KeyUse) int {
		return cmp.Or(cmp.Compare(len(b.Resources), len(a.Resources)), cmp.Compare(len(b.Instances), len(a.Instances)),
			cmp.Compare(a.SPKI, b.SPKI))
	})
	return all
}
