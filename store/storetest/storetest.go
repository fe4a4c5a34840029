// Package storetest is the contract suite of stores, for any engine.
package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// Backend is a place for one store, which is opened and closed repeatedly, but only
// once at a time.
type Backend interface {
	// Open opens or creates the store.
	Open(o store.Options) (*store.Store, error)
	// Engine opens the engine itself while the store is closed, to inspect or damage
	// its data.
	Engine() (engine.Engine, error)
}

// Run tests stores. Each call of fresh returns a place without a store.
func Run(t *testing.T, fresh func(t *testing.T) Backend) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *place)
	}{
		{"a record is read back as it was put", readBack},
		{"a missing record is not found", notFound},
		{"scans equal those of a sorted list, inside a transaction too", scans},
		{"all records of a kind are read in order, up to one that is damaged", eachInOrder},
		{"indexes follow their record", indexesFollow},
		{"index keys with zeros stay in order and apart", zeroKeys},
		{"counters follow their record", countersFollow},
		{"rows are the projections of the instances", rows},
		{"a transaction reads what it wrote", readsOwnWrites},
		{"a failing caller drops only its own writes", failingCaller},
		{"a panicking caller is an error and the store lives on", panickingCaller},
		{"an ended context prevents the write", endedContext},
		{"a view does not see later writes", consistentView},
		{"many writers lose no update", manyWriters},
		{"writers that fill the group are split, not lost", bigWriters},
		{"a transaction that cannot fit is refused alone", tooLarge},
		{"a name that is too long is refused alone", tooLong},
		{"what was written is there after opening again", reopened},
		{"events are numbered, chained and never put", events},
		{"the feed tells every commit in order", feedInOrder},
		{"a slow follower gets one resync", slowFollower},
		{"followers end with their context and with the store", followersEnd},
		{"queries and counts equal brute force", queriesEqualBruteForce},
		{"queries are right while the table is built", firstFrame},
		{"a page reads at most 200 keys", pageKeys},
		{"secrets are not in the engine in the clear", secretsSealed},
		{"a deleted secret leaves nothing", secretsDeleted},
		{"a passphrase seals secrets and nothing else", passphrase},
		{"every flipped byte is found", flippedBytes},
		{"a value under another key is found", movedValue},
		{"another key file is refused", wrongKeyFile},
		{"a missing key file is refused and not made", missingKeyFile},
		{"meta is kept", meta},
		{"a full disk refuses writes and recovers", fullDisk},
		{"fsck finds nothing in a sound store", fsckSound},
		{"fsck finds damage", fsckFinds},
		{"verifying finds changed events", verifyFinds},
		{"a closed store says so", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, &place{t: t, Backend: fresh(t), key: filepath.Join(t.TempDir(), "key")})
		})
	}
}

// place is a backend with helpers that fail the test on errors.
type place struct {
	t *testing.T
	Backend
	key string // the key file
}

func (p *place) options() store.Options {
	return store.Options{KeyFile: p.key, WorkFactor: 2, Reserve: -1, MinFree: -1, Now: func() time.Time { return now }}
}

// open opens the store until the test ends.
func (p *place) open() *store.Store { return p.openWith(p.options()) }

func (p *place) openWith(o store.Options) *store.Store {
	p.t.Helper()
	s, err := p.Open(o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	if err := s.WaitForTable(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// engine calls fn with the engine itself.
func (p *place) engine(fn func(engine.Engine)) {
	p.t.Helper()
	e, err := p.Engine()
	if err != nil {
		p.t.Fatal(err)
	}
	fn(e)
	if err := e.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// pairs returns all keys and values of the engine.
func (p *place) pairs() (all []engine.Pair) {
	p.t.Helper()
	p.engine(func(e engine.Engine) {
		s, err := e.Snapshot()
		if err != nil {
			p.t.Fatal(err)
		}
		defer s.Close()
		for pair, err := range s.Scan(engine.Range{}) {
			if err != nil {
				p.t.Fatal(err)
			}
			all = append(all, pair)
		}
	})
	return all
}

// overwrite sets the value of a key in the engine, or deletes the key.
func (p *place) overwrite(key string, value []byte) {
	p.t.Helper()
	p.engine(func(e engine.Engine) {
		var b engine.Batch
		if value == nil {
			b.Delete(key)
		} else {
			b.Put(key, value)
		}
		if err := e.Apply(context.Background(), &b); err != nil {
			p.t.Fatal(err)
		}
	})
}

// shut closes a store.
func (p *place) shut(s *store.Store) {
	p.t.Helper()
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// update runs a transaction that must succeed.
func (p *place) update(s *store.Store, fn func(model.Tx) error) {
	p.t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		p.t.Fatal(err)
	}
}

// put writes records in one transaction.
func (p *place) put(s *store.Store, rs ...model.Record) {
	p.t.Helper()
	p.update(s, putting(rs...))
}

func putting(rs ...model.Record) func(model.Tx) error {
	return func(tx model.Tx) error {
		for _, r := range rs {
			if err := tx.Put(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// view runs a read that must succeed.
func (p *place) view(s *store.Store, fn func(model.Reader) error) {
	p.t.Helper()
	if err := s.View(fn); err != nil {
		p.t.Fatal(err)
	}
}

// keys returns the keys of a scan.
func keys(r model.Reader, s model.Scan) (ks []string, err error) {
	for k, err := range r.Keys(s) {
		if err != nil {
			return ks, err
		}
		ks = append(ks, k)
	}
	return ks, nil
}

// now is the time in all tests.
var now = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

const day = 24 * time.Hour

// id returns a well-formed ID.
func id(n int) model.ID { return model.ID(fmt.Sprintf("01JD%022d", n)) }

// instance returns a realistic issued instance with one version.
func instance(n int) *model.Instance {
	name := fmt.Sprintf("shop-%d.example.com", n)
	start := now.Add(-time.Duration(n%300) * day)
	return &model.Instance{
		ID: id(n), Name: name, State: model.Issued, Origin: model.OriginBought,
		Spec:  model.Specification{Level: model.DV, Type: model.Single, Brand: "quay", Grade: model.Standard},
		Years: 1, Created: start, ServiceStart: start, ServiceEnd: model.AddYears(start, 1),
		Application: model.Application{
			Domains: []string{name}, ApplicantName: "Ada Byron", Email: "ada@example.com", KeyType: model.ECDSAP256,
		},
		Versions: []model.Version{{
			Number: 1, Serial: fmt.Sprintf("%032x", n), Fingerprint: fmt.Sprintf("%064x", n), Subject: name,
			Domains: []string{name, "www." + name}, KeyType: string(model.ECDSAP256),
			NotBefore: start, NotAfter: start.Add(199 * day), Issued: start, Issuer: "quay",
		}},
		Due: start.Add(170 * day), DueAction: model.DueReissue,
		Deployments: model.Deployments{Total: 2, Deployed: 2, Auto: 1, Products: []string{"CDN", "nginx"}},
	}
}

// randomInstance returns an instance with random values in all fields that filters use.
func randomInstance(r *rand.Rand, n int) *model.Instance {
	i := instance(n)
	i.State = pick(r, append(model.States, model.Issued, model.Issued, model.Uploaded)...)
	i.Origin = pick(r, model.OriginBought, model.OriginUpload, model.OriginPack, model.OriginRenewal)
	i.Spec.Brand = pick(r, "quay", "le", "")
	i.Name = pick(r, i.Name, "Shop of "+i.Name, "café", "CAFÉ")
	moment := func() time.Time {
		return now.Add(time.Duration(r.IntN(400*24)-200*24) * time.Hour).Add(time.Duration(r.IntN(3)-1) * time.Second)
	}
	v := &i.Versions[0]
	v.NotAfter = moment()
	v.NotBefore = v.NotAfter.Add(-time.Duration(r.IntN(200)) * day)
	i.ServiceEnd = moment()
	i.Due = time.Time{}
	if r.IntN(2) == 0 {
		i.Due = moment()
	}
	i.DueAction = pick(r, model.DueRenew, model.DueReissue)
	i.Hosting.On, i.Hosting.RenewalsLeft = r.IntN(2) == 0, r.IntN(3)
	i.Deployments = model.Deployments{
		Auto: r.IntN(2), Deployed: r.IntN(2), Failing: r.IntN(3) / 2,
		Products: pick(r, nil, []string{"CDN"}, []string{"CDN", "nginx"},
			[]string{"a-product-of-a-long-name", "another-such-product", "waf"}),
	}
	if r.IntN(8) == 0 {
		i.Failure.Kind = model.JobDeploy
	}
	if r.IntN(5) == 0 {
		i.Versions = nil
	}
	return i
}

func pick[T any](r *rand.Rand, ts ...T) T { return ts[r.IntN(len(ts))] }

// privateKey returns a key record with recognizable content.
func privateKey(n int) (*model.Key, []byte) {
	material := []byte(fmt.Sprintf("-- the private key %d must not leak --", n))
	return &model.Key{
		ID: id(n), Instance: id(n), Type: model.ECDSAP256, Public: []byte{1, 2, 3},
		PKCS8: model.NewSecret(append([]byte(nil), material...)),
	}, material
}
