package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	library "github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/generic"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"certquay/model"
)

// generic posts to any webhook. Its channels are those of shoutrrr's service of this
// name, whose own code can execute templates (see [sender]): the address with the
// parameters contenttype, disabletls, template, messagekey and method, headers after @
// and further fields of the JSON after $.
type generic struct {
	config        *library.Config
	headers, data map[string]string
}

var _ custom = (*generic)(nil)

// GetConfigURLFromCustom makes a channel of generic+https and the address of a webhook.
func (*generic) GetConfigURLFromCustom(u *url.URL) (*url.URL, error) {
	return (*library.Service)(nil).GetConfigURLFromCustom(u)
}

// Initialize reads a channel.
func (g *generic) Initialize(u *url.URL, _ types.StdLogger) error {
	g.config, _ = library.DefaultConfig()
	if err := g.config.SetURL(u); err != nil {
		return err
	}
	switch g.config.Template {
	case "", "json", library.JSONTemplate:
	default:
		return model.Fail("notify.template", "template", g.config.Template)
	}
	g.headers, g.data = map[string]string{}, map[string]string{}
	for key, values := range u.Query() {
		switch {
		case len(key) < 2:
		case key[0] == library.HeaderPrefixChar:
			g.headers[headerName(key[1:])] = values[0]
		case key[0] == library.ExtraPrefixChar:
			g.data[key[1:]] = values[0]
		}
	}
	return nil
}

// Send posts a message: as plain text, or as a JSON object if the channel says so.
func (g *generic) Send(message string, _ *types.Params) error {
	body, contentType := message, "text/plain"
	if g.config.Template != "" {
		fields := map[string]string{g.config.MessageKey: message}
		for key, value := range g.data {
			fields[key] = value
		}
		b, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		body, contentType = string(b), g.config.ContentType
	}
	req, err := http.NewRequestWithContext(context.Background(), g.config.RequestMethod, g.config.WebhookURL().String(),
		strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", contentType)
	for name, value := range g.headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxReply))
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	return err // the witness looks at the status
}

// headerName is a header's name as it may stand in a channel: contentType is
// Content-Type. Every capital letter begins a word, as in shoutrrr.
func headerName(key string) string {
	var b strings.Builder
	for i, c := range key {
		if 'A' <= c && c <= 'Z' && i > 0 && key[i-1] != '-' {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return http.CanonicalHeaderKey(b.String())
}
