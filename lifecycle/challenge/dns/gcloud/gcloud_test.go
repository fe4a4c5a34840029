package gcloud

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"certquay/lifecycle/challenge/dns"
	"certquay/model"
)

const (
	name  = "_acme-challenge.www.example.com."
	agent = "quay@p1.iam.gserviceaccount.com"
)

// cloud stands in for Google Cloud: DNS, tokens, credentials and metadata.
type cloud struct {
	t   *testing.T
	key *rsa.PrivateKey
	url string

	mu      sync.Mutex
	scopes  []string            // that tokens were asked for
	records map[string][]string // by zone: values of name
	ttl     int64
	pending int              // looks until a change is done
	meddle  func()           // done once before the next change
	changes []map[string]any // that were taken
}

func newCloud(t *testing.T) *cloud {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, key: key, records: map[string][]string{}, ttl: 77}
	srv := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	return c
}

// account is the key of the service account, as a person gets it.
func (c *cloud) account(project string) string {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": "k1", "client_email": agent, "token_uri": c.url + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func (c *cloud) client(settings map[string]string) *Client {
	c.t.Helper()
	p, err := newClient(settings, endpoints{dns: c.url, credentials: c.url, metadata: c.url, token: c.url + "/elsewhere"})
	if err != nil {
		c.t.Fatal(err)
	}
	p.pause = time.Millisecond
	return p
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"status":%q,"errors":[{"reason":"r"}]}}`, status, message, code)
}

func (c *cloud) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch path := r.URL.Path; {
	case path == "/token":
		c.grant(w, r)
	case strings.HasPrefix(path, "/computeMetadata/v1/"):
		switch {
		case r.Header.Get("Metadata-Flavor") != "Google":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(path, "/project/project-id"):
			fmt.Fprintln(w, "p1")
		default:
			c.scopes = append(c.scopes, r.URL.Query().Get("scopes"))
			fmt.Fprint(w, `{"access_token":"good","expires_in":3000,"token_type":"Bearer"}`)
		}
	case r.Header.Get("Authorization") == "Bearer good" && path == "/v1/projects/-/serviceAccounts/other@example.com:generateAccessToken":
		fmt.Fprintf(w, `{"accessToken":"others","expireTime":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	case !slices.Contains([]string{"Bearer good", "Bearer others"}, r.Header.Get("Authorization")):
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "no")
	case strings.HasPrefix(path, "/dns/v1/projects/p1/managedZones"):
		c.dns(w, r, strings.Split(strings.TrimPrefix(path, "/dns/v1/projects/p1/managedZones"), "/"))
	default:
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "not your project")
	}
}

// grant gives a token for what the key has signed.
func (c *cloud) grant(w http.ResponseWriter, r *http.Request) {
	signed, err := jose.ParseSigned(r.FormValue("assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		c.t.Error(err)
		return
	}
	var claims struct {
		Iss, Aud, Scope string
		Exp             int64
	}
	b, err := signed.Verify(&c.key.PublicKey)
	if err != nil || json.Unmarshal(b, &claims) != nil || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
		return
	}
	if claims.Iss != agent || claims.Aud != c.url+"/token" || claims.Exp < time.Now().Unix() || signed.Signatures[0].Header.KeyID != "k1" {
		c.t.Errorf("%s", b)
	}
	c.scopes = append(c.scopes, claims.Scope)
	fmt.Fprint(w, `{"access_token":"good","expires_in":3000,"token_type":"Bearer"}`)
}

func (c *cloud) dns(w http.ResponseWriter, r *http.Request, path []string) {
	zone, what := "", ""
	if len(path) > 2 {
		zone, what = path[1], path[2]
	}
	switch {
	case zone == "" && r.URL.Query().Get("pageToken") == "":
		fmt.Fprint(w, `{"managedZones":[{"name":"com","dnsName":"com.","visibility":"public"},
			{"name":"example","dnsName":"example.com.","visibility":"public"}],"nextPageToken":"more"}`)
	case zone == "":
		fmt.Fprint(w, `{"managedZones":[{"name":"inner","dnsName":"www.example.com.","visibility":"private"},
			{"name":"other","dnsName":"ample.com.","visibility":"public"}]}`)
	case what == "rrsets" && r.URL.Query().Get("name") == name && r.URL.Query().Get("type") == "TXT":
		sets := []any{}
		if len(c.records[zone]) > 0 {
			sets = append(sets, c.set(zone))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"rrsets": sets})
	case what == "changes" && r.Method == http.MethodPost:
		c.change(w, r, zone)
	case what == "changes" && path[3] == "7":
		c.pending--
		fmt.Fprintf(w, `{"id":"7","status":%q}`, c.status())
	default:
		refuse(w, http.StatusNotFound, "", "nothing at "+r.URL.String())
	}
}

func (c *cloud) set(zone string) map[string]any {
	return map[string]any{"name": name, "type": "TXT", "ttl": c.ttl, "rrdatas": c.records[zone]}
}

func (c *cloud) status() string {
	if c.pending > 0 {
		return "pending"
	}
	return "done"
}

// change does what is asked if what is to be deleted is there exactly so.
func (c *cloud) change(w http.ResponseWriter, r *http.Request, zone string) {
	if f := c.meddle; f != nil {
		c.meddle = nil
		f()
	}
	var q map[string]any
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		c.t.Error(err)
	}
	was := []any{}
	if len(c.records[zone]) > 0 {
		b, err := json.Marshal([]any{c.set(zone)})
		if err != nil || json.Unmarshal(b, &was) != nil {
			c.t.Error(err)
		}
	}
	deletions, _ := q["deletions"].([]any)
	if len(deletions) != len(was) || len(was) > 0 && !reflect.DeepEqual(deletions, was) {
		refuse(w, http.StatusPreconditionFailed, "FAILED_PRECONDITION", "the records differ")
		return
	}
	c.records[zone] = nil
	additions, _ := q["additions"].([]any)
	for _, s := range additions {
		set, _ := s.(map[string]any)
		ttl, _ := set["ttl"].(float64)
		c.ttl = int64(ttl)
		values, _ := set["rrdatas"].([]any)
		for _, v := range values {
			c.records[zone] = append(c.records[zone], v.(string))
		}
	}
	c.changes = append(c.changes, q)
	fmt.Fprintf(w, `{"id":"7","status":%q}`, c.status())
}

// Values are added to others at their name in one change, in the zone with the longest
// name that the world can see, and only one's own is removed. The change is waited for.
func TestRecordsAreMadeAndRemoved(t *testing.T) {
	c := newCloud(t)
	c.records["example"] = []string{`"other" "s"`}
	c.pending = 3
	settings := map[string]string{"GCE_SERVICE_ACCOUNT": c.account("p1"), "GCE_TTL": "60"}
	long := "v2; " + strings.Repeat("x", 300)
	for _, value := range []string{"v1", long, "v1"} {
		if err := c.client(settings).Present(t.Context(), dns.Record{Name: name, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`"other" "s"`, `"v1"`, `"` + long[:255] + `" "` + long[255:] + `"`}
	if !slices.Equal(c.records["example"], want) || len(c.changes) != 2 || c.pending != 0 || c.ttl != 77 {
		t.Errorf("%q after %d changes, %d pending, TTL %d", c.records, len(c.changes), c.pending, c.ttl)
	}
	if len(c.scopes) != 3 || c.scopes[0] != scopeDNS {
		t.Errorf("%q", c.scopes)
	}
	for _, value := range []string{"v1", long, long} {
		if err := c.client(settings).CleanUp(t.Context(), dns.Record{Name: name, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(c.records["example"], want[:1]) || len(c.changes) != 4 {
		t.Errorf("%q after %d changes", c.records, len(c.changes))
	}
	// The last value takes the set of records with it, and a new set has the TTL asked for.
	c.records["example"] = nil
	p := c.client(settings)
	one := dns.Record{Name: strings.ToUpper(name), Value: "v"}
	if err := p.Present(t.Context(), one); err != nil || c.ttl != 60 {
		t.Errorf("%v, TTL %d", err, c.ttl)
	}
	if err := p.CleanUp(t.Context(), one); err != nil || len(c.records["example"]) != 0 {
		t.Errorf("%v, %q", err, c.records)
	}
}

// What others write between the look and the change is kept.
func TestOthersChangeTheSameName(t *testing.T) {
	c := newCloud(t)
	c.meddle = func() { c.records["example"] = []string{`"theirs"`} }
	p := c.client(map[string]string{"GCE_SERVICE_ACCOUNT": c.account("p1")})
	if err := p.Present(t.Context(), dns.Record{Name: name, Value: "ours"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.records["example"], []string{`"theirs"`, `"ours"`}) {
		t.Errorf("%q", c.records)
	}
}

// The settings of lego's provider mean what they mean there.
func TestSettings(t *testing.T) {
	c := newCloud(t)
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, []byte(c.account("")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		settings    map[string]string
		zone, scope string
	}{
		{map[string]string{"GCE_SERVICE_ACCOUNT_FILE": file, "GCE_PROJECT": "p1"}, "example", scopeDNS},
		{map[string]string{"GCE_SERVICE_ACCOUNT": c.account("p1"), "GCE_ALLOW_PRIVATE_ZONE": "true"}, "inner", scopeDNS},
		{map[string]string{"GCE_SERVICE_ACCOUNT": c.account("p2"), "GCE_PROJECT": "p1", "GCE_ZONE_ID": "mine"}, "mine", scopeDNS},
		{map[string]string{}, "example", scopeDNS},
		{map[string]string{"GCE_IMPERSONATE_SERVICE_ACCOUNT": "other@example.com"}, "example", scopeCloud},
		{map[string]string{
			"GCE_SERVICE_ACCOUNT": c.account("p1"), "GCE_IMPERSONATE_SERVICE_ACCOUNT": "other@example.com",
		}, "example", scopeCloud},
	} {
		c.records, c.scopes = map[string][]string{}, nil
		if err := c.client(s.settings).Present(t.Context(), dns.Record{Name: name, Value: "v"}); err != nil {
			t.Errorf("%v: %v", s.settings, err)
		}
		if len(c.records[s.zone]) != 1 || !slices.Equal(c.scopes, []string{s.scope}) {
			t.Errorf("%v: %q, %q", s.settings, c.records, c.scopes)
		}
	}
}

// What is wrong is said, and no part of a key is in it.
func TestRefusals(t *testing.T) {
	c, other := newCloud(t), newCloud(t)
	key := c.account("p1")
	wrong := strings.ReplaceAll(other.account("p1"), other.url, c.url)
	for _, s := range []struct {
		name     string
		settings map[string]string
		code     string
		part     string
	}{
		{"www.example.org.", map[string]string{"GCE_SERVICE_ACCOUNT": key}, "gcloud.no-zone", "www.example.org"},
		{name, map[string]string{"GCE_SERVICE_ACCOUNT": c.account("p2")}, "gcloud.error", "PERMISSION_DENIED"},
		{name, map[string]string{"GCE_SERVICE_ACCOUNT": key, "GCE_ZONE_ID": "a/b"}, "gcloud.error", "nothing at"},
		{name, map[string]string{"GCE_SERVICE_ACCOUNT": wrong}, "gcloud.error", "Invalid JWT Signature."},
		{
			name, map[string]string{"GCE_SERVICE_ACCOUNT": key, "GCE_IMPERSONATE_SERVICE_ACCOUNT": "x@example.com"},
			"gcloud.error", "PERMISSION_DENIED",
		},
		{"", map[string]string{"GCE_SERVICE_ACCOUNT": c.account("")}, "gcloud.no-project", ""},
		{"", map[string]string{"GCE_SERVICE_ACCOUNT": `{"type":"authorized_user"}`}, "gcloud.key", ""},
		{"", map[string]string{"GCE_SERVICE_ACCOUNT": `S3CRET`}, "gcloud.key", ""},
		{"", map[string]string{"GCE_SERVICE_ACCOUNT_FILE": "/nonexistent/key.json"}, "gcloud.key-file", "/nonexistent"},
		{"", map[string]string{"GCE_TTL": "soon"}, "dns-provider.number", "soon"},
		{"", map[string]string{"GCE_ALLOW_PRIVATE_ZONE": "perhaps"}, "dns-provider.boolean", "perhaps"},
	} {
		p, err := newClient(s.settings, endpoints{dns: c.url, credentials: c.url, metadata: c.url})
		if s.name != "" && err == nil {
			err = p.Present(t.Context(), dns.Record{Name: s.name, Value: "v"})
		}
		if err == nil || model.TextOf(err).Code() != s.code || !strings.Contains(err.Error(), s.part) ||
			strings.Contains(err.Error(), "PRIVATE KEY") || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s %s: %v", s.name, s.part, err)
		}
	}
	p, err := newClient(nil, endpoints{metadata: "http://127.0.0.1:1"})
	if err == nil {
		err = p.Present(t.Context(), dns.Record{Name: name, Value: "v"})
	}
	if model.TextOf(err).Code() != "gcloud.no-metadata" {
		t.Error(err)
	}
}
