package cmd_test

import (
	"slices"
	"strings"
	"testing"
)

// TestEachSessionHasItsLanguage has two dashboards on one store: the owner's in
// English, one that attaches with a Chinese locale in Chinese, and so do verbs that
// attach. The flag counts before the locale.
// spec: V5
func TestEachSessionHasItsLanguage(t *testing.T) {
	p := newPerson(t)
	first := p.open(100, 30)
	first.waitFor("Overview", "buy")
	p.must("buy", "--level", "dv", "--type", "single")
	english := p.env
	p.env = append(slices.Clone(english), "LC_ALL=zh_CN.UTF-8")
	second := p.open(100, 30)
	second.waitFor("概览", "已付款")
	if out := p.must("list"); !strings.Contains(out, "已付款") {
		t.Errorf("an attached verb with a Chinese locale says %s", out)
	}
	if out := p.must("list", "--lang", "en"); !strings.Contains(out, "paid") {
		t.Errorf("an attached verb that is to speak English says %s", out)
	}
	if r := p.try("show", "nothing"); r.code != 4 || !strings.Contains(r.err, "没有实例") {
		t.Errorf("an attached verb with a Chinese locale ends with %d and says %s", r.code, r.err)
	}
	second.typeKeys("d")
	second.waitFor("无法执行：部署", "实例为“已付款”", "按 a")
	third := p.open(80, 24, "--lang", "en")
	third.waitFor("Overview", "paid")
	p.env = english
	fourth := p.open(80, 24, "--lang", "zh")
	fourth.waitFor("概览", "已付款")
	first.waitFor("paid")
	for _, s := range []*screen{fourth, third, first} {
		s.quit()
	}
	second.typeKeys(esc)
	second.quit()
}
