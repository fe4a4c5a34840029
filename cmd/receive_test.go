package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"certquay/cmd/waittest"
	"certquay/lifecycle/notify/notifytest"
)

// receiver is a webhook and a mail server of a script.
type receiver struct {
	mu     sync.Mutex
	bodies []string
	down   bool
	mail   *notifytest.Server
}

var receivers sync.Map // by *testscript.TestScript

// cmdReceive runs a webhook at $HOOK, a mail server at port $MAILPORT, and a
// self-signed server for example.com at $TLSADDR; later
// it makes both fail or work:
//
//	receive [down|up]
func cmdReceive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: receive [down|up]")
	}
	if v, ok := receivers.Load(ts); ok {
		r := v.(*receiver)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.down = len(args) == 1 && args[0] == "down"
		r.mail.Down(r.down)
		return
	}
	r := &receiver{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down {
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return
		}
		r.bodies = append(r.bodies, string(b))
	}))
	ts.Defer(srv.Close)
	mail, stop, err := notifytest.Listen()
	ts.Check(err)
	ts.Defer(stop)
	r.mail = mail
	receivers.Store(ts, r)
	ts.Defer(func() { receivers.Delete(ts) })
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.Defer(secure.Close)
	ts.Setenv("TLSADDR", secure.Listener.Addr().String())
	ts.Setenv("HOOK", srv.URL)
	ts.Setenv("MAILPORT", strconv.Itoa(mail.Port))
}

// cmdReceived waits until so many messages that match came, and no more:
//
//	received hook|mail N PATTERN
func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := receivers.Load(ts)
	if neg || len(args) != 3 || !ok {
		ts.Fatalf("usage: received hook|mail N PATTERN, after receive")
	}
	r := v.(*receiver)
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	pattern, err := regexp.Compile(args[2])
	ts.Check(err)
	var all []string
	count := func() (n int) {
		all = nil
		r.mu.Lock()
		defer r.mu.Unlock()
		if args[0] == "hook" {
			all = append(all, r.bodies...)
		} else {
			for _, m := range r.mail.Mails() {
				all = append(all, m.To+"\n"+m.Data)
			}
		}
		for _, b := range all {
			if pattern.MatchString(b) {
				n++
			}
		}
		return n
	}
	waittest.Eventually(30*time.Second, func() bool { return count() >= want })
	if got := count(); got != want {
		ts.Fatalf("%d messages match %q, want %d, of %q", got, args[2], want, all)
	}
}

// cmdFill puts the script's variables into files: fill FILE...
func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		write(ts, name, []byte(os.Expand(ts.ReadFile(name), ts.Getenv)))
	}
}

// cmdWithout checks that no file below a directory holds a text:
//
//	without TEXT DIR
func cmdWithout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: without TEXT DIR")
	}
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(args[0])) {
			err = fmt.Errorf("%s holds %s", path, args[0])
		}
		return err
	}))
	if files == 0 {
		ts.Fatalf("%s has no files", args[1])
	}
}
