package site_test

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"testing"

	"certquay/lifecycle/product/haproxy"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// machine is a host on which something runs, with files.
type machine struct {
	runner.Runner
	ps    string
	files map[string]string
}

func (m machine) Run(_ context.Context, c runner.Command) (runner.Output, error) {
	if !slices.Equal(c.Argv, []string{"ps", "-eo", "args="}) || m.ps == "" {
		return runner.Output{}, errors.New("no such program")
	}
	return runner.Output{Stdout: []byte(m.ps)}, nil
}

func (m machine) Stat(_ context.Context, name string) (runner.FileInfo, error) {
	if _, is := m.files[name]; !is {
		return runner.FileInfo{}, fs.ErrNotExist
	}
	return runner.FileInfo{}, nil
}

func (m machine) ReadFile(_ context.Context, name string, _ int64) ([]byte, error) {
	if text, is := m.files[name]; is {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

// What runs on a host is proposed with the options that it was started with, once for all its
// processes, and what is at a usual place after it.
//
// spec: P1
func TestWhatRunsOnAHostIsProposed(t *testing.T) {
	m := machine{
		ps: "init\nnginx: master process /opt/n/sbin/nginx -p /srv -c conf/n.conf -g daemon off;\nnginx: worker process\n" +
			"grep nginx -c x\n/usr/sbin/haproxy -W -f /srv/a.cfg -f /srv/b.cfg\n/usr/sbin/haproxy -sf 12 -W -f /srv/a.cfg -f /srv/b.cfg\n",
		files: map[string]string{
			"/srv/a.cfg":                       "global\n  log local0 # stats socket /no\n  stats socket ipv4@*:9999 level admin\n",
			"/usr/local/nginx/conf/nginx.conf": "",
		},
	}
	got := nginx.Propose(t.Context(), m)
	at := "/usr/local/nginx/conf/nginx.conf"
	want := []map[string]any{
		{
			"show":   []string{"/opt/n/sbin/nginx", "-p", "/srv", "-c", "conf/n.conf", "-T"},
			"test":   []string{"/opt/n/sbin/nginx", "-p", "/srv", "-c", "conf/n.conf", "-t"},
			"reload": []string{"/opt/n/sbin/nginx", "-p", "/srv", "-c", "conf/n.conf", "-s", "reload"},
		},
		{
			"show":   []string{"nginx", "-p", "/usr/local/nginx", "-c", at, "-T"},
			"test":   []string{"nginx", "-p", "/usr/local/nginx", "-c", at, "-t"},
			"reload": []string{"nginx", "-p", "/usr/local/nginx", "-c", at, "-s", "reload"},
		},
		nil,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("nginx:\n%v\nwant\n%v", got, want)
	}
	all := haproxy.Propose(t.Context(), m)
	if len(all) != 2 || all[0]["socket"] != "0.0.0.0:9999" ||
		!reflect.DeepEqual(all[0]["configuration"], []string{"/srv/a.cfg", "/srv/b.cfg"}) {
		t.Errorf("haproxy: %v", all)
	}
	if running := site.Running(t.Context(), machine{}, "nginx", ""); len(running) != 0 {
		t.Errorf("a host without ps runs %v", running)
	}
}
