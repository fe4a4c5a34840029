package embedded_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// zone is a DNS server on loopback: TXT records as set, and every name at
// 127.0.0.1.
type zone struct {
	mu  sync.Mutex
	txt map[string][]string
}

func (z *zone) set(name string, values ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.txt[name+"."] = values
}

func newZone(t *testing.T) (*zone, string) {
	t.Helper()
	z := &zone{txt: map[string][]string{}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out, err := z.answer(buf[:n]); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return z, conn.LocalAddr().String()
}

func (z *zone) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response = true
	m.Additionals = nil
	q := m.Questions[0]
	h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
	z.mu.Lock()
	values, known := z.txt[q.Name.String()]
	z.mu.Unlock()
	switch {
	case q.Type == dnsmessage.TypeTXT && known:
		for _, v := range values {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.TXTResource{TXT: []string{v}}})
		}
	case q.Type == dnsmessage.TypeTXT:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}})
	}
	return m.Pack()
}

// spec: A8
func TestControlIsProvedByDNSRecords(t *testing.T) {
	z, resolver := newZone(t)
	c := newCA(t, func(o *embedded.Options) { o.Proof = embedded.Proof{Method: embedded.ProofDNS, Resolver: resolver} })
	ctx := context.Background()
	r := request("k-"+t.Name(), "*.example.com", "shop.example.net")
	o, err := c.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if o.Status != ports.OrderPending || len(o.Proofs) != 2 || o.Proofs[0].Name != "_acme-challenge.example.com" ||
		o.Proofs[0].Value == o.Proofs[1].Value {
		t.Fatalf("the order is %s, %+v", o.Status, o.Proofs)
	}
	pending := func(why string) {
		t.Helper()
		o, err := c.Fetch(ctx, o.Ref, r.Key)
		if err != nil || o.Status != ports.OrderPending || !strings.Contains(o.WaitFor.String(), why) {
			t.Fatalf("want it pending because %q: %v, %s, %q", why, err, o.Status, o.WaitFor)
		}
		if o, err := c.Finalize(ctx, o.Ref, r); err == nil && o.Status == ports.OrderValid {
			t.Fatal("signed without proof")
		}
	}
	pending("proof.no-record")
	z.set(o.Proofs[0].Name, "unrelated", o.Proofs[0].Value)
	pending("await.dns")
	z.set(o.Proofs[1].Name, "wrong")
	pending("proof.other-record")
	z.set(o.Proofs[1].Name, o.Proofs[1].Value)
	if o, err = c.Fetch(ctx, o.Ref, r.Key); err != nil || o.Status != ports.OrderReady {
		t.Fatalf("with both records it is %s, %v", o.Status, err)
	}
	if o, err = c.Finalize(ctx, o.Ref, r); err != nil || o.Status != ports.OrderValid {
		t.Fatalf("finalized it is %s, %v", o.Status, err)
	}
	again, err := c.Finalize(ctx, o.Ref, r)
	if err != nil || string(again.Chain[0]) != string(o.Chain[0]) {
		t.Error("finalized twice it is another certificate")
	}
	if _, err := c.Order(ctx, request("k2", "192.0.2.1")); err == nil {
		t.Error("an address can be proved by DNS")
	}
}

// spec: A8
func TestControlIsProvedByAFile(t *testing.T) {
	_, resolver := newZone(t)
	var mu sync.Mutex
	files := map[string]string{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if text, ok := files[r.URL.Path]; ok && strings.HasPrefix(r.Host, "shop.example.com") {
			_, _ = w.Write([]byte(text + "\n"))
			return
		}
		http.NotFound(w, r)
	}))
	defer web.Close()
	port := web.Listener.Addr().(*net.TCPAddr).Port
	c := newCA(t, func(o *embedded.Options) {
		o.Proof = embedded.Proof{Method: embedded.ProofHTTP, Resolver: resolver, HTTPPort: port}
	})
	ctx := context.Background()
	r := request("k-"+t.Name(), "shop.example.com")
	o, err := c.Order(ctx, r)
	if err != nil || o.Status != ports.OrderPending || !strings.Contains(o.WaitFor.String(), "404") {
		t.Fatalf("without the file it is %s, %q, %v", o.Status, o.WaitFor, err)
	}
	_, file, _ := strings.Cut(o.Proofs[0].Name, "/.well-known/")
	path := "/.well-known/" + file
	mu.Lock()
	files[path] = "something else"
	mu.Unlock()
	if o, _ = c.Fetch(ctx, o.Ref, r.Key); o.Status != ports.OrderPending {
		t.Fatal("a wrong file is taken")
	}
	mu.Lock()
	files[path] = o.Proofs[0].Value
	mu.Unlock()
	if o, err = c.Fetch(ctx, o.Ref, r.Key); err != nil || o.Status != ports.OrderReady || !o.Proofs[0].Seen {
		t.Fatalf("with the file it is %s, %v", o.Status, err)
	}
	if err := c.Cancel(ctx, o.Ref); err != nil {
		t.Fatal(err)
	}
	if o, _ = c.Finalize(ctx, o.Ref, r); o.Status == ports.OrderValid {
		t.Error("a cancelled order is signed")
	}
	if _, err := c.Order(ctx, request("k2", "*.example.com")); err == nil {
		t.Error("a wildcard can be proved by a file")
	}
}

// spec: A8
func TestSubjectsNameWhoWasVerified(t *testing.T) {
	c := newCA(t, func(o *embedded.Options) { o.Levels = model.Levels })
	org := &model.Organization{Name: "Example GmbH", Type: "company", OrganizationID: "HRB 12345", Country: "DE", Province: "Berlin",
		City: "Berlin", Address: "Example Street 1", Zip: "10115"}
	for _, level := range []model.Level{model.OV, model.EV} {
		r := request("k-"+string(level), "shop.example.com")
		r.Level = level
		if _, err := c.Order(context.Background(), r); err == nil {
			t.Errorf("%s without an organization is taken", level)
		}
		r.Organization = org
		_, leaf := c.issue(t, r)
		s := leaf.Subject
		if s.Organization[0] != "Example GmbH" || s.Country[0] != "DE" || s.Locality[0] != "Berlin" ||
			(s.SerialNumber == "HRB 12345") != (level == model.EV) {
			t.Errorf("%s: the subject is %s", level, s)
		}
	}
}
