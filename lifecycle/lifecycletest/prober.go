package lifecycletest

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"certquay/lifecycle/ports"
)

// Prober is a scripted prober with the judgement of what it finds. What one of
// its products presents is found there; every other address gives the same
// answer: Chain or Err, and that nothing listens where both are nil.
//
// Products is set before the first call; Mu guards the other fields.
type Prober struct {
	Products []*Product

	Mu       sync.Mutex
	Chain    [][]byte
	Err      error
	Findings []ports.Finding // what is wrong with every chain
	Asked    []string        // addresses, each with the name
}

var _ ports.Prober = (*Prober)(nil)

// Probe implements [ports.Prober].
func (p *Prober) Probe(ctx context.Context, address, sni string) ([][]byte, net.Addr, error) {
	p.Mu.Lock()
	p.Asked = append(p.Asked, address+" "+sni)
	chain, err := p.Chain, p.Err
	p.Mu.Unlock()
	for _, pr := range p.Products {
		if presented, remote, err := pr.Probe(ctx, address, sni); err == nil {
			return presented, remote, nil
		}
	}
	switch {
	case err != nil:
		return nil, nil, err
	case chain == nil:
		return nil, nil, errRefused
	}
	return chain, nil, nil
}

// VerifyChain is a [ports.ChainVerifier].
func (p *Prober) VerifyChain([][]byte, string, time.Time) []ports.Finding {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return slices.Clone(p.Findings)
}
