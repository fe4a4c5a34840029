package cmd_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A chat whose library panics without a network neither ends the owner nor
// keeps any verb from working, at once or after a start: the notice is open and
// tried later.
// finding: R-C1
// spec: N2
func TestAChatThatPanicsEndsNothing(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	dir := filepath.Join(p.home, ".config", "certquay")
	channel := filepath.Join(p.home, "channel")
	for _, err := range []error{
		os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("notify:\n  default: [Ops]\n"), 0o600),
		os.WriteFile(channel, []byte("zulip://bot%40z.invalid:T0KENKEY@zulip.invalid/?stream=s&topic=t\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.must("contact", "add", "--name", "Ops", "--email", "a@example.com", "--channel-file", channel)
	s := p.serve()
	i := p.issue("a.example.com")
	type notice struct {
		Attempts int     `json:"attempts"`
		Next     *string `json:"next"`
		Error    *string `json:"last_error"`
	}
	var open []notice
	eventually(t, "a first attempt", func() bool {
		open = decode[[]notice](t, p.must("notices", "--undelivered", "--json"))
		return len(open) == 1 && open[0].Error != nil
	})
	if n := open[0]; n.Attempts != 1 || n.Next == nil || strings.Contains(*n.Error, "goroutine") || strings.Contains(*n.Error, "T0KEN") {
		t.Errorf("the notice: %d attempts, next %v, error %s", n.Attempts, n.Next, *n.Error)
	}
	if said := p.try("contact", "test", "Ops"); said.code != 1 || strings.Contains(said.out+said.err, "goroutine") {
		t.Errorf("contact test: %d\n%s%s", said.code, said.out, said.err)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	for range 3 { // every verb is an owner by itself
		if out := p.must("list"); !strings.Contains(out, i.Name) {
			t.Errorf("list:\n%s", out)
		}
		p.must("fsck")
	}
	if open = decode[[]notice](t, p.must("notices", "--undelivered", "--json")); len(open) != 1 || open[0].Attempts != 1 {
		t.Errorf("after six starts: %+v", open)
	}
}

// What another program keeps from being presented is not shown as deployed, from
// the start on; a task says who has the address. Once that is free, all is well
// by a look.
// finding: R-M12
// spec: D4
func TestAnAddressThatIsTakenIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	i := p.issue("a.example.com")
	r := p.deploy(i.ID, "CDN")
	if err := s.stopServing(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", r.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s = p.serve()
	state := func() resource { return decode[[]resource](t, p.must("resources", "--json"))[0] }
	eventually(t, "what is not presented is not deployed", func() bool { return state().State == "failed" && state().Address == "" })
	type task struct {
		Kind string `json:"kind"`
		Text string `json:"text"`
	}
	tasks := decode[[]task](t, p.must("tasks", "--json"))
	if len(tasks) != 1 || tasks[0].Kind != "address" || !strings.Contains(tasks[0].Text, r.Address) ||
		!strings.Contains(tasks[0].Text, "cmd.test") {
		t.Errorf("tasks: %+v", tasks)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p.must("verify", r.ID)
	if got := state(); got.State != "deployed" || got.Address != r.Address {
		t.Errorf("once it is free: %+v", got)
	}
	if out := p.must("tasks"); !strings.Contains(out, "nothing needs a person") {
		t.Errorf("tasks: %s", out)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
}

// A crash of the owner is in the log of the next one, and nowhere else.
// finding: R-C1
func TestACrashIsInTheLogOfTheNextOwner(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	if err := s.cmd.Process.Signal(syscall.SIGABRT); err != nil { // the runtime ends the process with its stacks
		t.Fatal(err)
	}
	if err := <-s.done; err == nil {
		t.Error("the process ended as if nothing had been")
	}
	out := p.must("list")
	log, err := os.ReadFile(filepath.Join(p.home, ".local", "state", "certquay", "certquay.log"))
	if err != nil || strings.Count(string(log), "was ended by a fault of the program") != 1 || !strings.Contains(string(log), "SIGABRT") {
		t.Errorf("%v; the log:\n%s", err, log)
	}
	if strings.Contains(out, "goroutine") {
		t.Errorf("list:\n%s", out)
	}
	p.must("list")
	if again, err := os.ReadFile(
		filepath.Join(p.home, ".local", "state", "certquay", "certquay.log"),
	); err != nil ||
		strings.Count(string(again), "was ended by") != 1 {
		t.Errorf("%v, said again", err)
	}
}
