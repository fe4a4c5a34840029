package caddy

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// limit bounds each call of the admin API. Caddy answers once it runs the new configuration.
const limit = 60 * time.Second

// configPath is the whole configuration. Unlike /load it can be replaced on condition that it is
// still what was read.
const configPath = "/config/"

// attempts is how often a configuration that others change meanwhile is read again.
const attempts = 5

// admin is the admin API of a Caddy (https://caddyserver.com/docs/api).
type admin struct {
	host            runner.Runner
	address, origin string
}

type answer struct {
	status int
	etag   string
	body   []byte
}

// call makes one request on a connection of its own. Package net/http cannot be used: a Caddy
// that listens on a socket wants an empty Host.
func (a admin) call(ctx context.Context, method string, body []byte, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	host := a.address
	if strings.HasPrefix(host, "/") {
		host = ""
	}
	if a.origin != "" {
		headers = append(headers, "Origin: "+a.origin)
		host = a.origin
		if _, after, ok := strings.Cut(host, "://"); ok {
			host = after
		}
	}
	headers = append(headers, "Host: "+host, "Connection: close", fmt.Sprintf("Content-Length: %d", len(body)))
	if body != nil {
		headers = append(headers, "Content-Type: application/json")
	}
	request := method + " " + configPath + " HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
	raw, err := site.Ask(ctx, a.host, a.address, append([]byte(request), body...))
	if err != nil {
		return answer{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		return answer{}, model.Fail("caddy.no-api", "address", a.address, "cause", err)
	}
	defer func() { _ = resp.Body.Close() }()
	out := answer{status: resp.StatusCode}
	if out.body, err = io.ReadAll(resp.Body); err != nil {
		return answer{}, model.Fail("caddy.no-api", "address", a.address, "cause", err)
	}
	out.etag = cmp.Or(resp.Header.Get("Etag"), resp.Trailer.Get("Etag"))
	return out, nil
}

// refused is what the API answered in place of doing what it was asked.
func (a admin) refused(got answer) error {
	var said struct{ Error string }
	if json.Unmarshal(got.body, &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(string(got.body))
	}
	code := "caddy.refused"
	if got.status == http.StatusForbidden {
		code = "caddy.origin"
	}
	return model.Fail(code, "address", a.address, "status", got.status, "said", model.Quoted("Caddy", said.Error))
}

// configuration returns the running configuration with what identifies it.
func (a admin) configuration(ctx context.Context) (answer, error) {
	got, err := a.call(ctx, http.MethodGet, nil)
	if err == nil && got.status != http.StatusOK {
		err = a.refused(got)
	}
	return got, err
}

// reload makes Caddy load its configuration again, with the files that it names. What somebody
// changes meanwhile is not undone. If Caddy refuses, it goes on with what it has.
func (a admin) reload(ctx context.Context) error {
	for range attempts {
		now, err := a.configuration(ctx)
		if err != nil {
			return err
		}
		headers := []string{"Cache-Control: must-revalidate"}
		if now.etag != "" {
			headers = append(headers, "If-Match: "+now.etag)
		}
		got, err := a.call(ctx, http.MethodPost, now.body, headers...)
		switch {
		case err != nil:
			return err
		case got.status == http.StatusOK:
			return nil
		case got.status != http.StatusPreconditionFailed:
			return a.refused(got)
		}
	}
	return model.Fail("caddy.changing", "address", a.address)
}
