package gcloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"certquay/model"
)

const (
	maxAnswer = 8 << 20          // bytes
	timeout   = 30 * time.Second // for one request

	scopeDNS   = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
	scopeCloud = "https://www.googleapis.com/auth/cloud-platform"
)

// endpoints are where requests go.
type endpoints struct {
	dns, credentials, metadata string // URLs without a path
	token                      string // URL, for a key that names none
}

var google = endpoints{ //nolint:gosec // addresses, no credentials
	dns: "https://dns.googleapis.com", credentials: "https://iamcredentials.googleapis.com",
	metadata: "http://metadata.google.internal", token: "https://oauth2.googleapis.com/token",
}

// Error is what Google answered in place of a result.
type Error struct {
	Status  int    // of HTTP
	Code    string // such as PERMISSION_DENIED or invalid_grant
	Message string

	conflict bool // others changed the records meanwhile
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// AsText names the code and quotes the message.
func (e *Error) AsText() model.Text {
	return model.Say("gcloud.error", "code", e.Code, "message", model.Quoted("server", e.Message))
}

// serviceKey is the key of a service account, as Google's console hands it out.
type serviceKey struct {
	Type       string `json:"type"`
	Project    string `json:"project_id"`
	ID         string `json:"private_key_id"`
	PrivateKey string `json:"private_key"` // PEM
	Email      string `json:"client_email"`
	TokenURL   string `json:"token_uri"`
}

// readKey reads a key from its text or its file; nil if neither is given. No part of it
// is in an error.
func readKey(text, file string) (*serviceKey, error) {
	if text == "" && file == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	data := []byte(text)
	if text == "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, model.Fail("gcloud.key-file", "cause", err).Wrapping(err)
		}
	}
	k := &serviceKey{}
	if json.Unmarshal(data, k) != nil || k.Type != "service_account" || k.Email == "" {
		return nil, model.Fail("gcloud.key")
	}
	if block, _ := pem.Decode([]byte(k.PrivateKey)); block == nil {
		return nil, model.Fail("gcloud.key")
	}
	return k, nil
}

var (
	direct = &http.Client{Timeout: timeout, CheckRedirect: noRedirect, Transport: &http.Transport{}} // the metadata are on this machine
	web    = &http.Client{Timeout: timeout, CheckRedirect: noRedirect}
)

// noRedirect keeps tokens where they belong.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// api calls the API with a token that it gets and renews by itself.
type api struct {
	at          endpoints
	key         *serviceKey // nil: the account of this machine
	impersonate string      // e-mail address of the service account that acts; empty: the account itself

	token *oauth2.Token
}

// call asks the DNS API and decodes its answer.
func (a *api) call(ctx context.Context, method, path string, body, result any) error {
	if !a.token.Valid() {
		t, err := a.authorize(ctx)
		if err != nil {
			return err
		}
		a.token = t
	}
	return send(ctx, web, method, a.at.dns+path, a.token, body, result)
}

// authorize gets a token that may change DNS records.
func (a *api) authorize(ctx context.Context) (*oauth2.Token, error) {
	scope := scopeDNS
	if a.impersonate != "" {
		scope = scopeCloud
	}
	get := a.tokenHere
	if a.key != nil {
		get = a.tokenByKey
	}
	t, err := get(ctx, scope)
	if err != nil || a.impersonate == "" {
		return t, err
	}
	var answer struct {
		AccessToken string
		ExpireTime  time.Time
	}
	err = send(ctx, web, http.MethodPost, a.at.credentials+"/v1/projects/-/serviceAccounts/"+url.PathEscape(a.impersonate)+
		":generateAccessToken", t, map[string]any{"scope": []string{scopeDNS}}, &answer)
	return &oauth2.Token{AccessToken: answer.AccessToken, Expiry: answer.ExpireTime}, err
}

// tokenByKey gets a token for a statement that the key has signed (RFC 7523).
func (a *api) tokenByKey(ctx context.Context, scope string) (*oauth2.Token, error) {
	c := &jwt.Config{
		Email: a.key.Email, PrivateKey: []byte(a.key.PrivateKey), PrivateKeyID: a.key.ID, Scopes: []string{scope},
		TokenURL: cmp.Or(a.key.TokenURL, a.at.token),
	}
	t, err := c.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, web)).Token()
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return nil, refusal(refused.Response, refused.Body)
	case err != nil:
		return nil, model.Fail("gcloud.token", "cause", err).Wrapping(err)
	}
	return t, nil
}

// tokenHere gets a token of the account of this machine.
func (a *api) tokenHere(ctx context.Context, scope string) (*oauth2.Token, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
	}
	err := a.metadata(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(scope), &answer)
	return &oauth2.Token{
		AccessToken: answer.AccessToken, Expiry: time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second),
	}, err
}

// projectHere returns the project that this machine belongs to.
func (a *api) projectHere(ctx context.Context) (project string, err error) {
	err = a.metadata(ctx, "project/project-id", &project)
	return project, err
}

// metadata asks the metadata server of Google Cloud.
func (a *api) metadata(ctx context.Context, path string, result any) error {
	err := send(ctx, direct, http.MethodGet, a.at.metadata+"/computeMetadata/v1/"+path, nil, nil, result)
	if err != nil && !errors.As(err, new(*Error)) {
		return model.Fail("gcloud.no-metadata", "cause", err).Wrapping(err)
	}
	return err
}

// send makes one request. The result is decoded from JSON, or is the text itself if it is
// to be a string. What is refused is an [*Error].
func send(ctx context.Context, by *http.Client, method, address string, t *oauth2.Token, body, result any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, &content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if t != nil {
		t.SetAuthHeader(req)
	} else {
		req.Header.Set("Metadata-Flavor", "Google")
	}
	res, err := by.Do(req)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return refusal(res, data)
	}
	if s, ok := result.(*string); ok {
		*s = strings.TrimSpace(string(data))
		return nil
	}
	return json.Unmarshal(data, result)
}

// refusal reads either form in which Google says what is wrong: that of its APIs, and that
// of OAuth (RFC 6749, 5.2).
func refusal(res *http.Response, body []byte) *Error {
	e := &Error{Status: res.StatusCode, Code: res.Status}
	var said struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return e
	}
	var full struct {
		Status, Message string
		Errors          []struct{ Reason string }
	}
	var code string
	switch {
	case json.Unmarshal(said.Error, &code) == nil:
		e.Code, e.Message = code, said.Description
	case json.Unmarshal(said.Error, &full) == nil:
		if len(full.Errors) > 0 {
			e.Code = cmp.Or(full.Errors[0].Reason, e.Code)
		}
		e.Code, e.Message = cmp.Or(full.Status, e.Code), full.Message
	}
	return e
}
