package notify_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/notify"
	"certquay/lifecycle/notify/notifytest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var message = ports.Message{
	ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Kind: model.NoticeIssued, At: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
	Instance: "01ARZ3NDEKTSV4RRFFQ69G5FAW", Name: "a.example.com", Subject: "certquay: a.example.com: issued", Text: "what: issued\n",
}

// spec: N1
func TestMailIsSentWithTLSAndAPassword(t *testing.T) {
	srv := notifytest.Start(t)
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("secret word\n", 0o600)
	n := notify.New(notify.Options{SMTP: notify.SMTP{Host: srv.Host, Port: srv.Port, From: "certquay@example.com", User: "quay",
		PasswordFile: file, TLS: notify.STARTTLS, Roots: srv.Roots}})
	m := message
	m.Subject = "certquay: evil\r\nBcc: all@example.com\r\n\r\nbody: issued"
	if err := n.Send(context.Background(), "mailto:ops@example.com", m); err != nil {
		t.Fatal(err)
	}
	got := srv.Mails()
	if len(got) != 1 || !got[0].TLS || got[0].User != "quay" || got[0].Password != "secret word" ||
		!strings.Contains(got[0].To, "<ops@example.com>") {
		t.Fatalf("%+v", got)
	}
	head, body, _ := strings.Cut(got[0].Data, "\r\n\r\n")
	if strings.Contains(head, "\nBcc:") || !strings.Contains(head, "Message-ID: <"+string(m.ID)+"@certquay>") ||
		!strings.Contains(body, "what: issued") {
		t.Errorf("the mail is\n%s", got[0].Data)
	}
	// The file is read anew; others may not read it; a wrong password is told.
	write("wrong\n", 0o600)
	if err := n.Send(context.Background(), "mailto:ops@example.com", message); err == nil {
		t.Error("a wrong password was taken")
	}
	write("secret word\n", 0o644)
	if err := n.Send(context.Background(), "mailto:ops@example.com", message); model.TextOf(err).Code() != "notify.password-exposed" {
		t.Errorf("a password that others can read: %v", err)
	}
	// A server that is not trusted gets neither password nor mail.
	write("secret word\n", 0o600)
	n = notify.New(notify.Options{SMTP: notify.SMTP{Host: srv.Host, Port: srv.Port, From: "certquay@example.com", User: "quay",
		PasswordFile: file, TLS: notify.STARTTLS}})
	if err := n.Send(context.Background(), "mailto:ops@example.com", message); err == nil || len(srv.Mails()) != 1 {
		t.Errorf("%v, %d mails", err, len(srv.Mails()))
	}
}

// What looks like an encoded word (RFC 2047) in a name is shown as it is.
// finding: R-L6
func TestASubjectIsShownAsItIs(t *testing.T) {
	srv := notifytest.Start(t)
	n := notify.New(notify.Options{SMTP: notify.SMTP{Host: srv.Host, Port: srv.Port, From: "certquay@example.com", TLS: notify.STARTTLS,
		Roots: srv.Roots}})
	for _, subject := range []string{
		"certquay: =?utf-8?B?WW91ciBhY2NvdW50?=: issued", "certquay: =?utf-8?Q?a=20b?= and " + strings.Repeat("=?utf-8?B?WA==?= ü ",
			12) + "end", "certquay: büro: issued", "certquay: plain = ?",
	} {
		m := message
		m.Subject = subject
		if err := n.Send(context.Background(), "mailto:ops@example.com", m); err != nil {
			t.Fatal(err)
		}
		mails := srv.Mails()
		got, err := mail.ReadMessage(strings.NewReader(mails[len(mails)-1].Data))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || shown != subject {
			t.Errorf("%q is shown as %q, %v; it is sent as %q", subject, shown, err, got.Header.Get("Subject"))
		}
	}
}

// TestAMailServerThatFallsSilentIsLeftBehind ends the wait for a server that
// says nothing more once it is told of a mail. spec: N2
func TestAMailServerThatFallsSilentIsLeftBehind(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "220 mail\r\n")
		for lines := bufio.NewScanner(c); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "MAIL") {
				break
			}
			_, _ = io.WriteString(c, "250 mail\r\n")
		}
		told <- c
	}()
	ctx, cancel := context.WithCancel(context.Background())
	n := notify.New(notify.Options{SMTP: notify.SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "certquay@example.com",
		TLS: notify.NoTLS}})
	result := make(chan error, 1)
	go func() { result <- n.Send(ctx, "mailto:ops@example.com", message) }()
	c := <-told
	late, stop := context.WithTimeout(t.Context(), 15*time.Second) // half of what the library waits
	defer stop()
	defer func() { _ = errors.Join(c.Close(), l.Close()) }()
	cancel()
	select {
	case err := <-result:
		if !errors.Is(err, context.Canceled) && model.TextOf(err).Code() != "notify.silent" {
			t.Error(err)
		}
	case <-late.Done():
		t.Error("the silent server is waited for")
	}
}

// spec: N1
func TestAWebhookGetsJSON(t *testing.T) {
	status := http.StatusOK
	var got map[string]any
	var key string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Idempotency-Key")
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no such hook sesame42\x1b[31m")
	}))
	defer srv.Close()
	n := notify.New(notify.Options{})
	to := srv.URL + "/hooks/sesame42?token=T0PSECRET"
	if err := n.Send(context.Background(), to, message); err != nil {
		t.Fatal(err)
	}
	if got["kind"] != "issued" || got["instance"] != string(message.Instance) || got["at"] != "2027-01-02T03:04:05Z" ||
		key != string(message.ID) {
		t.Errorf("got %v, key %q", got, key)
	}
	for _, status = range []int{http.StatusNotFound, http.StatusFound, http.StatusInternalServerError} {
		err := n.Send(context.Background(), to, message)
		if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "sesame42") {
			t.Errorf("%d: %v", status, err)
		}
	}
	srv.Close()
	err := n.Send(context.Background(), to, message)
	if err == nil || strings.Contains(err.Error(), "sesame42") || strings.Contains(err.Error(), "T0PSECRET") {
		t.Errorf("what the error says: %v", err)
	}
	if !strings.Contains(err.Error(), directory.RedactURL(to)) {
		t.Errorf("the error does not say where: %v", err)
	}
}

// spec: N1
func TestAChatIsReachedByItsURL(t *testing.T) {
	var path, body string
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "{}")
		path, body = r.URL.Path, string(b)
		if strings.Contains(r.URL.Path, "slow") {
			w.(http.Flusher).Flush()
			<-hang
		}
	}))
	defer srv.Close()
	defer close(hang)
	host := strings.TrimPrefix(srv.URL, "http://")
	n := notify.New(notify.Options{})
	if err := n.Send(context.Background(), "ntfy://"+host+"/topic?scheme=http", message); err != nil {
		t.Fatal(err)
	}
	if path != "/topic" || !strings.Contains(body, message.Subject) {
		t.Errorf("%s got %q", path, body)
	}
	// One that does not answer is left when the time is up.
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := n.Send(ctx, "ntfy://"+host+"/slow?scheme=http", message); err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// spec: N2
func TestChannelsNobodyUnderstandsAreRefused(t *testing.T) {
	n := notify.New(notify.Options{})
	for _, c := range []struct {
		channel string
		ok      bool
	}{
		{"https://hooks.example.com/T0KEN", true},
		{"http://10.0.0.1:8080/x", true},
		{"https:///path", false},
		{"slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook", true},
		{"slack://T0KENT0KEN", false},
		{"telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@quay", true},
		{"matrix://user:pass@matrix.example.com/", true},
		{"matrix:///", false},
		{"logger://", false},
		{"smtp://user:T0KEN@mail.example.com/?from=a@example.com&to=b@example.com", false},
		{"pigeon://T0KENT0KEN/x", false},
		{"T0KENT0KEN", false},
		{"ht\x7ftp://T0KENT0KEN", false},
		{"mailto:ops@example.com", false}, // no server
	} {
		err := n.Check(c.channel)
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.channel, err)
		}
		if err != nil && strings.Contains(err.Error(), "T0KEN") {
			t.Errorf("the token is in %v", err)
		}
	}
	if err := n.Check("mailto:ops@example.com"); !errors.Is(err, directory.ErrNoMail) {
		t.Error(err)
	}
	n = notify.New(notify.Options{SMTP: notify.SMTP{Host: "mail.example.com"}})
	if err := n.Check("mailto:ops@example.com"); err != nil {
		t.Error(err)
	}
	if err := n.Check("mailto:@"); err == nil {
		t.Error("no address was taken for one")
	}
}

// What is shown of a channel holds no token.
func TestShownChannels(t *testing.T) {
	for channel, want := range map[string]string{
		"https://user:T0KEN@hooks.example.com:8443/T0KEN?x=T0KEN#T0KEN": "https://hooks.example.com:8443",
		"slack://hook:T0KEN@webhook":                                    "slack://…",
		"pushbullet://o.T0KEN":                                          "pushbullet://…",
		"ntfy://user:T0KEN@ntfy.sh/T0KEN":                               "ntfy://ntfy.sh",
		"generic+https://example.com/T0KEN":                             "generic+https://example.com",
		"mailto:ops@example.com":                                        "mailto:ops@example.com",
		"T0KEN":                                                         "…",
	} {
		if got := directory.RedactURL(channel); got != want {
			t.Errorf("%q: %q", channel, got)
		}
	}
	err := notify.Scrub(errors.New(`Post "https://discord.com/api/webhooks/123/T0KENT": the key T0KENT is bad`), "discord://T0KENT@12345")
	if strings.Contains(err.Error(), "T0KENT") {
		t.Error(err)
	}
}
