package cmd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/model"
	"certquay/store"
)

// processes are the command lines and environments of the processes of a test, as others
// on the machine could read them.
type processes struct {
	mu   sync.Mutex
	seen map[string]string // what was read, by "pid file"
	done chan struct{}
	wait sync.WaitGroup
}

// watched are the processes of scripts by their directories.
var watched sync.Map

// cmdWatchProcesses looks at the processes of the test from now on: watch-processes
func cmdWatchProcesses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: watch-processes")
	}
	p := watchProcesses()
	watched.Store(ts.MkAbs("."), p)
	ts.Defer(p.stop)
}

// watchProcesses looks at the processes of the test until it is stopped.
func watchProcesses() *processes {
	p := &processes{seen: map[string]string{}, done: make(chan struct{})}
	p.wait.Go(func() {
		for {
			p.look()
			select {
			case <-p.done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	return p
}

func (p *processes) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
	default:
		close(p.done)
	}
}

// look reads what the processes that descend from this one show. A process that has
// forbidden it, or has ended meanwhile, shows nothing.
func (p *processes) look() {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return // no Linux
	}
	parents := map[int]int{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if i := bytes.LastIndexByte(stat, ')'); i > 0 {
				var state string
				var parent int
				if n, _ := fmt.Sscan(string(stat[i+1:]), &state, &parent); n == 2 {
					parents[pid] = parent
				}
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for pid := range parents {
		if !descends(parents, pid, os.Getpid()) {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file)); err == nil && len(data) > 0 {
				// A process begins as a copy of its parent, so what it shows changes.
				p.seen[fmt.Sprintf("%d %s %x", pid, file, len(data))] = string(data)
			}
		}
	}
}

func descends(parents map[int]int, pid, from int) bool {
	for n := 0; n < 50 && pid > 1; n++ {
		if pid = parents[pid]; pid == from {
			return true
		}
	}
	return false
}

// cmdCanaries ends watch-processes and looks for secrets in what the processes have shown
// and in every file under directories, The secrets are the texts, and every key in the store
// of a certificate, a CA and an account at one, each as it is, in hexadecimal and in
// base64. There must have been a process of a name, and keys in
// the store whose names begin so:
//
//	[!] canaries PROCESS KEY,KEY... DIR... -- TEXT...
func cmdCanaries(ts *testscript.TestScript, neg bool, args []string) {
	cut := 0
	for cut < len(args) && args[cut] != "--" {
		cut++
	}
	if cut < 3 || cut == len(args) {
		ts.Fatalf("usage: canaries PROCESS KEY,KEY... DIR... -- TEXT...")
	}
	v, _ := watched.Load(ts.MkAbs("."))
	p := v.(*processes)
	p.stop()
	p.wait.Wait()
	secrets := map[string][]byte{}
	for _, text := range args[cut+1:] {
		secrets[text] = []byte(text)
	}
	sealed, err := storedSecrets(ts.Getenv("DATA"), filepath.Join(ts.Getenv("XDG_CONFIG_HOME"), "certquay", "master.key"))
	ts.Check(err)
	for part := range strings.SplitSeq(args[1], ",") {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(sealed)), func(name string) bool { return strings.HasPrefix(name, part) }) {
			ts.Fatalf("the store seals no %s", part)
		}
	}
	for name, s := range sealed {
		secrets[name] = s
	}
	found := p.hold(secrets)
	if !p.saw(args[0]) {
		ts.Fatalf("no process %s was seen among %d", args[0], len(p.seen))
	}
	for _, dir := range args[2:cut] {
		files, err := filesHold(ts.MkAbs(dir), secrets)
		ts.Check(err)
		found = append(found, files...)
	}
	if (len(found) > 0) != neg {
		ts.Fatalf("found: %q", found)
	}
}

// saw reports whether there was a process of a program.
func (p *processes) saw(program string) bool {
	for where, text := range p.seen {
		if strings.HasSuffix(strings.Fields(where)[1], "cmdline") && strings.HasSuffix(strings.Split(text, "\x00")[0], program) {
			return true
		}
	}
	return false
}

// hold returns which secrets the processes have shown.
func (p *processes) hold(secrets map[string][]byte) (found []string) {
	for where, text := range p.seen {
		found = append(found, holds("process "+where, []byte(text), secrets)...)
	}
	return found
}

// filesHold returns which secrets are in the files under a directory.
func filesHold(dir string, secrets map[string][]byte) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found = append(found, holds(path, data, secrets)...)
		return err
	})
	return found, err
}

// holds returns which secrets are in a text in clear.
func holds(where string, text []byte, secrets map[string][]byte) (found []string) {
	for name, s := range secrets {
		for _, form := range forms(s) {
			if bytes.Contains(text, form) {
				found = append(found, where+" holds "+name)
				break
			}
		}
	}
	return found
}

// forms are the ways in which a secret can stand in a text: a line of PEM too, since that
// is base64 of 48 bytes.
func forms(s []byte) [][]byte {
	all := [][]byte{s, []byte(hex.EncodeToString(s)), []byte(strings.ToUpper(hex.EncodeToString(s)))}
	if len(s) > 96 { // of a key, what is its own: it begins as others of its kind do
		s = s[48:96]
	}
	for skip := range min(3, len(s)/2) { // base64 of it where it stands in something larger
		part := s[skip:]
		part = part[:len(part)/3*3]
		all = append(all, []byte(base64.RawStdEncoding.EncodeToString(part)), []byte(base64.RawURLEncoding.EncodeToString(part)))
	}
	return all
}

// storedSecrets opens the store, which no process has open, and returns the keys that it
// seals, and the secrets of issuers.
func storedSecrets(data, key string) (all map[string][]byte, err error) {
	s, err := store.Open(data, store.Options{KeyFile: key})
	if err != nil {
		return nil, err
	}
	all = map[string][]byte{}
	err = s.View(func(r model.Reader) error {
		for kv, err := range model.All[model.KV](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if !kv.Secret.Empty() && kv.Namespace != "dns-secret" { // of which some are names and addresses
				all[kv.RecordKey()] = bytes.Clone(kv.Secret.Reveal())
			}
		}
		for k, err := range model.All[model.Key](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if !k.PKCS8.Empty() {
				all["key "+k.RecordKey()] = bytes.Clone(k.PKCS8.Reveal())
			}
		}
		return nil
	})
	return all, errors.Join(err, s.Close())
}

// cmdDNSUpdate starts a DNS server that is authoritative for some zones in the network that
// pebble validates in, and takes changes to them by DNS UPDATE, signed with TSIG. What
// certquay must know is in the file PREFIX.env, and its address in PREFIX_DNS:
//
//	dns-update PREFIX SECRET ZONE...
func cmdDNSUpdate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: dns-update PREFIX SECRET ZONE...")
	}
	address, settings, end, err := dnsUpdate(args[1], args[2:])
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv(args[0]+"_DNS", address)
	write(ts, args[0]+".env", []byte(settings))
}

// dnsUpdate starts a DNS server as [cmdDNSUpdate] describes it, and returns the settings of
// an account there and what ends it.
func dnsUpdate(password string, zones []string) (address, settings string, end func(), err error) {
	secret := base64.StdEncoding.EncodeToString([]byte(password))
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		var answer *dns.Msg
		if q.Opcode == dns.OpcodeUpdate {
			answer = updated(q, w.TsigStatus())
		} else {
			answer = answered(q, zones)
		}
		_ = w.WriteMsg(answer) // the client may be gone
	})
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", nil, err
	}
	packets, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp", l.Addr().String())
	if err != nil {
		return "", "", nil, errors.Join(err, l.Close())
	}
	for _, srv := range []*dns.Server{{Listener: l}, {PacketConn: packets}} {
		srv.Handler, srv.TsigSecret = handler, map[string]string{"canary.": secret}
		srv.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		go func() { _ = srv.ActivateAndServe() }() // ends with its socket
	}
	settings = "DNSUPDATE_NAMESERVER=" + l.Addr().String() + "\nDNSUPDATE_ZONES=" + strings.Join(zones, ",") +
		"\nDNSUPDATE_TSIG_KEY=canary.\nDNSUPDATE_TSIG_ALGORITHM=hmac-sha256.\nDNSUPDATE_TSIG_SECRET=" + secret + "\n"
	return l.Addr().String(), settings, func() { _, _ = l.Close(), packets.Close() }, nil
}

// updated makes the changes of a message, if its signature is right.
func updated(q *dns.Msg, signature error) *dns.Msg {
	answer := new(dns.Msg).SetReply(q)
	if q.IsTsig() == nil || signature != nil {
		answer.Rcode = dns.RcodeNotAuth
		return answer
	}
	for _, rr := range q.Ns {
		switch txt, ok := rr.(*dns.TXT); {
		case !ok:
			answer.Rcode = dns.RcodeRefused
		case txt.Hdr.Class == dns.ClassINET:
			acmetest.Internet().AddDNSTXTRecord(txt.Hdr.Name, strings.Join(txt.Txt, ""))
		default:
			acmetest.Internet().DeleteDNSTXTRecord(txt.Hdr.Name)
		}
	}
	return answer.SetTsig("canary.", dns.HmacSHA256, 300, time.Now().Unix())
}

// answered says where zones begin, and else what the network says.
func answered(q *dns.Msg, zones []string) *dns.Msg {
	answer := new(dns.Msg).SetReply(q)
	name := q.Question[0].Name
	if q.Question[0].Qtype == dns.TypeSOA {
		if slices.Contains(zones, strings.TrimSuffix(name, ".")) {
			answer.Authoritative = true
			answer.Answer = []dns.RR{&dns.SOA{
				Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "ns." + name, Mbox: "ops." + name,
			}}
		}
		return answer
	}
	said, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(name, q.Question[0].Qtype), acmetest.Internet().DNS)
	if err != nil {
		answer.Rcode = dns.RcodeServerFailure
		return answer
	}
	answer.Rcode, answer.Answer = said.Rcode, said.Answer
	return answer
}
