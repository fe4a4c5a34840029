package files_test

import (
	"bytes"
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
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/files"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// This binary is also the child that opens key stores.
func TestMain(m *testing.M) {
	decode.RunIfChild()
	os.Exit(m.Run())
}

const host = "a.example.com"

// stand is a TLS server of the test that loads its files when the command "load" is run.
type stand struct {
	*producttest.Estate
	runner.Runner
	settings files.Settings
	loaded   chan *tls.Certificate // holds one
}

func start(t *testing.T) *stand {
	t.Helper()
	s := &stand{Estate: producttest.NewEstate(t, host), Runner: runner.Local{}, loaded: make(chan *tls.Certificate, 1)}
	s.settings = files.DefaultSettings()
	s.settings.FullChain, s.settings.Key, s.settings.Names = s.Cert(host), s.Key(host), []string{host}
	s.settings.Address, s.settings.Test, s.settings.Reload = s.Address(), []string{"check"}, []string{"load"}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	l, err := listen.TCP(context.Background(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := <-s.loaded
		s.loaded <- c
		return c, nil
	}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = tls.Server(c, config).Handshake() // the client tells
			}()
		}
	}()
	return s
}

func (s *stand) pair() (*tls.Certificate, error) {
	if _, err := os.Stat(s.Path("broken")); err == nil {
		return nil, &runner.ExitError{Command: "check", Status: 1, Said: "broken"}
	}
	c, err := tls.LoadX509KeyPair(s.Cert(host), s.Key(host))
	return &c, err
}

func (s *stand) load() error {
	c, err := s.pair()
	if err != nil {
		return err
	}
	select {
	case <-s.loaded:
	default:
	}
	s.loaded <- c
	return nil
}

// Run is the server's commands, and those of the system.
func (s *stand) Run(ctx context.Context, c runner.Command) (runner.Output, error) {
	switch c.Argv[0] {
	case "check":
		_, err := s.pair()
		return runner.Output{}, err
	case "load":
		return runner.Output{}, s.load()
	}
	return s.Runner.Run(ctx, c)
}

func (s *stand) product(r runner.Runner) ports.Product {
	return files.New(s.settings, site.Options{Hosts: []runner.Runner{r}, Now: time.Now})
}

func TestContract(t *testing.T) {
	producttest.Run(t, func(t *testing.T) producttest.Harness {
		s := start(t)
		return producttest.Harness{
			Product: s.product(s), Region: "local", Hosts: s.Hosts, Now: time.Now(), State: s.State(t),
			Reopen: func(*testing.T) ports.Product { return s.product(s) },
		}
	})
}

func (s *stand) onHost(t *testing.T) producttest.OnHost {
	return producttest.OnHost{
		Host: s, Target: s.Target("local", 0), Names: s.Hosts, State: s.State(t), Open: s.product,
		Reload: func(argv []string) bool { return slices.Equal(argv, s.settings.Reload) },
		Break: func() func() {
			s.Write(t, s.Path("broken"), "", 0o600)
			return func() { _ = os.Remove(s.Path("broken")) }
		},
	}
}

func TestFaults(t *testing.T) {
	producttest.RunFaults(t, func(t *testing.T) producttest.OnHost { return start(t).onHost(t) })
}

func TestTraffic(t *testing.T) { producttest.RunTraffic(t, start(t).onHost(t)) }

// spec: D3
func TestFilesWithoutAnAddressAreReadBack(t *testing.T) {
	ctx := context.Background()
	for name, settings := range map[string]func(dir string) files.Settings{
		"PEM":     func(dir string) files.Settings { return files.Settings{Combined: filepath.Join(dir, "all.pem")} },
		"PKCS#12": func(dir string) files.Settings { return files.Settings{PKCS12: filepath.Join(dir, "store.p12")} },
		"JKS":     func(dir string) files.Settings { return files.Settings{JKS: filepath.Join(dir, "store.jks")} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			word := model.NewSecret([]byte("changeit"))
			s := settings(dir)
			p := files.New(s, site.Options{Hosts: []runner.Runner{runner.Local{}}, Password: word, Now: time.Now})
			targets, err := p.Discover(ctx, "local")
			if err != nil || len(targets) != 1 {
				t.Fatal(targets, err)
			}
			if hosts, err := p.Hosts(ctx, targets[0]); err != nil || len(hosts) != 0 {
				t.Errorf("hosts %v, %v", hosts, err)
			}
			look, err := p.Look(ctx, targets[0])
			if err != nil || !look.ReadBack || !errors.Is(look.Seen[0].Err, ports.ErrNothingPresented) {
				t.Errorf("before: %+v, %v", look, err)
			}
			pair := producttest.NewCA(t, time.Now()).Pair(t, host)
			if _, err := p.Deploy(ctx, targets[0], pair); err != nil {
				t.Fatal(err)
			}
			look, err = p.Look(ctx, targets[0])
			if err != nil || !look.ReadBack || !slices.EqualFunc(look.Seen[0].Chain, pair.Chain, bytes.Equal) {
				t.Errorf("%+v, %v", look, err)
			}
			data, err := os.ReadFile(targets[0].Name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := bundle.Parse(time.Now(), bundle.File{Name: filepath.Base(targets[0].Name), Data: data, Password: word})
			if err != nil || b.Key == nil || bundle.Fingerprint(b.Leaf.Raw) != pair.Fingerprint {
				t.Errorf("%+v, %v", b, err)
			}
			if err := p.Undeploy(ctx, targets[0]); err != nil {
				t.Fatal(err)
			}
			if tree := producttest.Tree(t, dir); strings.Count(tree, "\n") != 1 {
				t.Errorf("left are\n%s", tree)
			}
		})
	}
}

// spec: P2
func TestSettingsThatNameNoPairAreRefused(t *testing.T) {
	for _, c := range []struct {
		s    files.Settings
		want string
	}{
		{files.Settings{FullChain: "/a", Key: "/b"}, ""},
		{files.Settings{Certificate: "/a", Chain: "/b", Key: "/c"}, ""},
		{files.Settings{PKCS12: "/a", PasswordFile: "/b"}, ""},
		{files.Settings{}, "fullchain"},
		{files.Settings{FullChain: "/a"}, "key"},
		{files.Settings{FullChain: "a", Key: "/b"}, "fullchain"},
		{files.Settings{FullChain: "/a", Key: "/a"}, "key"},
		{files.Settings{JKS: "/a"}, "password_file"},
		{files.Settings{Combined: "/a", PasswordFile: "/b"}, "password_file"},
		{files.Settings{Combined: "/a", Address: "host"}, "address"},
		{files.Settings{Combined: "/a", Directory: "x/"}, "directory"},
		{files.Settings{Combined: "/a", Names: []string{""}}, "names[0]"},
	} {
		got := []string{}
		for _, w := range c.s.Check() {
			got = append(got, w.Setting)
		}
		if fmt.Sprint(got) != "["+c.want+"]" {
			t.Errorf("%+v: %v, want %s", c.s, got, c.want)
		}
	}
}
