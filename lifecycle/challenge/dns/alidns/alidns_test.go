package alidns

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnstest"
	"certquay/model"
)

// cloud stands in for Alibaba Cloud DNS.
type cloud struct {
	asked   []string
	records [][3]string // id, name, value
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	action := r.Header.Get("X-Acs-Action")
	c.asked = append(c.asked, action)
	if r.Header.Get("X-Acs-Version") != version || !strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 Credential=id,") {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"Code":"SignatureDoesNotMatch","Message":"no"}`)
		return
	}
	switch action {
	case "AddDomainRecord":
		name := q.Get("RR") + "." + q.Get("DomainName")
		if slices.ContainsFunc(c.records, func(r [3]string) bool { return r[1] == name && r[2] == q.Get("Value") }) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"Code":"DomainRecordDuplicate","Message":"The DNS record already exists."}`)
			return
		}
		c.records = append(c.records, [3]string{fmt.Sprint(len(c.asked)), name, q.Get("Value")})
		fmt.Fprint(w, `{"RecordId":"1"}`)
	case "DescribeSubDomainRecords":
		var list []string
		for _, r := range c.records {
			if r[1] == q.Get("SubDomain") {
				list = append(list, fmt.Sprintf(`{"RecordId":%q,"Value":%q}`, r[0], r[2]))
			}
		}
		fmt.Fprintf(w, `{"DomainRecords":{"Record":[%s]}}`, strings.Join(list, ","))
	case "DeleteDomainRecord":
		c.records = slices.DeleteFunc(c.records, func(r [3]string) bool { return r[0] == q.Get("RecordId") })
		fmt.Fprint(w, `{}`)
	}
}

// Records are added to others at their name, and found again by any process.
func TestRecordsAreMadeAndRemoved(t *testing.T) {
	c := &cloud{}
	web := httptest.NewServer(c)
	defer web.Close()
	w := dnstest.New(t, "example.com. SOA ns.example.com. h.example.com. 1 60 60 60 60")
	provider := func(id string) *Client {
		settings := map[string]string{"ALICLOUD_ACCESS_KEY": id, "ALICLOUD_SECRET_KEY": "secret"}
		return newClient(settings, []string{dnstest.Resolver}, web.URL, w.Exchange)
	}
	one := dns.Record{Name: "_acme-challenge.www.example.com.", Value: "v1"}
	two := dns.Record{Name: one.Name, Value: "v2"}
	for _, r := range []dns.Record{one, two, one} {
		if err := provider("id").Present(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.records) != 2 || c.records[0][1] != "_acme-challenge.www.example.com" {
		t.Errorf("%v", c.records)
	}
	for range 2 {
		if err := provider("id").CleanUp(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.records) != 1 || c.records[0][2] != "v2" {
		t.Errorf("%v", c.records)
	}
	err := provider("other").Present(t.Context(), one)
	if m := model.TextOf(err).Message(); m.Code != "aliyun.error" || m.Args["code"] != "SignatureDoesNotMatch" {
		t.Error(err)
	}
	if err := provider(
		"id",
	).Present(t.Context(), dns.Record{Name: "x.example.org.", Value: "v"}); model.TextOf(err).
		Code() !=
		"challenge.dns.no-zone" {
		t.Error(err)
	}
}
