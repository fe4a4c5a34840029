package pairfiles_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/bundle/decode"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// This binary is also the child that opens key stores.
func TestMain(m *testing.M) {
	decode.RunIfChild()
	if _, err := os.Stat(memory); err == nil && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", memory) // thousands of syncs
	}
	os.Exit(m.Run())
}

const memory = "/dev/shm"

var now = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

// estate is a directory with a pair of a server, as somebody made it.
type estate struct {
	dir   string
	files []pairfiles.File
	first ports.KeyPair
}

func (e *estate) path(name string) string { return filepath.Join(e.dir, name) }

// layouts are what servers name.
var layouts = map[string][]pairfiles.Part{
	"chain and key":      {pairfiles.FullChain, pairfiles.Key},
	"three files":        {pairfiles.Leaf, pairfiles.Chain, pairfiles.Key},
	"one file":           {pairfiles.Combined},
	"a PKCS#12 store":    {pairfiles.PKCS12},
	"a Java key store":   {pairfiles.JKS},
	"links":              {pairfiles.FullChain, pairfiles.Key},
	"nothing there yet":  {pairfiles.FullChain, pairfiles.Key},
	"one chain in twice": {pairfiles.FullChain, pairfiles.FullChain, pairfiles.Key},
}

func newEstate(t *testing.T, ca *producttest.CA, layout string) *estate {
	t.Helper()
	e := &estate{dir: t.TempDir(), first: ca.Pair(t, "a.example.com")}
	for n, part := range layouts[layout] {
		name := fmt.Sprintf("%d-%s", n, part)
		e.files = append(e.files, pairfiles.File{Part: part, Path: e.path(name)})
		if layout == "nothing there yet" {
			continue
		}
		mode := os.FileMode(0o644)
		if part == pairfiles.Key || part == pairfiles.Combined {
			mode = 0o440
		}
		at := e.path(name)
		if layout == "links" {
			at = e.path("archive-" + name)
			if err := os.Symlink("archive-"+name, e.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		err := os.WriteFile(at, encode(t, part, e.first), mode)
		if err = errors.Join(err, os.Chtimes(at, producttest.Written, producttest.Written)); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func encode(t *testing.T, part pairfiles.Part, pair ports.KeyPair) []byte {
	t.Helper()
	c := bundle.Content{Chain: pair.Chain, PKCS8: pair.Key}
	var data []byte
	var err error
	switch part {
	case pairfiles.FullChain:
		data = bundle.CertificatePEM(pair.Chain...)
	case pairfiles.Leaf:
		data = bundle.CertificatePEM(pair.Chain[0])
	case pairfiles.Chain:
		data = bundle.CertificatePEM(pair.Chain[1:]...)
	case pairfiles.Key:
		data = bundle.KeyPEM(pair.Key)
	case pairfiles.Combined:
		data = slices.Concat(bundle.CertificatePEM(pair.Chain...), bundle.KeyPEM(pair.Key))
	case pairfiles.PKCS12:
		data, err = bundle.PKCS12(c, "changeit")
	case pairfiles.JKS:
		data, err = bundle.JKS(c, "changeit")
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (e *estate) set(r runner.Runner) *pairfiles.Set {
	return &pairfiles.Set{Host: r, Files: e.files, Password: model.NewSecret([]byte("changeit"))}
}

// holds returns the fingerprint of what the named files hold, which is a complete pair.
func (e *estate) holds(t *testing.T) string {
	t.Helper()
	var files []bundle.File
	for _, f := range e.files {
		data, err := os.ReadFile(f.Path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, bundle.File{Name: filepath.Base(f.Path), Data: data, Password: model.NewSecret([]byte("changeit"))})
	}
	if len(files) == 0 {
		return ""
	}
	b, err := bundle.Parse(now, files...)
	if err != nil {
		t.Fatalf("not a pair: %v", err)
	}
	if b.Key == nil {
		t.Fatal("there is no key")
	}
	return bundle.Fingerprint(b.Leaf.Raw)
}

// host is where a server runs. It loads what the files hold by the command "load".
type host struct {
	runner.Runner
	load func()
}

func (h host) Run(context.Context, runner.Command) (runner.Output, error) {
	h.load()
	return runner.Output{}, nil
}

// server is a server on a host.
func server(r runner.Runner) pairfiles.Server {
	return pairfiles.Server{
		Test: func(context.Context) error { return nil },
		Load: func(ctx context.Context) error {
			_, err := r.Run(ctx, runner.Command{Argv: []string{"load"}})
			return err
		},
	}
}

var idle = server(host{runner.Local{}, func() {}})

func put(t *testing.T, s *pairfiles.Set, pair ports.KeyPair) {
	t.Helper()
	if _, err := s.Put(context.Background(), pair, idle); err != nil {
		t.Fatal(err)
	}
}

// spec: P3 D8
func TestAPairIsPutRolledBackCommittedAndTakenOff(t *testing.T) {
	ctx := context.Background()
	ca := producttest.NewCA(t, now)
	for layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			e := newEstate(t, ca, layout)
			s := e.set(runner.Local{})
			before := producttest.Tree(t, e.dir)
			a, b := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")

			plan, err := s.Plan(ctx, a)
			if err != nil || len(plan) == 0 || producttest.Tree(t, e.dir) != before {
				t.Fatalf("plan %v, %v, or it changed something", plan, err)
			}
			put(t, s, a)
			if e.holds(t) != a.Fingerprint {
				t.Fatal("the pair is not there")
			}
			if st, err := s.State(ctx); err != nil || st.Fingerprint != a.Fingerprint || len(st.Chain) != 2 || !st.Managed {
				t.Errorf("state %+v, %v", st, err)
			}
			if plan, err := s.Plan(ctx, a); err != nil || len(plan) != 0 {
				t.Errorf("a plan of what is there is %v, %v", plan, err)
			}
			keysAreNarrow(t, e)
			if err := s.Restore(ctx, idle); err != nil {
				t.Fatal(err)
			}
			if after := producttest.Tree(t, e.dir); after != before {
				t.Fatalf("before\n%safter\n%s", before, after)
			}

			put(t, s, a)
			if err := s.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			committed := producttest.Tree(t, e.dir)
			if changed, err := s.Put(ctx, a, idle); err != nil || changed {
				t.Error("putting what is there is a change", err)
			}
			put(t, s, b)
			if e.holds(t) != b.Fingerprint {
				t.Fatal("the second pair is not there")
			}
			for range 2 {
				if err := s.Restore(ctx, idle); err != nil {
					t.Fatal(err)
				}
			}
			if after := producttest.Tree(t, e.dir); after != committed {
				t.Fatalf("before\n%safter\n%s", committed, after)
			}
			put(t, s, b)
			if err := s.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(producttest.Tree(t, e.dir), a.Fingerprint) {
				t.Error("a pair that nothing presents is still there")
			}

			committed = producttest.Tree(t, e.dir)
			refused := errors.New("the server says no")
			no := pairfiles.Server{Test: func(context.Context) error { return refused }}
			if err := s.Undeploy(ctx, no); !errors.Is(err, refused) {
				t.Fatal(err)
			}
			if after := producttest.Tree(t, e.dir); after != committed {
				t.Fatalf("after a refusal\n%sbefore\n%s", after, committed)
			}
			if err := s.Undeploy(ctx, idle); err != nil {
				t.Fatal(err)
			}
			if after := producttest.Tree(t, e.dir); after != before {
				t.Fatalf("before\n%safter\n%s", before, after)
			}
			if err := s.Undeploy(ctx, idle); !errors.Is(err, ports.ErrNoResource) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// keysAreNarrow checks that no file with a key is wider than the one that was there, or
// than 0600.
func keysAreNarrow(t *testing.T, e *estate) {
	t.Helper()
	err := filepath.Walk(e.dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		secret := strings.Contains(string(data), "PRIVATE KEY") || strings.HasPrefix(info.Name(), "keystore.")
		if secret && strings.Contains(path, ".certquay") && info.Mode().Perm()&^0o640 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spec: P3
func TestWhatSomebodyPutInPlaceOfALinkIsNotLost(t *testing.T) {
	ctx := context.Background()
	ca := producttest.NewCA(t, now)
	e := newEstate(t, ca, "chain and key")
	s := e.set(runner.Local{})
	before := producttest.Tree(t, e.dir)
	a, b, theirs := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")
	put(t, s, a)
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range e.files { // as another client does
		if err := os.Remove(f.Path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Path, encode(t, f.Part, theirs), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := producttest.Tree(t, e.dir, ".certquay")
	if st, err := s.State(ctx); err != nil || st.Managed || st.Fingerprint != theirs.Fingerprint {
		t.Errorf("state %+v, %v", st, err)
	}
	for range 2 {
		put(t, s, b)
		if e.holds(t) != b.Fingerprint {
			t.Fatal("the pair is not there")
		}
		if err := s.Restore(ctx, idle); err != nil {
			t.Fatal(err)
		}
		if after := producttest.Tree(t, e.dir, ".certquay"); after != changed {
			t.Fatalf("before\n%safter\n%s", changed, after)
		}
	}
	put(t, s, b)
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Undeploy(ctx, idle); err != nil {
		t.Fatal(err)
	}
	if after := producttest.Tree(t, e.dir); after != before {
		t.Fatalf("before\n%safter\n%s", before, after)
	}
}

// spec: P3
func TestWhatWasWrittenThroughALinkComesBack(t *testing.T) {
	ctx := context.Background()
	ca := producttest.NewCA(t, now)
	e := newEstate(t, ca, "chain and key")
	s := e.set(runner.Local{})
	a, theirs := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")
	put(t, s, a)
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range e.files {
		if err := os.WriteFile(f.Path, encode(t, f.Part, theirs), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := s.State(ctx); err != nil || st.Fingerprint != theirs.Fingerprint {
		t.Errorf("state %+v, %v", st, err)
	}
	put(t, s, a)
	if e.holds(t) != a.Fingerprint {
		t.Fatal("the pair is not there")
	}
	if err := s.Restore(ctx, idle); err != nil || e.holds(t) != theirs.Fingerprint {
		t.Fatalf("what was there is not back, %v", err)
	}
}

func TestFilesThatAreNoneAreRefused(t *testing.T) {
	ca := producttest.NewCA(t, now)
	e := newEstate(t, ca, "chain and key")
	if err := errors.Join(os.Remove(e.files[1].Path), os.Mkdir(e.files[1].Path, 0o700)); err != nil {
		t.Fatal(err)
	}
	before := producttest.Tree(t, e.dir)
	s := e.set(runner.Local{})
	if _, err := s.Put(context.Background(), ca.Pair(t, "a.example.com"), idle); err == nil {
		t.Error("a directory was replaced")
	}
	if err := s.Restore(context.Background(), idle); err != nil {
		t.Fatal(err)
	}
	if after := producttest.Tree(t, e.dir); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// The pairs of the tests are such that a server takes them.
func TestPairsOfTheTestsFit(t *testing.T) {
	pair := producttest.NewCA(t, now).Pair(t, "a.example.com")
	if _, err := tls.X509KeyPair(encode(t, pairfiles.FullChain, pair), encode(t, pairfiles.Key, pair)); err != nil {
		t.Fatal(err)
	}
}

// committing is a host on which a link that is looked at is removed before it is read, as a
// Commit does while somebody else looks.
type committing struct{ runner.Runner }

func (c committing) Readlink(ctx context.Context, path string) (string, error) {
	if filepath.Base(path) == "pending" {
		if err := c.Remove(ctx, path); err != nil {
			return "", err
		}
	}
	return c.Runner.Readlink(ctx, path)
}

func TestALookDuringACommitSeesNoPendingCall(t *testing.T) {
	e := newEstate(t, producttest.NewCA(t, now), "chain and key")
	set := &pairfiles.Set{Host: committing{runner.Local{}}, Files: e.files}
	if err := os.MkdirAll(set.Dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("told", filepath.Join(set.Dir(), "pending")); err != nil {
		t.Fatal(err)
	}
	if st, err := set.State(t.Context()); err != nil || st.Pending || st.Fingerprint != e.first.Fingerprint {
		t.Errorf("%+v, %v", st, err)
	}
}
