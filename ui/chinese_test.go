package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// chinese draws in Chinese, with a store whose passphrase was not given.
func chinese(o *Options) {
	o.Lang, o.Sealed, o.Locked = "zh", "passphrase", func() bool { return true }
}

// TestAChineseReaderOfASealedStore reads how keys are sealed. spec: V5 V5
func TestAChineseReaderOfASealedStore(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 200, 70, chinese)
	if !d.has("已封存：certquay unseal") {
		t.Errorf("the header does not say it:\n%s", d.screen())
	}
	d.keys("?")
	if d.has("<help") || !d.has("私钥以口令加密") {
		t.Errorf("the help does not say it:\n%s", d.screen())
	}
}

// TestTheActivityIsFilteredByTheWordsThatAreDrawn finds events by the words of
// the language, and by what is stored. spec: S4 V5
func TestTheActivityIsFilteredByTheWordsThatAreDrawn(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 160, 40, chinese).keys("4", "/")
	for _, typed := range []string{"部署", "已拒绝", "deploy"} {
		d.text(typed)
		if rows := strings.Count(d.screen(), ".example."); rows == 0 || rows > 20 {
			t.Errorf("%s finds %d events:\n%s", typed, rows, d.screen())
		}
		d.keys("esc", "/")
	}
}

// TestAFileThatIsNotThere is told in Chinese, as what it is. spec: I3 V5
func TestAFileThatIsNotThere(t *testing.T) {
	d := drive(t, kittest.Fleet(5), 120, 40, chinese).keys("i")
	d.text("missing.pem").keys("ctrl+s")
	if !d.has("没有文件 missing.pem；请检查路径") || d.has("file does not exist") {
		t.Errorf("it is not told:\n%s", d.screen())
	}
}
