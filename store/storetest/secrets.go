package storetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// sound fails the test if fsck finds a problem.
func (p *place) sound(s *store.Store) {
	p.t.Helper()
	report, err := s.Fsck(context.Background())
	// The records of these tests refer to others that do not exist.
	report.Problems = slices.DeleteFunc(report.Problems, func(p model.Text) bool {
		return p.Code() == "fsck.no-such" || p.Code() == "fsck.no-version"
	})
	if err != nil || !report.Sound() {
		p.t.Errorf("fsck: %v, %q", err, report.Problems)
	}
}

// leaks reports whether a value in the engine contains the material.
func (p *place) leaks(material []byte) bool {
	return slices.ContainsFunc(p.pairs(), func(e engine.Pair) bool { return bytes.Contains(e.Value, material) })
}

func secretsSealed(t *testing.T, p *place) {
	s := p.open()
	k, material := privateKey(1)
	c := &model.KV{
		Namespace: "embedded",
		Name:      "root",
		Data:      []byte("plain to see"),
		Secret:    model.NewSecret([]byte("the secret of a cell")),
	}
	p.put(s, k, c)
	p.shut(s)
	if p.leaks(material) || p.leaks([]byte("the secret of a cell")) {
		t.Error("a secret is in the engine in the clear")
	}
	if !p.leaks([]byte("plain to see")) {
		t.Error("the test does not find what is there")
	}
}

func secretsDeleted(t *testing.T, p *place) {
	s := p.open()
	k, _ := privateKey(1)
	other, _ := privateKey(2)
	p.put(s, k, other)
	p.update(s, func(tx model.Tx) error { return tx.Delete(k) })
	// A key may also be destroyed while its record stays.
	destroyed := &model.Key{ID: other.ID, Instance: other.Instance, Type: other.Type, Public: other.Public}
	p.put(s, destroyed)
	p.view(s, func(r model.Reader) error {
		got, err := model.Get[model.Key](r, string(other.ID))
		if !got.PKCS8.Empty() {
			t.Error("the destroyed key is still there")
		}
		return err
	})
	p.shut(s)
	for _, e := range p.pairs() {
		if strings.Contains(e.Key, string(k.ID)) {
			t.Errorf("left of the deleted key: %q", e.Key)
		}
		if strings.HasPrefix(e.Key, "d") {
			t.Errorf("a data key is left: %q", e.Key)
		}
	}
}

func passphrase(t *testing.T, p *place) {
	o := p.options()
	o.Passphrase = model.NewSecret([]byte("correct horse"))
	s := p.openWith(o)
	k, material := privateKey(1)
	p.put(s, k, instance(1), &model.KV{Namespace: "s", Name: "plain", Data: []byte("d")})
	p.shut(s)

	s = p.open()
	if by, sealed, err := s.Protection(); by != store.ByPassphrase || !sealed || err != nil {
		t.Errorf("protection: %s, %v, %v", by, sealed, err)
	}
	page, err := s.Query(model.Query{Now: now})
	if err != nil || page.Total != 1 {
		t.Errorf("the list of a sealed store: %+v, %v", page, err)
	}
	read := func() (got model.Key, err error) {
		err = s.View(func(r model.Reader) error {
			got, err = model.Get[model.Key](r, string(k.ID))
			return err
		})
		return got, err
	}
	got, err := read()
	if !errors.Is(err, store.ErrSealed) || got.Type != k.Type || !got.PKCS8.Empty() {
		t.Errorf("sealed: %+v, %v", got, err)
	}
	if err := s.Update(context.Background(), putting(k)); !errors.Is(err, store.ErrSealed) {
		t.Errorf("writing a secret: %v", err)
	}
	p.put(s, instance(2)) // records without secrets can still be written
	if err := s.Unseal(model.NewSecret([]byte("wrong"))); !errors.Is(err, store.ErrPassphrase) {
		t.Errorf("the wrong passphrase: %v", err)
	}
	if err := s.Unseal(model.NewSecret([]byte("correct horse"))); err != nil {
		t.Fatal(err)
	}
	if got, err = read(); err != nil || string(got.PKCS8.Reveal()) != string(material) {
		t.Errorf("unsealed: %v", err)
	}
	if err := s.ForgetMasterKey(); err != nil {
		t.Fatal(err)
	}
	if _, err = read(); !errors.Is(err, store.ErrSealed) {
		t.Errorf("sealed again: %v", err)
	}
}

// flippedBytes damages every value in turn. The damage must be reported as such, and
// never be returned as data.
func flippedBytes(t *testing.T, p *place) {
	s := p.open()
	k, _ := privateKey(1)
	p.put(s, instance(1), k)
	p.update(s, func(tx model.Tx) error { return tx.Append(model.Event{Action: "apply"}) })
	p.shut(s)
	for _, e := range p.pairs() {
		if len(e.Value) == 0 {
			continue
		}
		for _, at := range []int{0, len(e.Value) / 2, len(e.Value) - 1} {
			broken := slices.Clone(e.Value)
			broken[at] ^= 4
			p.overwrite(e.Key, broken)
			p.damaged(e.Key)
		}
		p.overwrite(e.Key, e.Value)
	}
	p.sound(p.open())
}

// damaged checks that a damaged value is reported when the store is opened or checked.
func (p *place) damaged(key string) {
	p.t.Helper()
	s, err := p.Open(p.options())
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) {
			p.t.Errorf("key %q: opening: %v", key, err)
		}
		return
	}
	defer p.shut(s)
	report, err := s.Fsck(context.Background())
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		p.t.Errorf("key %q: fsck: %v", key, err)
	}
	if err == nil && !strings.Contains(listed(report), "store.corrupt-key") {
		p.t.Errorf("key %q: fsck found only %q", key, report.Problems)
	}
}

// movedValue stores an authentic value under another key.
func movedValue(t *testing.T, p *place) {
	s := p.open()
	p.put(s, instance(1), instance(2))
	p.shut(s)
	var from engine.Pair
	for _, e := range p.pairs() {
		if strings.HasPrefix(e.Key, "rinstance") {
			from = e
			break
		}
	}
	p.overwrite(strings.Replace(from.Key, string(id(1)), string(id(2)), 1), from.Value)
	s, err := p.Open(p.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(func(r model.Reader) error { return r.Get(&model.Instance{ID: id(2)}) })
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), string(id(2))) {
		t.Errorf("got %v", err)
	}
	if err := s.WaitForTable(context.Background()); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("building the table: %v", err)
	}
	if page, _ := s.Query(model.Query{Filter: model.Filter{Text: "x"}, Now: now}); !page.Partial {
		t.Error("a table that could not be built calls itself whole")
	}
}

func wrongKeyFile(t *testing.T, p *place) {
	p.shut(p.open())
	if err := os.WriteFile(p.key, bytes.Repeat([]byte{7}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(p.options()); !errors.Is(err, store.ErrOpen) || !strings.Contains(err.Error(), p.key) {
		t.Errorf("got %v", err)
	}
}

func missingKeyFile(t *testing.T, p *place) {
	p.shut(p.open())
	if err := os.Remove(p.key); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(p.options()); !errors.Is(err, store.ErrOpen) || !strings.Contains(err.Error(), p.key) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(p.key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
}
