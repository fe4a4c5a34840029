package acmetest

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/letsencrypt/challtestsrv"
)

// Network is the Internet of the tests: a DNS server whose names are all at 127.0.0.1, a
// web server and a server for tls-alpn-01 there. Its methods may be called concurrently.
type Network struct {
	*challtestsrv.ChallSrv
	DNS       string // address of the DNS server
	HTTP, TLS int    // ports of the servers

	mu    sync.Mutex
	files map[string]string // content of challenge files by token
}

// Internet returns the network of this process, which it starts at the first call. It
// ends with the process.
var Internet = sync.OnceValue(func() *Network {
	n := &Network{files: map[string]string{}, DNS: fmt.Sprintf("127.0.0.1:%d", FreePort()), TLS: FreePort()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	n.HTTP = l.Addr().(*net.TCPAddr).Port
	tlsAddr := fmt.Sprintf("127.0.0.1:%d", n.TLS)
	if n.ChallSrv, err = challtestsrv.New(challtestsrv.Config{
		DNSAddrs: []string{n.DNS}, TLSALPNOneAddrs: []string{tlsAddr}, Log: log.New(io.Discard, "", 0),
	}); err != nil {
		log.Fatal(err)
	}
	n.SetDefaultDNSIPv6("")
	n.SetDefaultDNSIPv4("127.0.0.1")
	go n.Run()
	go func() { _ = http.Serve(l, http.HandlerFunc(n.serveFile)) }() // ends with the process
	n.AddTLSALPNChallenge("await.test", "x")
	for _, dial := range []func() (io.Closer, error){
		func() (io.Closer, error) { return net.Dial("tcp", n.DNS) },
		func() (io.Closer, error) {
			return tls.Dial("tcp", tlsAddr,
				&tls.Config{ServerName: "await.test", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
		},
	} {
		if err := await(dial); err != nil {
			log.Fatal(err)
		}
	}
	return n
})

func (n *Network) serveFile(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	content, ok := n.files[strings.TrimPrefix(r.URL.Path, "/.well-known/acme-challenge/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, content)
}

// SetFile has the web server show a challenge file; "" removes it.
func (n *Network) SetFile(token, content string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if content == "" {
		delete(n.files, token)
		return
	}
	n.files[token] = content
}

// FreePort returns a port of 127.0.0.1 that was free for TCP a moment ago.
func FreePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// await waits until something succeeds, for 10 seconds.
func await(do func() (io.Closer, error)) error {
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := do()
		if err == nil {
			return c.Close()
		}
		if time.Now().After(late) {
			return err
		}
	}
}
