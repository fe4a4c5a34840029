package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// hook is the JSON body of a webhook.
type hook struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Instance *string   `json:"instance"`
	Name     string    `json:"name"`
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
}

// post sends the message as JSON. Any 2xx means that it was taken; a repetition
// carries the same Idempotency-Key.
func (n *Notifier) post(ctx context.Context, to string, m ports.Message) error {
	h := hook{ID: string(m.ID), Kind: string(m.Kind), At: m.At.UTC(), Name: m.Name, Subject: m.Subject, Text: m.Text}
	if m.Instance != "" {
		id := string(m.Instance)
		h.Instance = &id
	}
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "certquay")
	req.Header.Set("Idempotency-Key", string(m.ID))
	res, err := n.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 200))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return model.Fail("notify.webhook", "status", res.Status, "said", model.Quoted("", string(said)))
	}
	return nil
}
