package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"certquay/lifecycle/notify"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// whereto tells the child of a test what answers its requests: a URL, or
// "nobody".
const whereto = "CERTQUAY_TEST_ANSWERS"

// This binary is also the child that writes to chats. There every request goes
// to the server of the test.
func TestMain(m *testing.M) {
	if to := os.Getenv(whereto); to != "" {
		http.DefaultTransport = answering(to)
	}
	notify.RunIfChild()
	os.Exit(m.Run())
}

type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(string(a))
	if err != nil || to.Host == "" {
		return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	return new(http.Transport).RoundTrip(r)
}

// services are a channel of each service that there is, as its documentation
// writes it, and what its server says when it takes a message.
var services = map[string]struct{ channel, answer string }{
	"bark":       {"bark://devicekey@bark.example.com", `{"code":200}`},
	"discord":    {"discord://T0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT0KENT@123456789012345678", ``},
	"generic":    {"generic://hooks.example.com/x", ``},
	"gotify":     {"gotify://gotify.example.com/AzyoeNS.D4iJLVa", `{"id":1}`},
	"googlechat": {"googlechat://chat.googleapis.com/v1/spaces/FOO/messages?key=bar&token=baz", `{}`},
	"hangouts":   {"hangouts://chat.googleapis.com/v1/spaces/FOO/messages?key=bar&token=baz", `{}`},
	"ifttt":      {"ifttt://T0KENKEY/?events=quay", ``},
	"lark":       {"lark://open.larksuite.com/T0KENT0KEN", `{"code":0}`},
	"join":       {"join://shoutrrr:T0KENKEY@join/?devices=d1", ``},
	"matrix": {"matrix://user:pass@matrix.example.com/?rooms=!room:matrix.example.com",
		`{"flows":[{"type":"m.login.password"}],"access_token":"a","joined_rooms":["!room:matrix.example.com"],` +
			`"room_id":"!room:matrix.example.com","event_id":"$e"}`},
	"mattermost": {"mattermost://mattermost.example.com/T0KENT0KENT0KENT0KENT0KEN", `ok`},
	"notifiarr":  {"notifiarr://T0KENKEY", `{"result":"success"}`},
	"ntfy":       {"ntfy://ntfy.example.com/topic", `{}`},
	"opsgenie":   {"opsgenie://api.opsgenie.com/eb243592-faa2-4ba2-a551q-1afdf565c889", `{"result":"Request will be processed"}`},
	"pagerduty":  {"pagerduty:///eb243592faa24ba2a5511afdf565c889", `{"status":"success"}`},
	"pushbullet": {"pushbullet://o.T0KENT0KENT0KENT0KENT0KENT0KENT0/device",
		`{"active":true,"type":"note","body":"certquay: a.example.com: issued\n\nwhat: issued\n",` +
			`"title":"Shoutrrr notification","iden":"x"}`},
	"pushover":   {"pushover://shoutrrr:T0KENT0KENT0KENT0KENT0KENT0K@USERUSERUSERUSERUSERUSERUSERUS/", `{"status":1}`},
	"rocketchat": {"rocketchat://rocket.example.com/T0KENA/T0KENB", `{"success":true}`},
	"signal":     {"signal://localhost:8080/+1234567890/+0987654321", `{"timestamp":1}`},
	"slack":      {"slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook", `ok`},
	"teams": {"teams://11111111-4444-4444-8444-cccccccccccc@22222222-4444-4444-8444-cccccccccccc/33333333012222222222333333333344/" +
		"44444444-4444-4444-8444-cccccccccccc/V2ESyij_gAljSoUQHvZoZYzlpAoAXExyOl26dlf1xHEx05?host=contoso.webhook.office.com", `1`},
	"telegram": {"telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@quay,@other", `{"ok":true,"result":{}}`},
	"wecom":    {"wecom://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa", `{"errcode":0}`},
	"zulip":    {"zulip://bot%40zulip.example.com:T0KENKEY@zulip.example.com/?stream=s&topic=t", `{"result":"success"}`},
}

// Every service there is has a row above, or is one that is refused.
func TestEveryServiceIsTried(t *testing.T) {
	r, err := router.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.ListServices() {
		if _, ok := services[s]; ok == slices.Contains([]string{"logger", "smtp"}, s) {
			t.Errorf("%s: in the table %v", s, ok)
		}
	}
	n := notify.New(notify.Options{})
	err = n.Check("pagerduty:///eb243592-faa2-4ba2-a551q-1afdf565c889")
	if err == nil || !strings.Contains(err.Error(), "32-character hexadecimal") {
		t.Errorf("what is wrong with a key is not said: %v", err)
	}
	for s, c := range services {
		if err := n.Check(c.channel); err != nil {
			t.Errorf("%s cannot be added: %v", s, err)
		}
	}
}

// The webhook of anybody gets what the parameters of its channel say.
func TestAWebhookOfAnybody(t *testing.T) {
	var got, header, body string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type"), string(b)
		header = r.Header.Get("X-Api-Token")
	}))
	defer srv.Close()
	t.Setenv(whereto, srv.URL)
	text := message.Subject + "\n\n" + message.Text
	object := func(fields map[string]string) string {
		b, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	n := notify.New(notify.Options{})
	for _, c := range []struct{ channel, got, header, body string }{
		{"generic://h.example.com/x?a=b&@xApiToken=T0KEN", "POST /x?a=b text/plain", "T0KEN", text},
		{"generic+https://h.example.com/x?a=b&@X-Api-Token=T0KEN", "POST /x?a=b text/plain", "T0KEN", text},
		{
			"generic://h.example.com/x?template=json&method=PUT&messagekey=said&$from=quay&contenttype=application/quay",
			"PUT /x application/quay", "", object(map[string]string{"said": text, "from": "quay"}),
		},
		{
			"generic+http://h.example.com/?template=JSON&$from=quay", "POST / application/json", "",
			object(map[string]string{"message": text, "from": "quay"}),
		},
	} {
		got, header, body = "", "", ""
		if err := n.Send(t.Context(), c.channel, message); err != nil || got != c.got || header != c.header || body != c.body {
			t.Errorf("%s: %v; %q, header %q, %q", c.channel, err, got, header, body)
		}
	}
	if err := n.Check("generic://h.example.com/x?template=mine"); model.TextOf(err).Code() != "notify.template" {
		t.Errorf("a template that there is not: %v", err)
	}
}

// A message counts as delivered when the receiver's server said so, and never
// else, whatever the library makes of it.
// finding: R-H3
// spec: N2
func TestDeliveredIsWhatTheServerTook(t *testing.T) {
	type behaviour struct {
		status            int
		answer, elsewhere string
	}
	var now atomic.Value // of behaviour
	asked := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := now.Load().(behaviour)
		if r.URL.Path == "/elsewhere" {
			_, _ = io.WriteString(w, b.answer)
			return
		}
		select {
		case asked <- r.URL.Path:
		default:
		}
		if b.elsewhere != "" {
			http.Redirect(w, r, b.elsewhere, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(b.status)
		_, _ = io.WriteString(w, b.answer)
	}))
	defer srv.Close()
	n := notify.New(notify.Options{})
	send := func(channel, to string) error {
		t.Setenv(whereto, to)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return n.Send(ctx, channel, message)
	}
	for name, s := range services {
		t.Run(name, func(t *testing.T) {
			for len(asked) > 0 {
				<-asked
			}
			takes := behaviour{http.StatusOK, s.answer, ""}
			if name == "discord" {
				takes.status = http.StatusNoContent
			}
			now.Store(takes)
			if err := send(s.channel, srv.URL); err != nil || len(asked) == 0 {
				t.Errorf("a server that takes it: %v, after %d requests", err, len(asked))
			}
			now.Store(behaviour{http.StatusInternalServerError, s.answer, ""})
			if err := send(s.channel, srv.URL); err == nil {
				t.Error("delivered to a server that is broken")
			}
			now.Store(behaviour{http.StatusOK, s.answer, srv.URL + "/elsewhere"})
			if err := send(s.channel, srv.URL); err == nil {
				t.Error("delivered to where a redirect led")
			}
			var fault *ports.Fault
			err := send(s.channel, "nobody")
			if err == nil {
				t.Error("delivered without a network")
			}
			if errors.As(err, &fault) != (name == "zulip") {
				t.Errorf("without a network: %v", err)
			}
			for _, secret := range []string{"T0KEN", "pass@"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds what is secret: %v", err)
				}
			}
		})
	}
}

// Of a message that goes to two chats each must be taken.
// finding: R-H3
func TestDeliveredToAllOfAChannelOrNot(t *testing.T) {
	chats := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if chats++; chats == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprint(w, `{"ok":true,"result":{}}`)
	}))
	defer srv.Close()
	t.Setenv(whereto, srv.URL)
	err := notify.New(notify.Options{}).Send(t.Context(), services["telegram"].channel, message)
	if err == nil {
		t.Errorf("delivered, after %d requests", chats)
	}
}
