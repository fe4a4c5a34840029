package out

import "testing"

// A list is printed with the names of its JSON form: words joined, objects left out, no
// formula, and nothing that a terminal obeys.
// spec: Q5
// finding: U22
func TestListsAreCSV(t *testing.T) {
	t.Parallel()
	type inner struct {
		A int `json:"a"`
	}
	type item struct {
		Name  string   `json:"name"`
		Words []string `json:"words"`
		One   *inner   `json:"one"`
		Many  []inner  `json:"many"`
		Note  *string  `json:"note"`
		N     int      `json:"n"`
		On    bool     `json:"on"`
		own   int
	}
	note := `say "yes", or no`
	c, said, _ := console("en")
	c.JSON, c.CSV = true, true
	err := c.PrintJSON([]item{
		{Name: "=1+1", Words: []string{"a", "b"}, Note: &note, N: -3, On: true},
		{Name: "-x", One: &inner{1}, own: 1}, {Name: "@a\x1b\n"}, {Name: "+1"}, {Name: "中文"},
	})
	want := "name,words,note,n,on\n'=1+1,a b,\"say \"\"yes\"\", or no\",-3,true\n" +
		"'-x,,,0,false\n'@a\\x1b\\x0a,,,0,false\n'+1,,,0,false\n中文,,,0,false\n"
	if err != nil || said.String() != want {
		t.Errorf("%v, got\n%swant\n%s", err, said, want)
	}
	said.Reset()
	if err := c.PrintJSON([]item{}); err != nil || said.String() != "name,words,note,n,on\n" {
		t.Errorf("an empty list: %v %q", err, said)
	}
}
