package model_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"certquay/model"
)

// textForm is the form of a text in JSON.
type textForm struct {
	Code  string              `json:"c,omitzero"`
	Args  map[string]string   `json:"a,omitempty"`
	Texts map[string]textForm `json:"t,omitempty"`
	Quote struct {
		Who   string `json:"w,omitzero"`
		Words string `json:"s"`
	} `json:"q,omitzero"`
	More []textForm `json:"m,omitempty"`
}

func formOf(t model.Text) (f textForm) {
	m := t.Message()
	f.Code, f.Args = m.Code, m.Args
	f.Quote.Who, f.Quote.Words = m.Quote.Who, m.Quote.Words
	for name, inside := range m.Texts {
		if f.Texts == nil {
			f.Texts = map[string]textForm{}
		}
		f.Texts[name] = formOf(inside)
	}
	for _, more := range m.More {
		f.More = append(f.More, formOf(more))
	}
	return f
}

// TestTextsAreWrittenAsJSON compares the form of a text with what encoding/json
// makes of the same fields, and reads it back.
func TestTextsAreWrittenAsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x := randomText(r, 3)
		got, err := x.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(formOf(x))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		var back model.Text
		if err := json.Unmarshal(got, &back); err != nil || back != x {
			t.Fatalf("%q was read as %q, %v", got, back, err)
		}
		if m := x.Message(); m.Text() != x || x.Code() != m.Code {
			t.Fatalf("%q is made of %+v, which makes %q", x, m, m.Text())
		}
	}
}

func randomText(r *rand.Rand, depth int) model.Text {
	words := []string{"", "a", "deploy.handshake", "https://x.example/?a=b&c=<d>", "\"quoted\"\\", "泊位 \u2028", "\x00\x1f\n"}
	word := func() string { return words[r.IntN(len(words))] }
	if r.IntN(3) == 0 {
		return model.Quoted(word(), word())
	}
	args := []any{"plain", word(), word(), word()}
	if depth == 0 {
		return model.Say("code."+word(), args...)
	}
	for n := range r.IntN(3) {
		args = append(args, fmt.Sprint(n), randomText(r, depth-1))
	}
	all := []model.Text{model.Say("code."+word(), args...)}
	for range r.IntN(3) {
		all = append(all, randomText(r, depth-1))
	}
	return model.Texts(all...)
}

// TestATextIsChangedInACopy says that copies of a text share nothing that Map,
// By, WithArgs and Texts change.
func TestATextIsChangedInACopy(t *testing.T) {
	x := model.Texts(model.Say("code", "a", "1", "in", model.Quoted("", "words")), model.Quoted("", "more"))
	before := x.String()
	y := x.Map(func(s string) string { return s + "!" })
	if want := `code a="1!" in=(words!); more!`; y.String() != want {
		t.Errorf("Map gave %s, want %s", y, want)
	}
	z := x.WithArgs(map[string]string{"a": "2", "b": "3"})
	if want := `code a="1" b="3" in=(words); more`; z.String() != want {
		t.Errorf("WithArgs gave %s, want %s", z, want)
	}
	said := model.Quoted("", "words")
	if got := said.By("ca").Message().Quote; got.Who != "ca" || said.Message().Quote.Who != "" {
		t.Errorf("By gave %v of %v", got, said)
	}
	if model.Texts(x, y, z); x.String() != before {
		t.Errorf("%s became %s", before, x)
	}
	if odd := model.Text("\x00 not made here"); odd.Message().Quote.Words != string(odd) {
		t.Errorf("%q is read as %+v", odd, odd.Message())
	}
}
