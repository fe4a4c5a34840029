package chart

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// TestMatrix puts glyphs and numbers below their heads, and leaves out the columns that
// do not fit, in Chinese too. finding: U32
func TestMatrix(t *testing.T) {
	heads := []string{"CDN", "SLB", "nginx-web1", "负载均衡"}
	cells := []MatrixCell{{3, style.StatusOf("deployed")}, {}, {1234, style.StatusOf("drifted")}, {1, style.StatusOf("failed")}}
	for _, tt := range []struct {
		w         int
		head, row string
		hidden    int
	}{
		{60, "CDN   SLB   nginx-web1 负载均衡", "● 3   ·     ▲ 1,234    ✕ 1", 0},
		{30, "CDN   SLB   nginx-web1", "● 3   ·     ▲ 1,234", 1},
		{5, "", "", 4},
	} {
		head, hidden := MatrixHead(plain, heads, tt.w)
		head, row := ansi.Strip(head), ansi.Strip(MatrixRow(plain, heads, cells, tt.w))
		if strings.TrimRight(head, " ") != tt.head || strings.TrimRight(row, " ") != tt.row || hidden != tt.hidden ||
			widget.Width(head) > tt.w || widget.Width(row) > tt.w {
			t.Errorf("%d cells: %q, %q, %d hidden", tt.w, head, row, hidden)
		}
	}
}
