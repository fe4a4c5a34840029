package aliyun_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/product/aliyun/aliyuntest"
)

// changesSomething are the beginnings of actions that change something.
func changesSomething(action string) bool {
	for _, verb := range []string{"Upload", "Set", "Modify", "Update", "Associate", "Dissociate", "Disassociate", "Delete"} {
		if strings.HasPrefix(action, verb) {
			return true
		}
	}
	return false
}

// nth makes a fault happen at the nth call from now on, once; 0 means never.
func (a *account) nth(n int, fault aliyuntest.Fault, then func()) (calls *atomic.Int64) {
	calls = &atomic.Int64{}
	a.Fault = func(aliyuntest.Call) aliyuntest.Fault {
		if calls.Add(1) != int64(n) {
			return aliyuntest.Fault{}
		}
		if then != nil {
			then()
		}
		return fault
	}
	return calls
}

// times is how often a pair is in the certificate service.
func (a *account) times(pair ports.KeyPair) (n int) {
	for _, name := range a.Uploaded() {
		if strings.HasPrefix(name, "certquay-"+pair.Fingerprint[:24]) {
			n++
		}
	}
	return n
}

// deployed makes an account with a first deployment at a target, and a pair for a second.
func deployed(t *testing.T, service, host string) (a *account, d *aliyun.Driver, first, second ports.KeyPair) {
	t.Helper()
	a = newAccount(t, service)
	d, first, second = a.open(), a.ca.Pair(t, host), a.ca.Pair(t, host)
	p := a.target(host)
	if _, err := d.Deploy(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return a, d, first, second
}

func (a *account) mustPresent(d *aliyun.Driver, p ports.Target, pair ports.KeyPair, when string) {
	a.t.Helper()
	if string(a.seen(d, p)) != string(pair.Chain[0]) {
		a.t.Errorf("%s %s: it presents another certificate", p.Name, when)
	}
	if b, err := d.Current(context.Background(), p); err != nil || b.Fingerprint != pair.Fingerprint {
		a.t.Errorf("%s %s: configured is %q, %v", p.Name, when, b.Fingerprint, err)
	}
}

// noKey fails if a text has a piece of a private key.
func noKey(t *testing.T, text string, pairs ...ports.KeyPair) {
	t.Helper()
	for _, pair := range pairs {
		body := string(pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: pair.Key.Reveal()}))
		for _, line := range strings.Split(body, "\n")[1:3] {
			if len(line) > 20 && strings.Contains(text, line) {
				t.Errorf("a private key in %s", text)
			}
		}
	}
}

// all means every fault at every call, at default certificates as well as at those chosen by
// name; otherwise the tests take two faults for each call.
var all = os.Getenv("CERTQUAY_CLOUD_FAULTS") == "all"

// someHosts are those whose targets are tried.
func someHosts() []string {
	if all {
		return hosts[:2]
	}
	return hosts[1:2]
}

// results counts what was tried, for the log.
type results map[string]int

func (r results) log(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		t.Logf("%6d %s", r[name], name)
	}
}

// Each call of a deployment fails once, before or after it has acted. What may pass is
// repeated; what is refused is restored and works the next time. The pair is uploaded once.
// spec: D3
// spec: D6
func TestEachCallFails(t *testing.T) {
	faults := map[string]aliyuntest.Fault{
		"down after":    {Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", After: true},
		"not permitted": {Status: http.StatusForbidden, Code: "Forbidden.RAM"},
	}
	if all {
		faults["throttled"] = aliyuntest.Fault{Status: http.StatusBadRequest, Code: "Throttling.User"}
		faults["down before"] = aliyuntest.Fault{Status: http.StatusInternalServerError, Code: "InternalError"}
		faults["cut before"] = aliyuntest.Fault{Cut: true, Status: 1}
		faults["cut after"] = aliyuntest.Fault{Cut: true, After: true}
	}
	tried := results{}
	defer tried.log(t)
	for _, service := range aliyun.Services() {
		for _, host := range someHosts() {
			for n := 1; ; n++ {
				last := false
				for name, fault := range faults {
					t.Run(fmt.Sprintf("%s/%s/%d %s", service, host, n, name), func(t *testing.T) {
						a, d, first, second := deployed(t, service, host)
						p := a.target(host)
						calls := a.nth(n, fault, nil)
						_, err := d.Deploy(t.Context(), p, second)
						last, a.Fault = calls.Load() < int64(n), nil
						// A look at a job may be refused when the job is done: that is no failure.
						if refused := errors.As(
							err,
							new(*ports.PermanentError),
						); err != nil &&
							(last || !refused || fault.Code != "Forbidden.RAM") {
							t.Fatal(err)
						}
						if outcome := "finished by itself"; !last {
							if err != nil {
								outcome = "restored, then deployed"
							}
							tried[service+", "+name+": "+outcome]++
						}
						if err != nil {
							noKey(t, err.Error(), first, second)
							if err := d.Rollback(t.Context(), p); err != nil {
								t.Fatal(err)
							}
							a.mustPresent(d, p, first, "after the rollback")
							if _, err := d.Deploy(t.Context(), p, second); err != nil {
								t.Fatal(err)
							}
						}
						a.mustPresent(d, p, second, "in the end")
						if a.times(second) != 1 {
							t.Errorf("uploaded %d times", a.times(second))
						}
					})
				}
				if last {
					break
				}
			}
		}
	}
}

// The program is killed at each call, before or after it has acted. Another one over the
// same store finishes the deployment, or takes it back, and the pair is uploaded once.
// spec: D3
// spec: D6
func TestKilledAtEachCall(t *testing.T) {
	faults := []aliyuntest.Fault{{Cut: true, After: true}}
	if all {
		faults = append(faults, aliyuntest.Fault{Cut: true, Status: 1})
	}
	tried := results{}
	defer tried.log(t)
	for _, service := range aliyun.Services() {
		for _, host := range someHosts() {
			for n, last := 1, false; !last; n++ {
				for _, fault := range faults {
					for _, back := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s/%s/%d acted %v back %v", service, host, n, fault.After, back), func(t *testing.T) {
							a, d, first, second := deployed(t, service, host)
							p := a.target(host)
							ctx, kill := context.WithCancel(t.Context())
							defer kill()
							calls := a.nth(n, fault, kill)
							_, err := d.Deploy(ctx, p, second)
							if last = calls.Load() < int64(n); !last && err == nil && calls.Load() == int64(n) {
								t.Error("a killed call was no failure")
							}
							a.Fault = nil
							d = a.open()
							if !last {
								tried[fmt.Sprintf("%s, killed, call done %v, rolled back %v: well", service, fault.After, back)]++
							}
							if back {
								if err := d.Rollback(t.Context(), p); err != nil {
									t.Fatal(err)
								}
								if err := d.Rollback(t.Context(), p); err != nil {
									t.Fatal(err)
								}
								a.mustPresent(d, p, first, "after the rollback")
								return
							}
							if _, err := d.Deploy(t.Context(), p, second); err != nil {
								t.Fatal(err)
							}
							a.mustPresent(d, p, second, "after the restart")
							if a.times(second) != 1 {
								t.Errorf("uploaded %d times", a.times(second))
							}
							if err := d.Rollback(t.Context(), p); err != nil {
								t.Fatal(err)
							}
							a.mustPresent(d, p, first, "after the rollback")
						})
					}
				}
			}
		}
	}
}
