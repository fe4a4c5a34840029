// Package knottest runs Debian's knot, a real authoritative DNS server, on loopback for
// tests. It takes changes by DNS UPDATE, signed with TSIG.
package knottest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"certquay/lifecycle/listen"
	"certquay/model"
)

// Server is a running server.
type Server struct {
	Address string // host:port, UDP and TCP
	cmd     *exec.Cmd
}

// Zone is a zone of a server. Its own TSIG key, whose name and secret follow from the name
// of the zone, may change TXT records in it.
type Zone struct {
	Name    string   // without final dot
	Records []string // more than its SOA and NS
}

// Start starts a server, which ends with the test. Without knot the test is skipped, or
// fails where CI=true.
func Start(t *testing.T, zones ...Zone) *Server {
	t.Helper()
	program := "/usr/sbin/knotd"
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("knotd is missing: apt-get install knot")
		}
		t.Skip("knotd is missing: apt-get install knot")
	}
	dir := t.TempDir()
	s := &Server{Address: freeAddress(t)}
	host, port, _ := net.SplitHostPort(s.Address)
	var conf bytes.Buffer
	fmt.Fprintf(&conf, "server:\n  listen: %s@%s\n  rundir: %s/run\ndatabase:\n  storage: %s/db\n", host, port, dir, dir)
	fmt.Fprintf(&conf, "log:\n  - target: stderr\n    any: warning\n")
	var keys, acls, list bytes.Buffer
	for _, z := range zones {
		key, secret := key(z.Name)
		fmt.Fprintf(&keys, "  - id: %s\n    algorithm: hmac-sha256\n    secret: %s\n", key, secret)
		fmt.Fprintf(&acls, "  - id: acl-%s\n    key: %s\n    action: update\n    update-type: TXT\n", key, key)
		fmt.Fprintf(
			&list,
			"  - domain: %s\n    storage: %s\n    file: %s.zone\n    acl: acl-%s\n    zonefile-sync: -1\n    journal-content: all\n",
			z.Name,
			dir,
			z.Name,
			key,
		)
		text := fmt.Sprintf(
			"$ORIGIN %s.\n$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n%s\n",
			z.Name,
			strings.Join(z.Records, "\n"),
		)
		write(t, filepath.Join(dir, z.Name+".zone"), text)
	}
	fmt.Fprintf(&conf, "key:\n%sacl:\n%szone:\n%s", keys.String(), acls.String(), list.String())
	write(t, filepath.Join(dir, "knot.conf"), conf.String())
	for _, d := range []string{"run", "db"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	s.cmd = exec.Command(program, "--config", filepath.Join(dir, "knot.conf"))
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	for range 200 {
		m := new(dns.Msg).SetQuestion(zones[0].Name+".", dns.TypeSOA)
		if answer, _, err := new(dns.Client).Exchange(m, s.Address); err == nil && answer.Rcode == dns.RcodeSuccess {
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Stop()
	t.Fatalf("knot does not answer: %s", log.String())
	return nil
}

// Stop ends the server; a second time it does nothing.
func (s *Server) Stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Settings are those of the provider dnsupdate for a zone.
func (s *Server) Settings(zone string) map[string]model.Secret {
	name, secret := key(zone)
	all := map[string]model.Secret{}
	for k, v := range map[string]string{
		"NAMESERVER": s.Address, "TSIG_KEY": name, "TSIG_SECRET": secret, "TSIG_ALGORITHM": "hmac-sha256",
	} {
		all["DNSUPDATE_"+k] = model.NewSecret([]byte(v))
	}
	return all
}

// Texts returns the TXT records at a name.
func (s *Server) Texts(t *testing.T, name string) (all []string) {
	t.Helper()
	answer, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT), s.Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range answer.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all
}

// Recursor starts a server that asks this one and follows CNAMEs from zone to zone, as the
// resolver of a CA does. It returns its address, for TCP, and ends with the test.
func (s *Server) Recursor(t *testing.T) string {
	t.Helper()
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &dns.Server{Listener: l, Handler: dns.HandlerFunc(s.recurse)}
	go func() { _ = r.ActivateAndServe() }() // ends by Shutdown
	t.Cleanup(func() { _ = r.Shutdown() })
	return l.Addr().String()
}

// maxLinks is how many CNAMEs are followed.
const maxLinks = 8

func (s *Server) recurse(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg).SetReply(q)
	for name, n := q.Question[0].Name, 0; name != "" && n < maxLinks; n++ {
		answer, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(name, q.Question[0].Qtype), s.Address)
		if err != nil {
			reply.Rcode = dns.RcodeServerFailure
			break
		}
		reply.Rcode, name = answer.Rcode, ""
		reply.Answer = append(reply.Answer, answer.Answer...)
		if len(answer.Answer) > 0 {
			if c, ok := answer.Answer[len(answer.Answer)-1].(*dns.CNAME); ok && q.Question[0].Qtype != dns.TypeCNAME {
				name = c.Target
			}
		}
	}
	_ = w.WriteMsg(reply) // who asks asks again
}

// key is the TSIG key of a zone.
func key(zone string) (name, secret string) {
	sum := sha256.Sum256([]byte(zone))
	return "key." + zone, base64.StdEncoding.EncodeToString(sum[:])
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
