// Package alidns writes TXT records at Alibaba Cloud DNS. Its settings are those of
// lego's provider of this name, whose SDK is not needed.
package alidns

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/aliyun"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

const (
	version  = "2015-01-09"
	pageSize = "500" // the most that the API gives
)

// Client writes records with one access key. Records are found by name and value, so
// that any process can remove what another has made.
type Client struct {
	api       *aliyun.Client
	line, ttl string
	resolver  *dns.Resolver
}

var _ worker.Writer = (*Client)(nil)

// New returns a client by the settings of the catalogue. The resolvers are asked for the
// zone of a name.
func New(settings map[string]string, resolvers []string) (*Client, error) {
	host := "alidns.aliyuncs.com"
	if region := settings["ALICLOUD_REGION_ID"]; region != "" {
		host = "alidns." + region + ".aliyuncs.com"
	}
	return newClient(settings, resolvers, host, nil), nil
}

// newClient takes the endpoint and how DNS is asked, for tests.
func newClient(settings map[string]string, resolvers []string, host string, exchange dns.ExchangeFunc) *Client {
	return &Client{
		api: &aliyun.Client{
			Endpoint: host, Version: version, KeyID: settings["ALICLOUD_ACCESS_KEY"],
			Secret: model.NewSecret([]byte(settings["ALICLOUD_SECRET_KEY"])), Token: settings["ALICLOUD_SECURITY_TOKEN"],
		},
		line: settings["ALICLOUD_LINE"], ttl: cmp.Or(settings["ALICLOUD_TTL"], "600"),
		resolver: dns.NewResolver(resolvers, exchange),
	}
}

// Present makes a record. One that is there already is no error.
func (c *Client) Present(ctx context.Context, r dns.Record) error {
	zone, host, err := c.split(ctx, r.Name)
	if err != nil {
		return err
	}
	params := url.Values{"DomainName": {zone}, "RR": {host}, "Type": {"TXT"}, "Value": {r.Value}, "TTL": {c.ttl}}
	if c.line != "" {
		params.Set("Line", c.line)
	}
	err = c.api.Call(ctx, "AddDomainRecord", params, &struct{}{})
	if is(err, "DomainRecordDuplicate") {
		return nil
	}
	return err
}

// CleanUp removes the records with this name and value; it is no error if there are
// none.
func (c *Client) CleanUp(ctx context.Context, r dns.Record) error {
	zone, _, err := c.split(ctx, r.Name)
	if err != nil {
		return err
	}
	var found struct {
		DomainRecords struct {
			Record []struct{ RecordId, Value string } //nolint:revive // as in JSON
		}
	}
	err = c.api.Call(ctx, "DescribeSubDomainRecords", url.Values{
		"SubDomain": {strings.TrimSuffix(r.Name, ".")}, "DomainName": {zone}, "Type": {"TXT"}, "PageSize": {pageSize},
	}, &found)
	if err != nil {
		return err
	}
	for _, rr := range found.DomainRecords.Record {
		if rr.Value != r.Value {
			continue
		}
		err := c.api.Call(ctx, "DeleteDomainRecord", url.Values{"RecordId": {rr.RecordId}}, &struct{}{})
		if err != nil && !is(err, "DomainRecordNotBelongToUser") { // another has removed it
			return err
		}
	}
	return nil
}

// split returns the zone of a name and the name in it.
func (c *Client) split(ctx context.Context, name string) (zone, host string, err error) {
	zone, _, err = c.resolver.Zone(ctx, name)
	if err != nil {
		return "", "", err
	}
	host = strings.TrimSuffix(strings.TrimSuffix(miekg.CanonicalName(name), zone), ".")
	return strings.TrimSuffix(zone, "."), cmp.Or(host, "@"), nil
}

func is(err error, code string) bool {
	var e *aliyun.Error
	return errors.As(err, &e) && e.Code == code
}
