package cmd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"certquay/model"
	"certquay/store"
)

// filled gives a person a store with n issued instances.
func (p *person) filled(n int) {
	p.t.Helper()
	key := filepath.Join(p.home, ".config", "certquay", "master.key")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		p.t.Fatal(err)
	}
	s, err := store.Open(p.data, store.Options{KeyFile: key})
	if err != nil {
		p.t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	for from := 0; from < n; from += 250 {
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k := from; k < min(from+250, n); k++ {
				name := fmt.Sprintf("n%06d.example.com", k)
				start := now.Add(-time.Duration(k%190) * 24 * time.Hour)
				i := model.Instance{
					ID: model.ID(fmt.Sprintf("01M80000000000000000%06d", k)), Name: name, State: model.Issued, Origin: model.OriginBought, Years: 1,
					Spec: model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Free}, Created: start,
					Application:  model.Application{Domains: []string{name}, KeyType: model.ECDSAP256},
					ServiceStart: start, ServiceEnd: start.AddDate(1, 0, 0),
					Versions: []model.Version{{Number: 1, Serial: fmt.Sprintf("%032x", k+1), Fingerprint: fmt.Sprintf("%064x", k+1), Subject: name, Domains: []string{name}, KeyType: "ecdsa-p256", NotBefore: start, NotAfter: start.Add(300*24*time.Hour - time.Second), Issued: start, Issuer: "embedded"}},
				}
				if err := tx.Put(&i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// cpu is what a process has used, in milliseconds.
func cpu(t testing.TB, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) * 10 // the kernel counts in hundredths of a second
}

// BenchmarkDashboard starts the real program in a real terminal: how long until
// its first frame and until rows are shown, and what one cursor key costs, with
// 0 and with 100,000 instances, and the ratios between the two.
func BenchmarkDashboard(b *testing.B) {
	type figures struct{ frame, rows, keyCPU, keyBytes float64 }
	const keys = 200
	measure := func(n int) (f figures) {
		p := newPerson(b)
		p.filled(n)
		p.must("balance") // the very first start makes store and CA
		rows := "Welcome"
		if n > 0 {
			rows = "n000189" // the first to expire
		}
		begun := time.Now()
		s := p.timed(120, 40, []string{"certquay", rows})
		f.frame = ms(s.when(begun, "certquay"))
		f.rows = ms(s.when(begun, rows))
		time.Sleep(3 * time.Second) // the search table is built in the background
		for settled := cpu(b, s.cmd.Process.Pid); ; {
			time.Sleep(500 * time.Millisecond)
			now := cpu(b, s.cmd.Process.Pid)
			if now-settled < 30 {
				break
			}
			settled = now
		}
		s.mu.Lock()
		read := s.read
		s.mu.Unlock()
		used := cpu(b, s.cmd.Process.Pid)
		for k := range keys {
			s.typed([]string{"j", "k"}[k/20%2])
		}
		time.Sleep(200 * time.Millisecond)
		s.mu.Lock()
		f.keyBytes = float64(s.read-read) / keys
		s.mu.Unlock()
		f.keyCPU = (cpu(b, s.cmd.Process.Pid) - used) / keys
		s.leave()
		return f
	}
	var none, many figures
	for b.Loop() {
		none, many = measure(0), measure(100_000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(none.frame, "ms-frame-0")
	b.ReportMetric(none.rows, "ms-rows-0")
	b.ReportMetric(many.frame, "ms-frame-100k")
	b.ReportMetric(many.rows, "ms-rows-100k")
	b.ReportMetric(many.frame/none.frame, "x-frame")
	b.ReportMetric(many.rows/none.rows, "x-rows")
	b.ReportMetric(many.keyCPU, "ms-cpu/key-100k")
	b.ReportMetric(many.keyBytes, "B/key-100k")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
