package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/child"
	"certquay/model"
)

// Writer is a DNS provider in the child: it writes records with one account.
type Writer interface {
	Present(ctx context.Context, r dns.Record) error
	CleanUp(ctx context.Context, r dns.Record) error
}

// Make returns the provider of a name. It may put the settings into the environment,
// which is that of the child, and sends questions about DNS to the resolvers, as
// host:port; none means those of the system. An unknown name is [ErrUnknown].
type Make func(name string, settings map[string]string, resolvers []string) (Writer, error)

// ErrUnknown says that a program has no provider of this name.
var ErrUnknown = errors.New("unknown")

// RunIfChild does the work of a child and ends the process, if that is what it was
// started for; else it returns at once. The first thing in main is to call it, and in
// TestMain of tests that write records: without it no child is started.
func RunIfChild(mk Make) {
	if os.Getenv(marker) == "" {
		ready.Store(true)
		return
	}
	RunChild(mk)
}

// RunChild does the work of a child and ends the process.
func RunChild(mk Make) {
	// No core file and no debugger: the memory holds credentials.
	if err := errors.Join(syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}), child.SetUndumpable()); err != nil {
		syscall.Exit(exitLimits)
	}
	answers := os.NewFile(answersFD, "answers")
	syscall.CloseOnExec(answersFD) // what a provider starts does not get it
	requests := read()
	c := &worker{mk: mk, out: json.NewEncoder(answers)}
	for q := range requests {
		if err := c.out.Encode(c.answer(q)); err != nil {
			syscall.Exit(exitOutput)
		}
	}
}

// read reads requests until the parent closes the pipe or dies, which ends the process,
// whatever the provider is doing.
func read() <-chan request {
	requests := make(chan request)
	go func() {
		in := json.NewDecoder(bufio.NewReader(os.Stdin))
		for {
			var q request
			if err := in.Decode(&q); err != nil {
				syscall.Exit(0) // at once: os.Exit has the race detector say goodbye for a second
			}
			requests <- q
		}
	}()
	return requests
}

// Exit codes of a child, for people looking for a fault.
const (
	exitLimits = 3 + iota
	exitOutput
)

// answersFD is where answers are written. Standard output and error lead nowhere, so
// that what providers and their libraries print is not taken for an answer.
const answersFD = 3

// worker is what a child keeps between requests.
type worker struct {
	mk       Make
	out      *json.Encoder
	provider Writer
}

// answer does what a request asks for.
func (c *worker) answer(q request) (a reply) {
	defer func() {
		if v := recover(); v != nil { // a library met what it did not expect
			a = reply{Error: model.Quoted("", fmt.Sprint(v))}
		}
	}()
	if c.provider == nil || q.Op == opOpen {
		p, err := c.mk(q.Provider, q.Settings, q.Record.Resolvers)
		if errors.Is(err, ErrUnknown) {
			return reply{Unknown: true}
		}
		if err != nil {
			return reply{Error: model.TextOf(err)}
		}
		c.provider = p
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.Timeout)
	defer cancel()
	var err error
	switch q.Op {
	case opPresent:
		err = c.provider.Present(ctx, q.Record)
	case opCleanUp:
		err = c.provider.CleanUp(ctx, q.Record)
	}
	if err != nil {
		return reply{Error: model.TextOf(err), ByHand: errors.Is(err, dns.ErrNotPossible)}
	}
	return reply{}
}

// What is asked of a child.
const (
	opOpen    = "open" // only makes the provider, which looks at its settings
	opPresent = "present"
	opCleanUp = "cleanup"
)

// request and reply go between parent and child, one JSON value a line.
type request struct {
	Op       string            `json:"op"`
	Provider string            `json:"provider"`
	Settings map[string]string `json:"settings"`
	Timeout  time.Duration     `json:"timeout"`
	Record   dns.Record        `json:"record"`
}

type reply struct {
	Error   model.Text `json:"error,omitempty"`
	ByHand  bool       `json:"by_hand,omitempty"` // dns.ErrNotPossible
	Unknown bool       `json:"unknown,omitempty"` // ErrUnknown
}
