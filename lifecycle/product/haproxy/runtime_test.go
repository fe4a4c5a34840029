package haproxy_test

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/haproxy"
	"certquay/lifecycle/product/probe"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

func (s *stand) ask(t *testing.T, command string) string {
	t.Helper()
	answer, err := site.Ask(t.Context(), runner.Local{}, s.Path("sock"), []byte(command+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func (s *stand) deploy(t *testing.T, p ports.Product, n int) ports.KeyPair {
	t.Helper()
	pair := s.CA.Pair(t, s.Hosts[n])
	if _, err := p.Deploy(t.Context(), ports.Target{Region: "local", Name: s.pair(n)}, pair); err != nil {
		t.Fatal(err)
	}
	return pair
}

func (s *stand) mustPresent(t *testing.T, host, fingerprint string) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); ; waittest.Pause(20 * time.Millisecond) {
		chain, _, err := probe.Prober{}.Probe(t.Context(), s.Address(), host)
		if err == nil && bundle.Fingerprint(chain[0]) == fingerprint {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s presents something else, %v", host, err)
		}
	}
}

// What was put into the memory of the process is in the file too.
// spec: P3
func TestARestartKeepsWhatTheSocketTook(t *testing.T) {
	t.Parallel()
	s := start(t, true, "a.example.com")
	pair := s.deploy(t, s.product(runner.Local{}), 0)
	s.mustPresent(t, s.Hosts[0], pair.Fingerprint)
	before := s.ask(t, "show info")
	if err := site.Run(t.Context(), runner.Local{}, s.settings().Reload); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(5 * time.Second); s.ask(t, "show info") == before && time.Now().Before(until); {
		waittest.Pause(20 * time.Millisecond)
	}
	s.mustPresent(t, s.Hosts[0], pair.Fingerprint)
}

// HAProxy 2.6 puts what is set for one file into the transaction that is open for another.
func TestSomebodysTransactionIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := start(t, true, "a.example.com", "b.example.com")
	p := s.product(runner.Local{})
	other := s.CA.Pair(t, s.Hosts[1])
	s.ask(t, "set ssl cert "+s.pair(1)+" <<\n"+string(bundle.CertificatePEM(other.Chain...))+string(bundle.KeyPEM(other.Key)))
	target := ports.Target{Region: "local", Name: s.pair(0)}
	state := s.State(t)
	was := state()
	_, err := p.Deploy(t.Context(), target, s.CA.Pair(t, s.Hosts[0]))
	if code := codeOf(err); code != "haproxy.transaction" {
		t.Fatalf("%s: %v", code, err)
	}
	if !strings.Contains(s.ask(t, "show ssl cert"), "*"+s.pair(1)) {
		t.Error("the transaction is gone")
	}
	s.ask(t, "commit ssl cert "+s.pair(1))
	s.mustPresent(t, s.Hosts[1], other.Fingerprint)
	if err := p.Rollback(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if state() != was {
		t.Error("the files are not what they were")
	}
	s.mustPresent(t, s.Hosts[0], s.deploy(t, p, 0).Fingerprint)
}

func codeOf(err error) string { return model.TextOf(err).Code() }

// A file that the process has not loaded, as after the configuration was changed, needs a
// reload.
func TestFilesThatAreNotLoaded(t *testing.T) {
	t.Parallel()
	s := start(t, true, "a.example.com", "b.example.com", "c.example.com")
	data, err := os.ReadFile(s.pair(2))
	if err != nil {
		t.Fatal(err)
	}
	s.Hosts = append(s.Hosts, "d.example.com")
	s.Write(t, s.pair(3), string(data), 0o600)
	settings := s.settings()
	settings.Reload = nil
	p := haproxy.New(settings, site.Options{Hosts: []runner.Runner{runner.Local{}}, Now: time.Now})
	target := ports.Target{Region: "local", Name: s.pair(3)}
	if _, err := p.Deploy(t.Context(), target, s.CA.Pair(t, s.Hosts[3])); codeOf(err) != "haproxy.not-loaded" {
		t.Fatalf("%s: %v", codeOf(err), err)
	}
	pair := s.deploy(t, s.product(runner.Local{}), 3)
	s.mustPresent(t, s.Hosts[3], pair.Fingerprint)
}

// saysYes is a host whose stats socket agrees to everything and does nothing.
type saysYes struct {
	runner.Runner
	file string
}

func (h saysYes) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "unix" {
		return h.Runner.Dial(ctx, network, address)
	}
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = theirs.Close() }()
		request := make([]byte, 64<<10)
		n, err := theirs.Read(request)
		if err != nil {
			return
		}
		answer := "Success!\n"
		if string(request[:n]) == "show ssl cert\n" {
			answer = "# transaction\n*" + h.file + "\n# filename\n" + h.file + "\n"
		}
		_, _ = theirs.Write([]byte(answer + "\n"))
	}()
	return ours, nil
}

// spec: D3
func TestASocketThatSaysYesAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, true, "a.example.com")
	state := s.State(t)
	was := state()
	target := ports.Target{Region: "local", Name: s.pair(0)}
	_, err := s.product(saysYes{runner.Local{}, s.pair(0)}).Deploy(t.Context(), target, s.CA.Pair(t, s.Hosts[0]))
	if codeOf(err) != "haproxy.refused" {
		t.Fatalf("%s: %v", codeOf(err), err)
	}
	if err := s.product(runner.Local{}).Rollback(t.Context(), target); err != nil || state() != was {
		t.Fatalf("%v, or the files are not what they were", err)
	}
}

func TestTheSocketIsNamedIfItIsWrong(t *testing.T) {
	t.Parallel()
	s := start(t, true, "a.example.com")
	settings := s.settings()
	settings.Socket = s.Path("none")
	p := haproxy.New(settings, site.Options{Hosts: []runner.Runner{runner.Local{}}, Now: time.Now})
	wrong := p.Test(t.Context())
	if len(wrong) != 1 || codeOf(wrong[0]) != "site.not-asked" || !strings.Contains(wrong[0].Error(), s.Path("none")) {
		t.Error(wrong)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", s.Path("none"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 64))
			_, _ = c.Write([]byte("Permission denied\n\n"))
			_ = c.Close()
		}
	}()
	if wrong = p.Test(t.Context()); len(wrong) != 1 || codeOf(wrong[0]) != "haproxy.refused" {
		t.Error(wrong)
	}
}

// HAProxy 2.6 loses a signal to reload that comes while it is starting its next worker.
func TestAReloadThatIsLostIsRepeated(t *testing.T) {
	t.Parallel()
	s := start(t, false, "a.example.com")
	s.mustPresent(t, s.Hosts[0], s.deploy(t, s.product(lossy{runner.Local{}, s.settings().Reload, new(int)}), 0).Fingerprint)
}

// lossy is a host on which the first reload does nothing.
type lossy struct {
	runner.Runner
	reload []string
	asked  *int
}

func (l lossy) Run(ctx context.Context, c runner.Command) (runner.Output, error) {
	if slices.Equal(c.Argv, l.reload) {
		if *l.asked++; *l.asked == 1 {
			return runner.Output{}, nil
		}
	}
	return l.Runner.Run(ctx, c)
}
