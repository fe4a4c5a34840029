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

var defaultHTTP = &http.Client{Timeout: 30 * time.Second}

// Call calls an action with parameters in the query and decodes its result. What the
// service refuses is an [*Error].
func (c *Client) Call(ctx context.Context, action string, params url.Values, result any) error {
	base := c.Endpoint
	if !strings.Contains(base, "://") {
		base = "https://" + base
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/?"+encode(params), http.NoBody)
	if err != nil {
		return err
	}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	c.sign(req, action, time.Now(), hex.EncodeToString(nonce[:]))
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		e := &Error{Status: resp.StatusCode}
		if json.Unmarshal(body, e) != nil || e.Code == "" {
			e.Code = resp.Status
		}
		return e
	}
	return json.Unmarshal(body, result)
}

// sign sets the headers of a request without body.
func (c *Client) sign(req *http.Request, action string, at time.Time, nonce string) {
	hash := hashed(nil)
	for name, value := range map[string]string{
		"X-Acs-Action": action, "X-Acs-Version": c.Version, "X-Acs-Date": at.UTC().Format("2006-01-02T15:04:05Z"),
		"X-Acs-Signature-Nonce": nonce, "X-Acs-Content-Sha256": hash, "X-Acs-Security-Token": c.Token,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	names := []string{"host"}
	for name := range req.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-acs-") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, n := range names {
		value := req.Header.Get(n)
		if n == "host" {
			value = req.URL.Host
		}
		fmt.Fprintf(&headers, "%s:%s\n", n, strings.TrimSpace(value))
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{req.Method, "/", req.URL.RawQuery, headers.String(), signed, hash}, "\n")
	mac := hmac.New(sha256.New, c.Secret.Reveal())
	_, _ = io.WriteString(mac, algorithm+"\n"+hashed([]byte(canonical)))
	req.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s,SignedHeaders=%s,Signature=%x", algorithm, c.KeyID, signed, mac.Sum(nil)))
}

func hashed(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// encode writes a query as the signature wants it: sorted, and escaped as RFC 3986 says.
func encode(params url.Values) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(params.Encode())
}
