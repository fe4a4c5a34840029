// Package aliyun calls the OpenAPI of Alibaba Cloud over net/http: RPC style, signed with
// ACS3-HMAC-SHA256 (https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature).
package aliyun

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"certquay/model"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	maxAnswer = 1 << 20 // bytes
)

// Client calls one product. It is safe for concurrent use.
type Client struct {
	Endpoint string // host, or a URL of a stand-in
	Version  string // of the product's API, a date
	KeyID    string
	Secret   model.Secret
	Token    string       // of STS; empty for a key that lasts
	HTTP     *http.Client // nil is one with a deadline of 30 seconds
}

// Error is what the service answered in place of a result.
type Error struct {
	Status  int    `json:"-"` // of HTTP
	Code    string // such as "InvalidAccessKeyId.NotFound"
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// AsText names the code and quotes the message.
func (e *Error) AsText() model.Text {
	return model.Say("aliyun.error", "code", e.Code, "message", model.Quoted("server", e.Message))
}

var defaultHTTP = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Call calls an action with parameters in the query and decodes its result. What the
// service refuses is an [*Error].
func (c *Client) Call(ctx context.Context, action string, params url.Values, result any) error {
	return c.Post(ctx, action, params, nil, result)
}

// Post is [Client.Call] with further parameters in a form in the body of the request, where
// secrets belong: addresses end up in logs. It follows no redirect.
func (c *Client) Post(ctx context.Context, action string, query, form url.Values, result any) error {
	base := c.Endpoint
	if !strings.Contains(base, "://") {
		base = "https://" + base
	}
	body := ""
	if len(form) > 0 {
		body = encode(form)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/?"+encode(query), strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	c.sign(req, body, action, time.Now(), hex.EncodeToString(nonce[:]))
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		e := &Error{Status: resp.StatusCode}
		if json.Unmarshal(answer, e) != nil || e.Code == "" {
			e.Code = resp.Status
		}
		return e
	}
	return json.Unmarshal(answer, result)
}

// sign sets the headers of a request.
func (c *Client) sign(req *http.Request, body, action string, at time.Time, nonce string) {
	for name, value := range map[string]string{
		"X-Acs-Action": action, "X-Acs-Version": c.Version, "X-Acs-Date": at.UTC().Format("2006-01-02T15:04:05Z"),
		"X-Acs-Signature-Nonce": nonce, "X-Acs-Content-Sha256": hashed([]byte(body)), "X-Acs-Security-Token": c.Token,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	names := []string{"host"}
	for name := range req.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-acs-") || n == "content-type" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	signed := strings.Join(names, ";")
	req.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s,SignedHeaders=%s,Signature=%s",
		algorithm, c.KeyID, signed, signature(req, body, signed, c.Secret)))
}

// signature computes the signature of a request over the named headers, which are separated
// by semicolons and sorted.
func signature(req *http.Request, body, signed string, secret model.Secret) string {
	var headers strings.Builder
	for n := range strings.SplitSeq(signed, ";") {
		value := req.Header.Get(n)
		if n == "host" {
			value = req.Host
		}
		fmt.Fprintf(&headers, "%s:%s\n", n, strings.TrimSpace(value))
	}
	canonical := strings.Join([]string{
		req.Method, "/", req.URL.RawQuery, headers.String(), signed, hashed([]byte(body)),
	}, "\n")
	mac := hmac.New(sha256.New, secret.Reveal())
	_, _ = io.WriteString(mac, algorithm+"\n"+hashed([]byte(canonical)))
	return hex.EncodeToString(mac.Sum(nil))
}

func hashed(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// encode writes a query as the signature wants it: sorted, and escaped as RFC 3986 says.
func encode(params url.Values) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(params.Encode())
}
