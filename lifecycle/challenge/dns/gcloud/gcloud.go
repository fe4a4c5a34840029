// Package gcloud writes TXT records at Google Cloud DNS by its REST API
// (https://cloud.google.com/dns/docs/reference/rest/v1). Its settings are those of lego's
// provider of this name, whose SDK is not needed. Unlike that it changes a name's records
// in one step, removes its own value alone, and writes any value.
package gcloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

const (
	defaultTTL = 120 // seconds
	maxTries   = 5   // of one change, while others change the same name
)

// Client writes records in the zones of one project. Records are found by name and value,
// so that any process can remove what another has made.
type Client struct {
	api     api
	project string // empty: the one that this machine belongs to
	zone    string // name or number of the managed zone; empty: it is looked for
	private bool   // private zones count too
	ttl     int64
	pause   time.Duration // between looks at a change
}

var _ worker.Writer = (*Client)(nil)

// New returns a client by the settings of the catalogue. Without a service account's key
// the account of the machine is taken, which has to be one of Google Cloud. The resolvers
// are not needed: the API lists the zones.
func New(settings map[string]string, _ []string) (*Client, error) {
	return newClient(settings, google)
}

// newClient takes the endpoints, for tests.
func newClient(settings map[string]string, at endpoints) (c *Client, err error) {
	c = &Client{
		project: settings["GCE_PROJECT"], zone: settings["GCE_ZONE_ID"], ttl: defaultTTL, pause: time.Second,
		api: api{at: at, impersonate: settings["GCE_IMPERSONATE_SERVICE_ACCOUNT"]},
	}
	if s := settings["GCE_TTL"]; s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return nil, model.Fail("dns-provider.number", "name", "GCE_TTL", "value", s)
		}
		c.ttl = int64(n)
	}
	if s := settings["GCE_ALLOW_PRIVATE_ZONE"]; s != "" {
		if c.private, err = strconv.ParseBool(s); err != nil {
			return nil, model.Fail("dns-provider.boolean", "name", "GCE_ALLOW_PRIVATE_ZONE", "value", s)
		}
	}
	if c.api.key, err = readKey(settings["GCE_SERVICE_ACCOUNT"], settings["GCE_SERVICE_ACCOUNT_FILE"]); err != nil {
		return nil, err
	}
	if c.api.key != nil && c.project == "" {
		if c.project = c.api.key.Project; c.project == "" {
			return nil, model.Fail("gcloud.no-project")
		}
	}
	return c, nil
}

// Present adds a record to those at its name. One that is there already is no error.
func (c *Client) Present(ctx context.Context, r dns.Record) error {
	return c.update(ctx, r.Name, func(values []string) []string {
		if slices.ContainsFunc(values, func(v string) bool { return unquote(v) == r.Value }) {
			return values
		}
		return append(values, quote(r.Value))
	})
}

// CleanUp removes the record with this name and value; it is no error if there is none.
func (c *Client) CleanUp(ctx context.Context, r dns.Record) error {
	return c.update(ctx, r.Name, func(values []string) []string {
		return slices.DeleteFunc(values, func(v string) bool { return unquote(v) == r.Value })
	})
}

// rrset are the records of one name and type.
type rrset struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	TTL     int64    `json:"ttl"`
	RRDatas []string `json:"rrdatas"`
}

// change is done as a whole or not at all: what it deletes has to be there exactly so.
type change struct {
	ID        string  `json:"id,omitempty"`
	Status    string  `json:"status,omitempty"` // pending or done
	Deletions []rrset `json:"deletions,omitempty"`
	Additions []rrset `json:"additions,omitempty"`
}

// update replaces the TXT values of a name and waits until that is done. If others have
// changed them since they were read, they are read again.
func (c *Client) update(ctx context.Context, name string, edit func([]string) []string) error {
	name = miekg.CanonicalName(name)
	zone, err := c.zoneOf(ctx, name)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := c.replace(ctx, zone, name, edit)
		var refused *Error
		if n == maxTries || !errors.As(err, &refused) || !refused.conflict {
			return err
		}
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
}

func (c *Client) replace(ctx context.Context, zone, name string, edit func([]string) []string) error {
	var found struct {
		RRSets []rrset `json:"rrsets"`
	}
	query := url.Values{"name": {name}, "type": {"TXT"}}
	if err := c.api.call(ctx, http.MethodGet, zone+"/rrsets?"+query.Encode(), nil, &found); err != nil {
		return err
	}
	now := rrset{Name: name, Type: "TXT", TTL: c.ttl}
	for _, s := range found.RRSets { // one at most
		now.TTL = s.TTL
		now.RRDatas = append(now.RRDatas, s.RRDatas...)
	}
	next := now
	next.RRDatas = edit(slices.Clone(now.RRDatas))
	if len(next.RRDatas) == len(now.RRDatas) {
		return nil
	}
	q := change{Deletions: found.RRSets}
	if len(next.RRDatas) > 0 {
		q.Additions = []rrset{next}
	}
	var answer change
	err := c.api.call(ctx, http.MethodPost, zone+"/changes", q, &answer)
	var refused *Error
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed:
			refused.conflict = true // what is to be deleted is not there, or what is to be added is
		}
	}
	if err != nil {
		return err
	}
	for answer.Status != "done" {
		if err := c.wait(ctx); err != nil {
			return model.Fail("gcloud.pending", "name", strings.TrimSuffix(name, ".")).Wrapping(err)
		}
		if err := c.api.call(ctx, http.MethodGet, zone+"/changes/"+url.PathEscape(answer.ID), nil, &answer); err != nil {
			return err
		}
	}
	return nil
}

// wait lets the pause between looks pass.
func (c *Client) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(c.pause):
		return nil
	}
}

// zoneOf returns the path of the managed zone of a name: of those that hold it the one
// with the longest name.
func (c *Client) zoneOf(ctx context.Context, name string) (path string, err error) {
	if c.project == "" {
		if c.project, err = c.api.projectHere(ctx); err != nil {
			return "", err
		}
	}
	zones := "/dns/v1/projects/" + url.PathEscape(c.project) + "/managedZones"
	if c.zone != "" {
		return zones + "/" + url.PathEscape(c.zone), nil
	}
	best, bestName := "", ""
	var page struct {
		ManagedZones  []struct{ Name, DNSName, Visibility string } // the names differ from those of JSON in case only
		NextPageToken string
	}
	for first := true; first || page.NextPageToken != ""; first = false {
		query := url.Values{}
		if page.NextPageToken != "" {
			query.Set("pageToken", page.NextPageToken)
		}
		page.NextPageToken, page.ManagedZones = "", nil
		if err := c.api.call(ctx, http.MethodGet, zones+"?"+query.Encode(), nil, &page); err != nil {
			return "", err
		}
		for _, z := range page.ManagedZones {
			under := miekg.IsSubDomain(z.DNSName, name) && len(z.DNSName) > len(bestName)
			if under && (z.Visibility != "private" || c.private) {
				best, bestName = z.Name, z.DNSName
			}
		}
	}
	if best == "" {
		return "", model.Fail("gcloud.no-zone", "name", strings.TrimSuffix(name, "."), "project", c.project)
	}
	return zones + "/" + url.PathEscape(best), nil
}

// quote is a value in the form of zone files, in strings of 255 bytes at most.
func quote(value string) string {
	const most = 255
	rr := &miekg.TXT{Hdr: miekg.RR_Header{Rrtype: miekg.TypeTXT}}
	for len(value) > most {
		rr.Txt, value = append(rr.Txt, value[:most]), value[most:]
	}
	rr.Txt = append(rr.Txt, value)
	return strings.TrimPrefix(rr.String(), rr.Hdr.String())
}

// unquote is the value of the form of zone files; what is none is returned as it is.
func unquote(data string) string {
	rr, err := miekg.NewRR(". TXT " + data)
	if txt, ok := rr.(*miekg.TXT); ok && err == nil {
		return strings.Join(txt.Txt, "")
	}
	return data
}
