package names

import "testing"

// TestNamesAreReadInUnicode writes names as people read them, and what is no name of a host
// as it is.
// finding: U30
func TestNamesAreReadInUnicode(t *testing.T) {
	for name, want := range map[string]string{
		"xn--bcher-kva.example":        "bücher.example",
		"*.xn--bcher-kva.example":      "*.bücher.example",
		"www.example.com":              "www.example.com",
		"":                             "",
		"Anna's xn--bcher-kva.example": "Anna's xn--bcher-kva.example",
		"xn--\x1b[31m":                 "xn--\x1b[31m",
		"xn--a":                        "xn--a", // no U-label has this form
		"xn--fiqs8s":                   "中国",
	} {
		if got := Readable(name); got != want {
			t.Errorf("%q is read as %q, want %q", name, got, want)
		}
	}
	if got := ReadableBoth("xn--bcher-kva.example"); got != "xn--bcher-kva.example (bücher.example)" {
		t.Errorf("both forms: %q", got)
	}
}
