package authority

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// Registry holds what is declared and opened, by name: that of the configuration and of
// the store. It is safe for concurrent use.
type Registry[P comparable] struct {
	book  *Book
	open  func(Declaration) Opening[P]
	guard func(*slog.Logger, P) P // wraps what is opened, so that a panic in it is an error

	mu     sync.RWMutex
	order  []*Opened[P]
	opened map[string]*Opened[P] // by folded name
}

// Opening is the outcome of opening a declaration.
type Opening[P comparable] struct {
	Port P // the zero value if it cannot be used
	// Problem is why it cannot be used, or why a part of it cannot.
	Problem model.Text
	Close   func() error // nil if there is nothing to close
}

// Opened is a declaration with what was opened.
type Opened[P comparable] struct {
	Declaration
	Opening[P]
}

// Usable reports whether there is a port.
func (o *Opened[P]) Usable() bool { return o.Port != *new(P) }

// newRegistry returns an empty registry; see [Registry.load].
func newRegistry[P comparable](
	j *journal.Journal, what string, configured []Declaration, guard func(*slog.Logger, P) P,
) *Registry[P] {
	return &Registry[P]{book: NewBook(j, what, configured, nil), guard: guard, opened: map[string]*Opened[P]{}}
}

// builtIn adds something that is open already and never closed.
func (r *Registry[P]) builtIn(d Declaration, o Opening[P]) {
	d.Configured = true
	r.book.configured = slices.Insert(r.book.configured, len(r.opened), d)
	if o.Port != *new(P) {
		o.Port = r.guard(r.book.journal.Log, o.Port)
	}
	r.opened[model.NormalizeName(d.Name)] = &Opened[P]{d, o}
}

// load opens all that is declared and not open. Without an opener the store is not read.
func (r *Registry[P]) load() {
	if r.open == nil {
		r.arrange(r.book.configured)
		return
	}
	all := r.declared()
	for _, d := range all {
		if key := model.NormalizeName(d.Name); r.opened[key] == nil {
			r.opened[key] = r.opening(d)
		}
	}
	r.arrange(all)
}

// declared is what the book lists. What cannot be read is logged and missing.
func (r *Registry[P]) declared() []Declaration {
	all, err := r.book.All()
	if err != nil {
		r.book.journal.Log.Error("what was added cannot be read", "what", r.book.what, "error", err)
	}
	return all
}

// arrange puts what is open into the order of declarations. The lock is held.
func (r *Registry[P]) arrange(all []Declaration) {
	r.order = nil
	for _, d := range all {
		if o := r.opened[model.NormalizeName(d.Name)]; o != nil {
			r.order = append(r.order, o)
		}
	}
}

func (r *Registry[P]) opening(d Declaration) *Opened[P] {
	o := r.open(d)
	if o.Problem != "" {
		r.book.journal.Log.Warn("what is declared has a problem", r.book.what, d.Name, "problem", o.Problem)
	}
	if o.Port != *new(P) {
		o.Port = r.guard(r.book.journal.Log, o.Port)
	}
	return &Opened[P]{d, o}
}

// Find returns what has a name, also if it cannot be used.
func (r *Registry[P]) Find(name string) (*Opened[P], bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	found, ok := r.opened[name] // which is folded almost always
	if !ok {
		found, ok = r.opened[model.NormalizeName(name)]
	}
	return found, ok
}

// All returns everything: first that of the configuration in its order, then by name.
func (r *Registry[P]) All() []*Opened[P] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order
}

// Secret returns the value of a secret setting of what was added while running;
// [model.ErrNotFound] if it was not given.
func (r *Registry[P]) Secret(name, setting string) (model.Secret, error) {
	return r.book.Secret(name, setting)
}

// Usable are the ports of what can be used, by name.
func (r *Registry[P]) Usable() map[string]P {
	all := map[string]P{}
	for _, o := range r.All() {
		if o.Usable() {
			all[o.Name] = o.Port
		}
	}
	return all
}

// Port returns the port of a name if it can be used.
func (r *Registry[P]) Port(name string) (port P, ok bool) {
	found, ok := r.Find(name)
	if !ok || !found.Usable() {
		return port, false
	}
	return found.Port, true
}

// Add saves a declaration, sealed, and opens it (spec C1, P1). See [Book.Add].
func (r *Registry[P]) Add(ctx context.Context, by model.Actor, d Declaration, secrets Secrets) (*Opened[P], error) {
	return r.save(r.book.Add(ctx, by, d, secrets))
}

// Edit changes settings of what was added, and opens it anew. See [Book.Edit].
func (r *Registry[P]) Edit(ctx context.Context, by model.Actor, name string, settings map[string]any, secrets Secrets) (*Opened[P], error) {
	return r.save(r.book.Edit(ctx, by, name, settings, secrets))
}

// save opens what was saved, after what had its name was closed.
func (r *Registry[P]) save(d Declaration, err error) (*Opened[P], error) {
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := model.NormalizeName(d.Name)
	r.close(r.opened[key])
	o := r.opening(d)
	r.opened[key] = o
	r.arrange(r.declared())
	return o, nil
}

// Remove removes what was added. See [Book.Remove].
func (r *Registry[P]) Remove(ctx context.Context, by model.Actor, name string) error {
	if err := r.book.Remove(ctx, by, name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := model.NormalizeName(name)
	r.close(r.opened[key])
	delete(r.opened, key)
	if d, err := r.book.Get(name); err == nil { // a default whose place it had
		r.opened[key] = r.opening(d)
	}
	r.arrange(r.declared())
	return nil
}

func (r *Registry[P]) close(o *Opened[P]) {
	if o == nil || o.Close == nil {
		return
	}
	if err := o.Close(); err != nil {
		r.book.journal.Log.Warn("what is declared was not closed", r.book.what, o.Name, "error", err)
	}
}

// Reopen opens what could not be opened before, such as while the store was sealed.
func (r *Registry[P]) Reopen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		return
	}
	all := make([]Declaration, len(r.order))
	for n, o := range r.order {
		if all[n] = o.Declaration; !o.Usable() {
			r.opened[model.NormalizeName(o.Name)] = r.opening(o.Declaration)
		}
	}
	r.arrange(all)
}

// DryRun returns the declarations, to check what would be saved.
func (r *Registry[P]) DryRun() *Book { return r.book.DryRun() }

// Close closes everything that was opened.
func (r *Registry[P]) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.order {
		r.close(o)
	}
}
