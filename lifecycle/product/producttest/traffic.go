package producttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
)

// RunTraffic deploys again and again while clients connect 20 times a second: each sees a
// complete pair, the former or the new one, and no connection fails. CERTQUAY_DEPLOYMENTS
// sets how many deployments are made, 20 by default. It prints the counts.
//
// spec: D3
func RunTraffic(t *testing.T, o OnHost) {
	count := 20
	if n, err := strconv.Atoi(os.Getenv("CERTQUAY_DEPLOYMENTS")); err == nil {
		count = n
	}
	ctx := context.Background()
	p := o.Open(o.Host)
	ca := NewCA(t, time.Now())
	b, err := p.Current(ctx, o.Target)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	allowed := [][][]byte{o.seen(t)} // what may be presented now
	finished := o.slowRequest(t, b)
	stop, asked, reset, wrong := make(chan struct{}), 0, 0, []error{}
	var clients sync.WaitGroup
	clients.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			mu.Lock()
			may := slices.Clone(allowed)
			mu.Unlock()
			clients.Go(func() {
				chain, _, err := product.Prober{}.Probe(ctx, b.Address, b.SNI)
				mu.Lock()
				defer mu.Unlock()
				asked++
				may = append(may, allowed...)
				if err == nil && !slices.ContainsFunc(may, func(c [][]byte) bool { return slices.EqualFunc(c, chain, bytes.Equal) }) {
					err = errors.New("neither the former nor the new chain")
				}
				switch {
				case err != nil && o.Resets && errors.Is(err, syscall.ECONNRESET):
					reset++
				case err != nil:
					wrong = append(wrong, err)
				}
			})
		}
	})
	for range count {
		pair := ca.Pair(t, o.Names...)
		mu.Lock()
		allowed = append(allowed[max(0, len(allowed)-1):], pair.Chain)
		mu.Unlock()
		if _, err := p.Deploy(ctx, o.Target, pair); err != nil {
			t.Error(err)
			break
		}
		o.must(t, pair.Chain, "deployed")
		if err := p.Commit(ctx, o.Target); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	clients.Wait()
	finished()
	for _, err := range wrong {
		t.Error(err)
	}
	if asked < count {
		t.Errorf("only %d handshakes", asked)
	}
	if reset > 1+asked/100 {
		t.Errorf("%d of %d connections were reset", reset, asked)
	}
	t.Logf("%d deployments, %d handshakes meanwhile, %d of them failed, %d were reset", count, asked, len(wrong), reset)
}

// slowRequest begins a request, and returns what waits for the whole answer.
func (o *OnHost) slowRequest(t *testing.T, b ports.Binding) (finished func()) {
	if o.Slow == "" {
		return func() {}
	}
	client := &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		config := &tls.Config{ServerName: b.SNI, InsecureSkipVerify: true}
		return (&tls.Dialer{Config: config}).DialContext(ctx, network, b.Address)
	}}}
	resp, err := client.Get("https://" + o.Names[0] + o.Slow) //nolint:bodyclose // finished closes it
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		defer resp.Body.Close()
		defer client.CloseIdleConnections()
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) != o.SlowBytes || resp.StatusCode != http.StatusOK {
			t.Errorf("a request under way got %d bytes, %v", len(body), err)
		}
	}
}
