package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnsupdate"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

const canary = "canary-7f3a9c"

func TestMain(m *testing.M) {
	worker.RunIfChild(func(name string, settings map[string]string, resolvers []string) (worker.Writer, error) {
		switch name {
		case "dnsupdate":
			return dnsupdate.New(settings, resolvers)
		case "httpreq":
			if settings["HTTPREQ_MODE"] == "unknown" {
				return nil, worker.ErrUnknown
			}
			fmt.Println("a library talks", settings)
			fmt.Fprintln(os.Stderr, "and complains", settings)
			return &fake{mode: settings["HTTPREQ_MODE"], settings: settings}, nil
		}
		return nil, worker.ErrUnknown
	})
	os.Exit(m.Run())
}

// fake is the provider of the child: its mode says what it does.
type fake struct {
	mode     string
	settings map[string]string
	present  map[string]int // numbers of records, in memory as many of lego's providers have them
}

func (f *fake) Present(ctx context.Context, r dns.Record) error {
	switch f.mode {
	case "world":
		wd, _ := os.Getwd()
		status, _ := os.ReadFile("/proc/self/limits")
		return model.Fail("a", "text", strings.Join(os.Environ(), " ")+"|"+strings.Join(os.Args, " ")+"|"+wd+"|"+string(status))
	case "secret":
		return errors.New(f.settings["HTTPREQ_ENDPOINT"] + " 401 for " + f.settings["HTTPREQ_PASSWORD"])
	case "hang":
		hang()
	case "panic":
		panic("met " + f.settings["HTTPREQ_PASSWORD"])
	case "die":
		syscall.Exit(9)
	case "by hand":
		return dns.ErrNotPossible
	case "pid":
		return errors.New(strconv.Itoa(os.Getpid()))
	case "loud":
		return errors.New(strings.Repeat("x", 1<<20))
	}
	if f.present == nil {
		f.present = map[string]int{}
	}
	f.present[r.Value] = len(f.present)
	return nil
}

func (f *fake) CleanUp(_ context.Context, r dns.Record) error {
	if f.mode == "kill" && len(f.present) > 0 {
		syscall.Exit(9)
	}
	if _, ok := f.present[r.Value]; !ok && f.mode != "kill" {
		return errors.New("unknown record id")
	}
	delete(f.present, r.Value)
	return nil
}

// hang waits for longer than any child may run.
func hang() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	<-ctx.Done()
}

func account(t *testing.T, mode string) *worker.Account {
	t.Helper()
	return accountOf(t, worker.Options{Provider: "httpreq", Settings: map[string]model.Secret{
		"HTTPREQ_ENDPOINT": model.NewSecret([]byte("http://127.0.0.1")), "HTTPREQ_MODE": model.NewSecret([]byte(mode)),
		"HTTPREQ_PASSWORD": model.NewSecret([]byte(canary)),
	}})
}

func accountOf(t *testing.T, o worker.Options) *worker.Account {
	t.Helper()
	a, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	return a
}

var record = dns.Record{
	Order:            "o1",
	Name:             "_acme-challenge.example.com.",
	Value:            "v1",
	Domain:           "example.com",
	Token:            "t",
	KeyAuthorization: "t.k",
}

func codeOf(err error) string { return model.TextOf(err).Code() }

// words is what the provider said.
func words(err error) string { return fmt.Sprint(model.TextOf(err).Message().Texts["cause"].Message()) }

// One child serves an order from the first call to Close and keeps what the provider has
// in memory; others do not see it. spec: C5
func TestOneChildServesAnOrder(t *testing.T) {
	a := account(t, "")
	ctx := t.Context()
	other := record
	other.Order = "o2"
	if err := errors.Join(a.Check(ctx), a.Present(ctx, record), a.Present(ctx, other), a.CleanUp(ctx, record)); err != nil {
		t.Fatal(err)
	}
	a.Close("o2")
	if err := a.CleanUp(ctx, other); codeOf(err) != "dns-provider.failed" || !strings.Contains(words(err), "unknown record id") {
		t.Errorf("a new child knows the record: %v", err)
	}
	a.Close("o1")
	a.Close("o1")
}

// The child has neither the environment of its parent nor a credential in its own or in
// its arguments, and writes no core file. spec: C5
func TestTheChildKnowsNothingElse(t *testing.T) {
	t.Setenv("CERTQUAY_TEST_SECRET", "parents")
	t.Setenv("HTTPS_PROXY", "http://proxy.test:3128")
	err := account(t, "world").Present(t.Context(), record)
	world := words(err)
	for _, absent := range []string{canary, "parents", "CERTQUAY_TEST_SECRET", "HOME=" + os.Getenv("HOME")} {
		if strings.Contains(world, absent) {
			t.Errorf("%s in %s", absent, world)
		}
	}
	wanted := []string{"CERTQUAY_DNS=1", "HTTPS_PROXY=http://proxy.test:3128", "|certquay-dns|/|"}
	if runtime.GOOS == "linux" {
		wanted = append(wanted, "Max core file size        0                    0")
	}
	for _, w := range wanted {
		if !strings.Contains(world, w) {
			t.Errorf("no %s in %s", w, world)
		}
	}
}

func TestWhatAProviderDoesWrong(t *testing.T) {
	for mode, want := range map[string]string{
		"secret": "dns-provider.failed", "panic": "dns-provider.failed", "die": "dns-provider.died", "loud": "dns-provider.died",
		"unknown": "dns-provider.not-here", "by hand": "challenge.dns.by-hand",
	} {
		err := account(t, mode).Present(t.Context(), record)
		if codeOf(err) != want || strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s: %v", mode, err)
		}
		if mode == "secret" && !strings.Contains(words(err), "http://127.0.0.1 401 for [HTTPREQ_PASSWORD]") {
			t.Error(words(err))
		}
	}
	if err := account(t, "by hand").Present(t.Context(), record); !errors.Is(err, dns.ErrNotPossible) {
		t.Error(err)
	}
}

// A child that does not answer is killed at the deadline, and the next call has a new one.
func TestAHangingProviderIsKilled(t *testing.T) {
	a := accountOf(t, worker.Options{Provider: "httpreq", Timeout: 300 * time.Millisecond, Settings: map[string]model.Secret{
		"HTTPREQ_ENDPOINT": model.NewSecret([]byte("x")), "HTTPREQ_MODE": model.NewSecret([]byte("hang")),
	}})
	start := time.Now()
	if err := a.Present(t.Context(), record); codeOf(err) != "dns-provider.late" || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Error(took)
	}
	if err := a.CleanUp(t.Context(), record); codeOf(err) != "dns-provider.failed" {
		t.Error(err)
	}
}

// A child that dies while it removes a record is followed by another that tries.
func TestAnotherChildTriesToCleanUp(t *testing.T) {
	a := account(t, "kill")
	if err := a.Present(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if err := a.CleanUp(t.Context(), record); err != nil {
		t.Error(err)
	}
}

// Sixteen children serve an account at most.
func TestChildrenAreBounded(t *testing.T) {
	a := account(t, "")
	var err error
	for n := range 17 {
		r := record
		r.Order = strconv.Itoa(n)
		if err = a.Present(t.Context(), r); err != nil && n < 16 {
			t.Fatal(n, err)
		}
	}
	if !errors.Is(err, challenge.ErrBusy) {
		t.Error(err)
	}
	a.Close("3")
	if err := a.Present(t.Context(), record); err != nil {
		t.Error(err)
	}
}

func TestAccountsAreChecked(t *testing.T) {
	value := model.NewSecret([]byte("x"))
	for want, o := range map[string]worker.Options{
		"dns-provider.unknown": {Provider: "nonesuch"},
		"dns-provider.setting": {Provider: "digitalocean", Settings: map[string]model.Secret{"LD_PRELOAD": value, "DO_AUTH_TOKEN": value}},
		"dns-provider.missing": {Provider: "digitalocean"},
	} {
		if _, err := worker.New(o); codeOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	a := accountOf(t, worker.Options{Provider: "linode", Settings: map[string]model.Secret{"LINODE_TOKEN": value}})
	if err := a.Present(t.Context(), record); codeOf(err) != "dns-provider.separate" || !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}

// childrenOf are the processes whose parent has this number.
func childrenOf(pid int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		if _, rest, ok := strings.Cut(string(b), ") "); ok {
			if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
				n, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
				all = append(all, n)
			}
		}
	}
	return all
}
