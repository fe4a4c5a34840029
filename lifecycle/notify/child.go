package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"certquay/lifecycle/child"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// marker is the environment variable that marks a child process.
const marker = "CERTQUAY_CHAT"

// ready is set once this process is known to call [RunIfChild], so that its
// children do.
var ready atomic.Bool

// maxReply bounds what is read of a child, in bytes.
const maxReply = 64 << 10

// request is the message that a child sends; reply is the result.
type request struct {
	Channel string
	Text    string
}

type reply struct {
	Taken bool       // by the service
	Error model.Text // why not; some services have no words for it
	Panic string     // what it panicked with, "" if it did not
	Stack string
}

// RunIfChild sends one message to a chat and ends the process, if that is what
// it was started for; else it returns at once. Call it first thing in main, and
// a test binary in TestMain: without it no chat can be reached.
//
// The library's services have no context, share the process's default client,
// and some panic or take an error for success. In a process of its own a message
// that hangs can be ended, a panic ends nothing else, and what the default
// transport saw is this message's alone: it is the proof of delivery (see
// [witness]). The channel, which is secret, comes through a pipe.
func RunIfChild() {
	if os.Getenv(marker) == "" {
		ready.Store(true)
		return
	}
	var q request
	err := json.NewDecoder(os.Stdin).Decode(&q)
	if err != nil {
		syscall.Exit(3)
	}
	if err := json.NewEncoder(os.Stdout).Encode(deliver(q)); err != nil {
		syscall.Exit(4)
	}
	syscall.Exit(0) // os.Exit has the race detector say goodbye for a second
}

// deliver sends in this process.
func deliver(q request) (r reply) {
	defer func() {
		if v := recover(); v != nil {
			r = reply{Panic: fmt.Sprint(v), Stack: string(debug.Stack())}
		}
	}()
	w := &witness{inner: http.DefaultTransport, last: map[[32]byte]model.Text{}}
	http.DefaultTransport = w
	http.DefaultClient.Timeout = chatTimeout
	u, err := url.Parse(q.Channel)
	if err == nil {
		err = w.send(q, u)
	}
	if err != nil {
		return reply{Error: model.TextOf(err)}
	}
	return reply{Taken: true}
}

// send delivers by the service of a channel and believes the transport.
func (w *witness) send(q request, u *url.URL) error {
	s, err := service(u)
	if err != nil {
		return err
	}
	// Three services have a transport of their own.
	switch s := s.(type) {
	case *ntfy.Service:
		own := w.over(&http.Transport{TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: s.Config.DisableTLSVerification, //nolint:gosec // by the channel's own setting
		}})
		s.SetHTTPClient(&http.Client{Timeout: chatTimeout, Transport: own})
	case interface{ GetHTTPClient() *http.Client }: // gotify, mattermost
		if c := s.GetHTTPClient(); c != nil && c.Transport != nil {
			c.Transport, c.Timeout = w.over(c.Transport), chatTimeout
		}
	}
	if err := s.Send(q.Text, &types.Params{}); err != nil {
		return err
	}
	return w.proof()
}

// A witness notes what servers answered. It is safe for concurrent use.
type witness struct {
	inner http.RoundTripper

	mu   sync.Mutex
	last map[[32]byte]model.Text // by request: what is wrong with the last answer, zero for nothing
}

// over is a witness of another transport that notes into the same notes. A test
// that replaces the default transport replaces that as well.
func (w *witness) over(t http.RoundTripper) http.RoundTripper {
	if _, real := w.inner.(*http.Transport); !real {
		t = w.inner
	}
	return roundTripper(func(r *http.Request) (*http.Response, error) { return w.noted(t, r) })
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// RoundTrip is that of the transport it watches.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) { return w.noted(w.inner, r) }

func (w *witness) noted(t http.RoundTripper, r *http.Request) (*http.Response, error) {
	key := fingerprint(r)
	w.note(key, model.Say("notify.no-answer"))
	res, err := t.RoundTrip(r)
	if err == nil {
		var wrong model.Text
		if res.StatusCode < 200 || res.StatusCode > 299 {
			wrong = model.Say("notify.answer", "status", res.Status)
		}
		w.note(key, wrong)
	}
	return res, err
}

func (w *witness) note(key [32]byte, wrong model.Text) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[key] = wrong
}

// proof returns why a message cannot count as delivered though the service
// reported success: nothing was sent, or some request was not answered with a 2xx
// the last time it was made. A redirect is no delivery: it may lead anywhere.
func (w *witness) proof() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) == 0 {
		return model.Fail("notify.nothing-sent")
	}
	for _, wrong := range w.last {
		if wrong != "" {
			return model.Fail("notify.not-delivered", "got", wrong)
		}
	}
	return nil
}

// fingerprint is the same for repetitions of a request and differs for others.
func fingerprint(r *http.Request) (sum [32]byte) {
	h := sha256.New()
	_, _ = io.WriteString(h, r.Method+" "+r.URL.String()+"\n")
	if r.GetBody != nil {
		if b, err := r.GetBody(); err == nil {
			_, _ = io.Copy(h, b)
			_ = b.Close()
		}
	}
	h.Sum(sum[:0])
	return sum
}

// chat sends by shoutrrr, in a child process, which is killed when ctx ends.
func (n *Notifier) chat(ctx context.Context, channel string, m ports.Message) error {
	if !ready.Load() {
		return model.Fail("notify.no-chats")
	}
	in, err := json.Marshal(request{channel, m.Subject + "\n\n" + m.Text})
	if err != nil {
		return err
	}
	defer clear(in)
	self, err := child.Self()
	if err != nil {
		return err
	}
	out, said := &limitedBuffer{}, &limitedBuffer{}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{"certquay-chat"}
	cmd.Env = append(os.Environ(), marker+"=1", "GOTRACEBACK=single")
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), out, said
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return model.Fail("notify.silent", "cause", ctx.Err())
	}
	var r reply
	if err != nil || json.Unmarshal(out.b, &r) != nil {
		if cmd.ProcessState == nil {
			return model.Fail("notify.not-sent", "cause", err)
		}
		r = reply{Panic: cmd.ProcessState.String(), Stack: string(said.b)}
	}
	switch {
	case r.Panic != "":
		f := &ports.Fault{Where: "shoutrrr", What: scrub(r.Panic, channel)}
		n.log.Error("a panic was caught", "in", f.Where, "panic", f.What, "stack", scrub(r.Stack, channel))
		return f
	case r.Taken:
		return nil
	case r.Error == "":
		return model.Fail("notify.not-taken")
	}
	return &model.Error{Text: r.Error}
}

// limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct{ b []byte }

func (c *limitedBuffer) Write(p []byte) (int, error) {
	c.b = append(c.b, p[:min(len(p), maxReply-len(c.b))]...)
	return len(p), nil
}
