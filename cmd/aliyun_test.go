package cmd_test

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/product/aliyun/aliyuntest"
	"certquay/lifecycle/product/producttest"
)

// A certificate is deployed to CDN and to a listener of a load balancer of a stand-in for
// Alibaba Cloud, by the program, from its configuration, and is taken off. The key is sent
// once and stands in no file. A wrong secret is named.
// spec: D3
// spec: D8
func TestDeployingToAlibabaCloud(t *testing.T) {
	t.Parallel()
	cloud := aliyuntest.New(t, time.Now)
	cloud.AddDomain("cdn", "", "www.example.com")
	before := producttest.NewCA(t, time.Now()).Pair(t, "www.example.com")
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: before.Key.Reveal()})
	port := cloud.AddListener("slb", "eu-central-1", "lb-shop",
		cloud.Upload("before", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: before.Chain[0]})), string(key)))
	p := newPerson(t)
	config := filepath.Join(p.home, ".config", "certquay")
	settings := func(service, address string, regions ...string) string {
		endpoints := `["` + strings.Join(cloud.Endpoints(regions...), `", "`) + `"]`
		return fmt.Sprintf("settings: {service: %s, access_key_id: %s, access_key_secret_file: aliyun-secret, address: %q, endpoints: %s}",
			service, cloud.KeyID, address, endpoints)
	}
	for path, text := range map[string]string{
		"config.yaml": "products:\n" +
			"  - {name: CDN, driver: aliyun, regions: [global], " + settings("cdn", cloud.Edge("cdn")) + "}\n" +
			"  - {name: SLB, driver: aliyun, regions: [eu-central-1], " + settings("slb", "", "eu-central-1") + "}\n",
		"aliyun-secret": cloud.Secret + "\n",
	} {
		if err := os.MkdirAll(config, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(config, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i := p.issue("www.example.com")
	r := p.deploy(i.ID, "CDN")
	if r.State != "deployed" || r.Fingerprint != i.Fingerprint || r.Address != cloud.Edge("cdn") {
		t.Errorf("%+v", r)
	}
	p.must("undeploy", r.ID, "--yes")
	listener := fmt.Sprintf("lb-shop:%d", port)
	l := decode[[]resource](t, p.must("deploy", i.ID, "--product", "SLB", "--region", "eu-central-1", "--resource", listener, "--json"))[0]
	if l.State != "deployed" || l.Name != listener || l.Fingerprint != i.Fingerprint {
		t.Errorf("%+v", l)
	}
	p.must("undeploy", l.ID, "--yes")
	if n := cloud.Count("UploadUserCertificate"); n != 1 {
		t.Errorf("uploaded %d times", n)
	}
	if calls := cloud.Calls(); !slices.ContainsFunc(calls, func(c aliyuntest.Call) bool { return c.Query.Get("SSLProtocol") == "off" }) {
		t.Error("it is not off, as it was before")
	}
	standsNowhere(t, cloud, p.home)
	if err := os.WriteFile(filepath.Join(config, "aliyun-secret"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.try("deploy", i.ID, "--product", "CDN", "--json"); r.code == 0 || !strings.Contains(r.out+r.err, "access_key_secret_file") {
		t.Errorf("%+v", r)
	}
}

// standsNowhere looks for the keys that were sent in all files below a directory.
func standsNowhere(t *testing.T, cloud *aliyuntest.Cloud, dir string) {
	t.Helper()
	var lines []string
	for _, c := range cloud.Calls() {
		if key := c.Form.Get("Key"); key != "" {
			lines = append(lines, strings.Split(key, "\n")[1:3]...)
		}
	}
	if len(lines) == 0 {
		t.Fatal("no key was sent")
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, line := range lines {
			if strings.Contains(string(data), line) {
				t.Errorf("a private key in %s", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What a deployment supersedes is removed from Alibaba Cloud's store if the configuration says
// so, and the receipt has the answer as a proof; else it is listed and stays.
// spec: N4
// spec: P9
func TestSupersededCertificatesLeaveAlibabaCloud(t *testing.T) {
	t.Parallel()
	cloud := aliyuntest.New(t, time.Now)
	cloud.AddDomain("cdn", "", "www.example.com")
	p := newPerson(t)
	secret := filepath.Join(p.home, "secret")
	if err := os.WriteFile(secret, []byte(cloud.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"product", "add", "Ali", "--driver", "aliyun", "--service", "cdn", "--access-key-id", cloud.KeyID,
		"--access-key-secret-file", secret, "--address", cloud.Edge("cdn")}
	for _, e := range cloud.Endpoints() {
		args = append(args, "--endpoint", e)
	}
	p.must(args...)
	i := p.issue("www.example.com")
	deploy := func() {
		t.Helper()
		p.must("deploy", i.ID, "--product", "Ali", "--resource", "www.example.com", "--json")
	}
	type stored struct {
		SHA256     string   `json:"sha256"`
		Version    int      `json:"version"`
		References []string `json:"references"`
		Removed    bool     `json:"removed"`
	}
	list := func(args ...string) []stored {
		t.Helper()
		return decode[[]stored](t, p.must(append([]string{"product", "clean", "ali", "--json"}, args...)...))
	}
	deploy()
	if got := list("--dry-run"); len(got) != 0 {
		t.Errorf("nothing is superseded: %+v", got)
	}
	p.must("reissue", i.ID, "--yes")
	deploy()
	if got := list("--dry-run"); len(got) != 1 || got[0].SHA256 != i.Fingerprint || got[0].Version != 1 || len(got[0].References) != 0 {
		t.Errorf("%+v", got)
	}
	if r := p.try(
		"product",
		"clean",
		"Ali",
		"--yes",
	); r.code != 3 ||
		!strings.Contains(r.err, "certquay product edit Ali --remove-superseded") {
		t.Errorf("%+v", r)
	}
	if n := len(cloud.Uploaded()); n != 2 {
		t.Fatalf("%d stored", n)
	}
	p.must("product", "edit", "Ali", "--remove-superseded")
	if r := p.try("product", "clean", "Ali"); r.code != 2 {
		t.Errorf("it did not ask: %+v", r)
	}
	if got := list("--yes"); len(got) != 1 || !got[0].Removed {
		t.Errorf("%+v", got)
	}
	p.must("reissue", i.ID, "--yes")
	deploy()
	if n := len(cloud.Uploaded()); n != 1 {
		t.Errorf("%d stored after a deployment", n)
	}
	receipts := decode[[]struct {
		Version int                      `json:"version"`
		Removed []struct{ Proof string } `json:"removed"`
	}](t, p.must("receipts", i.ID, "--json"))
	if len(receipts) != 3 || len(receipts[0].Removed) != 1 || len(receipts[1].Removed) != 1 ||
		!strings.Contains(receipts[0].Removed[0].Proof, "DeleteUserCertificate removed") {
		t.Errorf("%+v", receipts)
	}
	if said := p.must("activity", "--id", i.ID); strings.Count(said, "DeleteUserCertificate removed") != 2 {
		t.Error(said)
	}
}
