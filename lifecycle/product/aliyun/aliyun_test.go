package aliyun_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/product/aliyun/aliyuntest"
	"certquay/model"
)

// changes are the calls since a moment that changed something, as a plan names them.
func (a *account) changes(since int) (all []string) {
	for _, c := range a.Calls()[since:] {
		if changesSomething(c.Action) {
			all = append(all, c.Service+" "+c.Action)
		}
	}
	return all
}

// A plan has the calls that the deployment then makes, in their order, and none for what is
// there. Planning changes nothing.
func TestAPlanIsWhatIsDone(t *testing.T) {
	for _, service := range aliyun.Services() {
		for _, host := range hosts[:2] {
			a := newAccount(t, service)
			d, p, pair := a.open(), a.target(host), a.ca.Pair(t, host)
			before := len(a.Calls())
			plan, err := d.Plan(t.Context(), p, pair)
			if err != nil {
				t.Fatal(service, err)
			}
			if done := a.changes(before); len(done) > 0 {
				t.Errorf("planning did %v", done)
			}
			var planned []string
			for _, c := range plan.Changes {
				words := strings.Fields(c.Subject)
				planned = append(planned, words[0]+" "+words[1])
				if kind := ports.ChangeCall; strings.HasPrefix(words[1], "Upload") != (c.Kind == ports.ChangeUpload) ||
					c.After != pair.Fingerprint || c.Kind == kind && words[2] != p.Name {
					t.Errorf("%+v", c)
				}
			}
			before = len(a.Calls())
			if _, err := d.Deploy(t.Context(), p, pair); err != nil {
				t.Fatal(service, err)
			}
			if done := a.changes(before); !slices.Equal(done, planned) {
				t.Errorf("%s: planned %v, done %v", service, planned, done)
			}
			if plan, err = d.Plan(t.Context(), p, pair); err != nil || len(plan.Changes) > 0 {
				t.Errorf("%s again: %v, %v", service, plan.Changes, err)
			}
			if len(plan.Before) != 2 || bundle.Fingerprint(plan.Before[0]) != pair.Fingerprint {
				t.Errorf("%s: %d certificates before", service, len(plan.Before))
			}
		}
	}
}

// Undeploying configures what was there before certquay; a second time changes nothing, and
// without knowing what that was it is refused.
// spec: D8
func TestUndeployingPutsBackWhatWasThere(t *testing.T) {
	for _, service := range aliyun.Services() {
		for _, host := range hosts[:2] {
			a := newAccount(t, service)
			d, p := a.open(), a.target(host)
			before := a.seen(d, p)
			for range 2 {
				if _, err := d.Deploy(t.Context(), p, a.ca.Pair(t, host)); err != nil {
					t.Fatal(err)
				}
				if err := d.Commit(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := d.Undeploy(t.Context(), p); err != nil {
					t.Fatal(service, err)
				}
				if string(a.seen(d, p)) != string(before) {
					t.Errorf("%s: another certificate than before", service)
				}
			}
			last := a.ca.Pair(t, host)
			if _, err := d.Deploy(t.Context(), p, last); err != nil {
				t.Fatal(err)
			}
			a.store = issuertest.NewStore()
			d = a.open()
			if err := d.Undeploy(t.Context(), p); code(err) != "aliyun.no-former" {
				t.Error(err)
			}
			a.mustPresent(d, p, last, "after a refused undeploy")
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return model.TextOf(err).Code()
}

// A certificate that somebody uploaded before is used, and never uploaded twice.
func TestWhatIsThereIsNotUploadedAgain(t *testing.T) {
	a := newAccount(t, "nlb")
	pair := a.ca.Pair(t, hosts...)
	cert, key := pemOf(pair)
	a.Upload("by a person", cert, key)
	d := a.open()
	for _, host := range hosts {
		if _, err := d.Deploy(t.Context(), a.target(host), pair); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.Count("UploadUserCertificate"); n != 0 {
		t.Errorf("uploaded %d times", n)
	}
	// What a person uploaded is not removed.
	if stored, err := d.Superseded(t.Context(), a.region, []string{pair.Fingerprint}); err != nil || len(stored) != 0 {
		t.Errorf("%+v, %v", stored, err)
	}
}

// A domain with a certificate of its own, whose key cannot be had, is left alone, unless the
// certificate is in the certificate service as well.
// spec: D3
func TestWhatCouldNotBePutBackIsNotReplaced(t *testing.T) {
	for _, service := range []string{"cdn", "dcdn", "scdn"} {
		a := newAccount(t, service)
		host := hosts[0]
		own := a.ca.Pair(t, host)
		cert, key := pemOf(own)
		a.SetDomain(service, host, a.Upload("own", cert, key), true)
		d, p := a.open(), a.target(host)
		for _, do := range []func() error{
			func() error { _, err := d.Deploy(t.Context(), p, a.ca.Pair(t, host)); return err },
			func() error { _, err := d.Plan(t.Context(), p, a.ca.Pair(t, host)); return err },
		} {
			if err := do(); code(err) != "aliyun.not-restorable" {
				t.Error(err)
			}
		}
		if n := a.Count("UploadUserCertificate"); n != 0 {
			t.Error("a key was sent for nothing")
		}
		a.Upload("saved", cert, key)
		if _, err := d.Deploy(t.Context(), p, a.ca.Pair(t, host)); err != nil {
			t.Fatal(err)
		}
		if err := d.Rollback(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		a.mustPresent(d, p, own, "after the rollback")
	}
}

// Ports that WAF guards have a list of certificates, of which the others stay.
func TestPortsGuardedByWAF(t *testing.T) {
	a := newAccount(t, "waf")
	other := a.byHand("of the shop", "shop.example.com", "www.shop.example.com")
	port := a.AddListener("waf", a.region, "lb-guarded", a.byHand("of the port", "site.example.com"), other)
	byDefault := ports.Target{Region: a.region, Name: fmt.Sprintf("lb-guarded:%d", port)}
	byName := ports.Target{Region: a.region, Name: byDefault.Name + "/shop.example.com"}
	a.address = ""
	if _, err := a.open().Deploy(t.Context(), byDefault, a.ca.Pair(t, "x.example.com")); code(err) != "aliyun.no-address" {
		t.Error(err)
	}
	a.address = "127.0.0.1"
	d := a.open()
	all, err := d.Discover(t.Context(), a.region)
	if err != nil || !slices.Contains(all, byDefault) || !slices.Contains(all, byName) {
		t.Fatal(all, err)
	}
	if names, err := d.Hosts(
		t.Context(),
		byName,
	); err != nil ||
		!slices.Equal(names, []string{"shop.example.com", "www.shop.example.com"}) {
		t.Error(names, err)
	}
	if _, err := d.Deploy(t.Context(), byName, a.ca.Pair(t, "shop.example.com")); code(err) != "aliyun.refuses" {
		t.Errorf("a certificate that loses a name: %v", err)
	}
	first, second := a.ca.Pair(t, "site.example.com"), a.ca.Pair(t, "shop.example.com", "www.shop.example.com")
	if _, err := d.Deploy(t.Context(), byDefault, first); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Deploy(t.Context(), byName, second); err != nil {
		t.Fatal(err)
	}
	a.mustPresent(d, byDefault, first, "by default")
	a.mustPresent(d, byName, second, "by name")
	if err := d.Rollback(t.Context(), byDefault); err != nil {
		t.Fatal(err)
	}
	a.mustPresent(d, byName, second, "by name, after the other was rolled back")
}

// Each thing that is wrong is named by a message of its own.
func TestProductTestNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		service string
		wrong   func(*account, *aliyun.Settings)
		want    string // of the code of each message; "" if nothing is wrong
	}{
		{"cdn", func(*account, *aliyun.Settings) {}, ""},
		{"waf", func(*account, *aliyun.Settings) {}, ""},
		{"cdn", func(_ *account, s *aliyun.Settings) { s.AccessKeyID = "LTAIother" }, "aliyun.key-id"},
		{"slb", func(a *account, _ *aliyun.Settings) { a.Secret += "x" }, "aliyun.signature"},
		{"alb", func(a *account, _ *aliyun.Settings) { a.fails("InvalidTimeStamp.Expired") }, "aliyun.clock"},
		{"nlb", func(a *account, _ *aliyun.Settings) { a.fails("Forbidden.RAM") }, "aliyun.permission"},
		{"cdn", func(a *account, _ *aliyun.Settings) { a.fails("Throttling.Api") }, "aliyun.busy"},
		{"dcdn", func(a *account, _ *aliyun.Settings) { a.Inactive = []string{"dcdn"} }, "aliyun.not-activated"},
		{"alb", func(a *account, _ *aliyun.Settings) { a.Inactive = []string{"alb"} }, "aliyun.not-activated"},
		{"slb", func(a *account, s *aliyun.Settings) {
			s.Endpoints = append(s.Endpoints, "slb.eu-central-1="+strings.TrimPrefix(a.Endpoints("us-west-1")[4], "slb.us-west-1="))
		}, "aliyun.no-region"},
		{"waf", func(a *account, _ *aliyun.Settings) { a.region = "us-west-1" }, "aliyun.waf-region"},
		{"scdn", func(_ *account, s *aliyun.Settings) {
			s.Endpoints = append(s.Endpoints, "scdn=http://127.0.0.1:1")
		}, "aliyun.unreachable"},
	} {
		a := newAccount(t, c.service)
		s := a.settings()
		secret := a.Secret
		c.wrong(a, &s)
		d, err := aliyun.Open(aliyun.Options{
			Settings: s, Product: "P", Regions: []string{a.region}, Store: a.store, Pause: 1,
			Secret: func() (model.Secret, error) { return model.NewSecret([]byte(secret)), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		found := d.Test(t.Context())
		if (len(found) > 0) != (c.want != "") {
			t.Errorf("%s: %v, want %s", c.service, found, c.want)
		}
		for _, err := range found {
			if code(err) != c.want {
				t.Errorf("%s: %v, want %s", c.service, err, c.want)
			}
		}
	}
	a := newAccount(t, "cdn")
	d, err := aliyun.Open(aliyun.Options{
		Settings: a.settings(), Regions: []string{a.region}, Store: a.store,
		Secret: func() (model.Secret, error) { return model.Secret{}, model.ErrNotFound },
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := d.Test(t.Context()); len(found) != 2 || code(found[0]) != "aliyun.no-secret" || len(a.Calls()) > 0 {
		t.Error(found)
	}
}

func (a *account) fails(code string) {
	a.Fault = func(aliyuntest.Call) aliyuntest.Fault {
		return aliyuntest.Fault{Status: http.StatusBadRequest, Code: code}
	}
}

// A busy service is asked again a few times, then later: the error says after what time.
func TestABusyServiceIsAskedAgainLater(t *testing.T) {
	a := newAccount(t, "cdn")
	d, p := a.open(), a.target(hosts[0])
	a.fails("Throttling.User")
	_, err := d.Deploy(t.Context(), p, a.ca.Pair(t, hosts[0]))
	var later *ports.RetryAfterError
	if !errors.As(err, &later) || later.After <= 0 || len(a.Calls()) != 4 {
		t.Errorf("%v after %d calls", err, len(a.Calls()))
	}
}

// If the certificate service does not see a key in the body, that is said, and the key is not
// sent in the address.
func TestAKeyIsNotSentInTheAddress(t *testing.T) {
	a := newAccount(t, "cdn")
	a.Strict = true
	pair := a.ca.Pair(t, hosts[0])
	_, err := a.open().Deploy(t.Context(), a.target(hosts[0]), pair)
	if code(err) != "aliyun.key-not-taken" || a.Count("UploadUserCertificate") != 1 {
		t.Errorf("%v, sent %d times", err, a.Count("UploadUserCertificate"))
	}
	noKey(t, err.Error(), pair)
}

// No private key is in an address, a record or a message, and only one call has one in its
// body.
func TestKeysAreSentOnceAndStandNowhere(t *testing.T) {
	for _, service := range aliyun.Services() {
		a, d, first, second := deployed(t, service, hosts[0])
		if _, err := d.Deploy(t.Context(), a.target(hosts[0]), second); err != nil {
			t.Fatal(err)
		}
		var sent []string
		for _, c := range a.Calls() {
			noKey(t, c.URL, first, second)
			if address, err := url.QueryUnescape(c.URL); err != nil || strings.Contains(address, "PRIVATE KEY") {
				t.Error(c.URL, err)
			}
			if strings.Contains(fmt.Sprint(c.Form), "PRIVATE KEY") {
				sent = append(sent, c.Action)
			}
		}
		if !slices.Equal(sent, []string{"UploadUserCertificate", "UploadUserCertificate"}) {
			t.Errorf("%s: keys were sent by %v", service, sent)
		}
		for key, cell := range a.store.Cells("") {
			if !cell.Secret.Empty() || strings.Contains(string(cell.Data), string(first.Key.Reveal())) {
				t.Errorf("a key in %s", key)
			}
		}
	}
}

// RSA keys are taken as well, Ed25519 keys are refused before anything is sent.
func TestTypesOfKeys(t *testing.T) {
	a := newAccount(t, "cdn")
	d, p := a.open(), a.target(hosts[0])
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair := selfSigned(t, rsaKey, hosts[0])
	if _, err := d.Deploy(t.Context(), p, pair); err != nil {
		t.Fatal(err)
	}
	a.mustPresent(d, p, pair, "with RSA")
	sent := a.Count("UploadUserCertificate")
	if _, err := d.Deploy(t.Context(), p, selfSigned(t, edKey, hosts[0])); code(err) != "aliyun.key-type" {
		t.Error(err)
	}
	if a.Count("UploadUserCertificate") != sent {
		t.Error("the key was sent")
	}
}

func selfSigned(t *testing.T, key crypto.Signer, host string) ports.KeyPair {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), DNSNames: []string{host}, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(0, 1, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return ports.KeyPair{Chain: [][]byte{der}, Key: model.NewSecret(pkcs8), Fingerprint: bundle.Fingerprint(der)}
}

// What there is is surveyed: what certquay deployed is told from the rest.
func TestSurvey(t *testing.T) {
	for _, service := range aliyun.Services() {
		a, d, _, _ := deployed(t, service, hosts[1])
		all, err := d.Survey(t.Context(), a.region)
		if err != nil {
			t.Fatal(err)
		}
		managed := 0
		for _, one := range all {
			if one.Managed {
				managed++
				if one.Target != a.target(hosts[1]) || !slices.Equal(one.Names, []string{hosts[1]}) || one.Address == "" ||
					one.SNI != hosts[1] {
					t.Errorf("%+v", one)
				}
			}
			if one.Err != nil {
				t.Error(one.Err)
			}
		}
		if managed != 1 || len(all) < len(hosts) {
			t.Errorf("%s: %d of %d are managed", service, managed, len(all))
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	right := func() aliyun.Settings {
		s := aliyun.DefaultSettings()
		s.AccessKeyID, s.AccessKeySecretFile = "LTAI", "secret"
		return s
	}
	for name, wrong := range map[string]func(*aliyun.Settings){
		"":                       func(*aliyun.Settings) {},
		"service":                func(s *aliyun.Settings) { s.Service = "oss" },
		"access_key_id":          func(s *aliyun.Settings) { s.AccessKeyID = "" },
		"access_key_secret_file": func(s *aliyun.Settings) { s.AccessKeySecretFile = "" },
		"certificate_region":     func(s *aliyun.Settings) { s.CertificateRegion = "eu-central-1" },
		"address":                func(s *aliyun.Settings) { s.Address = "https://cdn.example.com/" },
		"endpoints[0]":           func(s *aliyun.Settings) { s.Endpoints = []string{"oss=x"} },
		"endpoints[1]": func(s *aliyun.Settings) {
			s.Endpoints = []string{"slb.eu-central-1=slb-vpc.eu-central-1.aliyuncs.com", "cas=http://cas.example.com"} // a key in the clear
		},
		"endpoints[2]": func(s *aliyun.Settings) {
			s.Endpoints = []string{"cas=http://127.0.0.1:1", "cdn=https://proxy.example.com", "cdn=a/b"}
		},
	} {
		s := right()
		wrong(&s)
		found := s.Check()
		if name == "" && len(found) > 0 || name != "" && (len(found) != 1 || found[0].Setting != name) {
			t.Errorf("%q: %+v", name, found)
		}
	}
}
