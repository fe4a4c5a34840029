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
