package model

import (
	"slices"
	"strings"
	"testing"
)

// Names sort as people read them.
// spec: Q1
// finding: U21
func TestNaturalOrder(t *testing.T) {
	want := []string{
		"10.example.com", "1000000000000.example", "a", "a1", "A2", "a10", "a10b", "a010c", "a11", "b-2-9", "b-2-10", "b-10-1",
		"host2.example.com", "host10.example.com", "v1.9", "v1.10", "证书2", "证书10",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(NaturalKey(a), NaturalKey(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, s := range append(want, "", "000", "0") {
		if strings.Contains(NaturalKey(s), "\x00") {
			t.Errorf("the key of %q has a zero byte", s)
		}
		for n := range 20 {
			if got := string(AppendNaturalKey(nil, []byte(NormalizeName(s)), n)); !strings.HasPrefix(NaturalKey(s), got) || len(got) > n {
				t.Errorf("%d bytes of %q are %q", n, s, got)
			}
		}
	}
}
