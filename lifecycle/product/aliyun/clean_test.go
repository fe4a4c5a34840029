package aliyun_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/product/aliyun/aliyuntest"
)

// What is superseded is removed once nothing refers to it, with a proof; what is used, by any
// service, or may have to be put back, stays.
// spec: N4
// spec: P9
func TestSupersededCertificatesAreRemoved(t *testing.T) {
	for _, service := range aliyun.Services() {
		t.Run(service, func(t *testing.T) {
			a, d, first, second := deployed(t, service, hosts[0])
			p := a.target(hosts[0])
			superseded := func(pair ports.KeyPair) []ports.Stored {
				t.Helper()
				all, err := d.Superseded(t.Context(), a.region, []string{pair.Fingerprint})
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			refused := func(s ports.Stored) {
				t.Helper()
				if _, err := d.Remove(t.Context(), s); !errors.Is(err, ports.ErrInUse) {
					t.Errorf("%s was removed: %v", s.ID, err)
				}
			}
			if _, err := d.Deploy(t.Context(), p, second); err != nil {
				t.Fatal(err)
			}
			for _, s := range superseded(first) { // not committed: it may have to be put back
				if len(s.References) == 0 {
					t.Errorf("%+v", s)
				}
				refused(s)
			}
			if err := d.Commit(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			for _, s := range superseded(second) {
				refused(s)
			}
			want := 1
			if service == "slb" {
				want = 2 // in the region and in the certificate service
			}
			if n := len(superseded(first)); n != want {
				t.Fatalf("%d superseded", n)
			}
			for range want {
				found := superseded(first)
				free := slices.DeleteFunc(slices.Clone(found), func(s ports.Stored) bool { return len(s.References) > 0 })
				for _, s := range found {
					if len(s.References) > 0 {
						refused(s)
					}
				}
				if len(free) != 1 {
					t.Fatalf("%d can be removed: %+v", len(free), found)
				}
				proof, err := d.Remove(t.Context(), free[0])
				if err != nil || proof.Code() != "aliyun.removed" || proof.Message().Args["request"] == "" {
					t.Errorf("%s, %v", proof, err)
				}
				if proof, err = d.Remove(t.Context(), free[0]); err != nil || proof.Code() != "aliyun.gone" {
					t.Errorf("again: %s, %v", proof, err)
				}
			}
			if left := superseded(first); len(left) != 0 || a.times(first) != 0 {
				t.Errorf("left: %+v", left)
			}
			a.mustPresent(d, p, second, "after cleaning up")
			if _, err := d.Remove(
				t.Context(),
				ports.Stored{Region: a.region, ID: "cas/1", Name: "before"},
			); code(
				err,
			) != "aliyun.not-ours" {
				t.Error(err)
			}
		})
	}
}

// A certificate that another service uses is not removed, and neither is one that a service
// itself says is used.
// spec: N4
func TestWhatAnotherServiceUsesIsNotRemoved(t *testing.T) {
	a, d, first, second := deployed(t, "cdn", hosts[0])
	p := a.target(hosts[0])
	if _, err := d.Deploy(t.Context(), p, second); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	stored, err := d.Superseded(t.Context(), a.region, []string{first.Fingerprint})
	if err != nil || len(stored) != 1 || len(stored[0].References) != 0 {
		t.Fatal(stored, err)
	}
	a.Fault = func(c aliyuntest.Call) aliyuntest.Fault {
		if c.Action == "DeleteUserCertificate" {
			return aliyuntest.Fault{Status: http.StatusBadRequest, Code: "CertificateAndPrivateKeyIsRefered"}
		}
		return aliyuntest.Fault{}
	}
	if _, err := d.Remove(t.Context(), stored[0]); !errors.Is(err, ports.ErrInUse) {
		t.Error(err)
	}
	a.Fault = nil
	a.AddDomain("dcdn", "", "elsewhere.example.com")
	a.SetDomain("dcdn", "elsewhere.example.com", strings.TrimPrefix(stored[0].ID, "cas/"), false)
	used, err := d.Superseded(t.Context(), a.region, []string{first.Fingerprint})
	if err != nil || len(used) != 1 || !slices.Equal(used[0].References, []string{"DCDN elsewhere.example.com"}) {
		t.Errorf("%+v, %v", used, err)
	}
	if _, err := d.Remove(t.Context(), stored[0]); !errors.Is(err, ports.ErrInUse) {
		t.Error(err)
	}
}
