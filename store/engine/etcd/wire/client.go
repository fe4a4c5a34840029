// Package wire speaks the part of etcd's protocol, version 3, that the engine needs: gRPC
// over HTTP/2 with a handful of messages, as rpc.proto of etcd 3.4 to 3.7 defines them.
// etcd's own client would do, but doubles what the linker keeps of other modules.
package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Client talks to one node of a cluster at a time, and to the next one once a call fails
// in a way that another node may not. It is safe for concurrent use.
type Client struct {
	config  Config
	current atomic.Int64 // counts the nodes that were given up
	nodes   []*http.Transport

	mu    sync.Mutex // guards token
	token string
}

// Config configures a client.
type Config struct {
	Hosts          []string    // with ports
	TLS            *tls.Config // nil for none
	User, Password string      // "" for none
}

// connectTimeout is how long a node may take to accept a connection.
const connectTimeout = 2 * time.Second

// New returns a client, which connects when it is used.
func New(c Config) *Client {
	cl := &Client{config: c}
	for range c.Hosts {
		// Only HTTP/2, with TLS or without.
		t := &http.Transport{TLSClientConfig: c.TLS, TLSHandshakeTimeout: connectTimeout, DisableCompression: true}
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP2(c.TLS != nil)
		t.Protocols.SetUnencryptedHTTP2(c.TLS == nil)
		cl.nodes = append(cl.nodes, t)
	}
	return cl
}

// Close closes the connections.
func (c *Client) Close() {
	for _, t := range c.nodes {
		t.CloseIdleConnections()
	}
}

// Range reads keys.
func (c *Client) Range(ctx context.Context, r Range) (f Found, err error) {
	answer, err := c.Call(ctx, "KV/Range", r.encode())
	if err == nil {
		err = f.decode(answer)
	}
	return f, err
}

// Txn applies a transaction.
func (c *Client) Txn(ctx context.Context, t Txn) (d Done, err error) {
	answer, err := c.Call(ctx, "KV/Txn", t.encode())
	if err == nil {
		err = d.decode(answer)
	}
	return d, err
}

// Grant makes a lease, which may be longer than wanted.
func (c *Client) Grant(ctx context.Context, wanted int64) (id, seconds int64, err error) {
	answer, err := c.Call(ctx, "Lease/LeaseGrant", message{}.number(1, uint64(wanted)))
	if err != nil {
		return 0, 0, err
	}
	return decodeLease(answer)
}

// Renew begins a lease anew, and reports whether there still was one.
func (c *Client) Renew(ctx context.Context, id int64) (held bool, err error) {
	answer, err := c.Call(ctx, "Lease/LeaseKeepAlive", message{}.number(1, uint64(id)))
	if err != nil {
		return false, err
	}
	_, seconds, err := decodeLease(answer)
	return seconds > 0, err
}

// Revoke ends a lease, and deletes its keys.
func (c *Client) Revoke(ctx context.Context, id int64) error {
	_, err := c.Call(ctx, "Lease/LeaseRevoke", message{}.number(1, uint64(id)))
	if e := new(Error); errors.As(err, &e) && e.Code == NotFound {
		return nil
	}
	return err
}

// Size returns the size of the database of a node, in bytes: all keys, with their history.
func (c *Client) Size(ctx context.Context) (size int64, err error) {
	answer, err := c.Call(ctx, "Maintenance/Status", nil)
	if err != nil {
		return 0, err
	}
	err = message(answer).fields(func(field protowire.Number, n uint64, _ []byte) error {
		if field == 3 {
			size = int64(n)
		}
		return nil
	})
	return size, err
}

// Call calls a method with an encoded protocol buffer, with a token if the client has a
// user, and returns another one.
func (c *Client) Call(ctx context.Context, method string, ask []byte) ([]byte, error) {
	if c.config.User == "" || c.config.Password == "" {
		return c.send(ctx, method, ask, "")
	}
	token, err := c.authenticate(ctx, "")
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, method, ask, token)
	if e := new(Error); errors.As(err, &e) && (e.Code == Unauthenticated || e.Is(ErrOldAuth)) {
		// A node does not know the tokens of others, and forgets its own. Nothing was
		// done.
		if token, err = c.authenticate(ctx, token); err != nil {
			return nil, err
		}
		answer, err = c.send(ctx, method, ask, token)
	}
	return answer, err
}

// authenticate returns a token that is not the old one.
func (c *Client) authenticate(ctx context.Context, old string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != old {
		return c.token, nil
	}
	answer, err := c.send(ctx, "Auth/Authenticate", message{}.text(1, c.config.User).text(2, c.config.Password), "")
	if err != nil {
		return "", err
	}
	err = answer.fields(func(field protowire.Number, _ uint64, b []byte) error {
		if field == 2 {
			c.token = string(b)
		}
		return nil
	})
	return c.token, err
}

// send sends a message to the current node, and gives that up if it does not answer.
func (c *Client) send(ctx context.Context, method string, ask message, token string) (message, error) {
	n := c.current.Load()
	node := int(n) % len(c.nodes)
	answer, err := exchange(ctx, c.nodes[node], c.urlOf(node)+"/etcdserverpb."+method, ask, token)
	if err != nil && Temporary(err) && c.current.CompareAndSwap(n, n+1) {
		c.nodes[node].CloseIdleConnections()
	}
	return answer, err
}

func (c *Client) urlOf(node int) string {
	scheme := "http"
	if c.config.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.config.Hosts[node]
}

// frame begins each message: that it is not compressed, and its length.
const frame = 5

// exchange sends one message and reads one.
func exchange(ctx context.Context, node *http.Transport, at string, ask message, token string) (message, error) {
	body := binary.BigEndian.AppendUint32(make([]byte, 1, frame+len(ask)), uint32(len(ask)))
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(append(body, ask...)))
	if err != nil {
		return nil, err
	}
	q.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {"certquay"}}
	if deadline, ok := ctx.Deadline(); ok {
		q.Header.Set("Grpc-Timeout", strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)+"m")
	}
	if token != "" {
		q.Header.Set("Token", token)
	}
	r, err := node.RoundTrip(q)
	if err != nil {
		return nil, &url.Error{Op: "Post", URL: at, Err: err}
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/grpc" {
		return nil, &url.Error{Op: "Post", URL: at, Err: ErrNotGRPC}
	}
	answer, err := readMessage(r.Body)
	if err != nil {
		return nil, &url.Error{Op: "Post", URL: at, Err: err}
	}
	if err := statusOf(r); err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return answer, nil
}

// readMessage reads the message of a body, and the trailers behind it. It is nil if there
// is none.
func readMessage(body io.Reader) (message, error) {
	var head [frame]byte
	if _, err := io.ReadFull(body, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if head[0] != 0 {
		return nil, ErrNotGRPC
	}
	answer := make(message, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(body, answer); err != nil {
		return nil, err
	}
	_, err := io.Copy(io.Discard, body)
	return answer, err
}

// statusOf returns the error of an answer, which is in the trailers, or in the headers if
// there is no message.
func statusOf(r *http.Response) error {
	from := r.Trailer
	if from.Get("Grpc-Status") == "" {
		from = r.Header
	}
	code, err := strconv.Atoi(from.Get("Grpc-Status"))
	if err != nil {
		return ErrNotGRPC
	}
	if code == 0 {
		return nil
	}
	text, err := url.PathUnescape(from.Get("Grpc-Message"))
	if err != nil {
		text = from.Get("Grpc-Message")
	}
	return &Error{Code: Code(code), Text: text}
}
