package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/document"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/ui/text"
)

// TestErrorsAreSaidInTheLanguageOfTheSession finds each kind of error by what
// it is, however deep it is wrapped. spec: S3 V5
func TestErrorsAreSaidInTheLanguageOfTheSession(t *testing.T) {
	zh := &Context{Text: text.New("zh")}
	path := filepath.Join(t.TempDir(), "none.pem")
	_, missing := os.ReadFile(path)
	_, badName := names.Parse("a..example")
	_, noPicture := document.Check([]byte("%PDF-1.7"))
	_, empty := bundle.Parse(time.Now(), bundle.File{Name: "x.pem"})
	for _, c := range []struct {
		err  error
		want string
	}{
		{missing, "“" + path + "”：文件不存在"},
		{&fs.PathError{Op: "open", Path: "/root/key.pem", Err: fs.ErrPermission}, "“/root/key.pem”：权限不足"},
		{&fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, "“/x”：磁盘空间不足"},
		{fmt.Errorf("look at resource x: %w", context.DeadlineExceeded), "超时"},
		{&rules.NotFound{What: "watch", Name: "a:443"}, "没有监控“a:443”"},
		{&rules.Ambiguous{Name: "q", Candidates: []string{"1q", "2q"}}, "“q”对应多项：1q, 2q"},
		{&rules.Invalid{Field: "name", Why: model.Say("contact.needs-name"), Example: model.Quoted("", "Ops")}, "联系人需要名称；Ops"},
		{&rules.Refusal{Action: rules.Deploy, State: model.Issued, Reason: rules.ReasonNoKey}, "certquay 不持有私钥，无法对该证书执行“部署”"},
		{badName, "“a..example”：两点之间不能为空；例如 www.example.com"},
		{noPicture, "资质文件为 PDF 文件；只接受 PNG 与 JPEG 图片（以内容而非文件名为准）；请扫描、拍照，或导出为 PNG 或 JPEG"},
		{empty, "“x.pem”：文件为空；请提供 PEM 或 DER 格式的证书"},
		{model.Fail("store.disk-full-at", "dir", "/data", "free", 3, "least", 64).Wrapping(store.ErrDiskFull),
			"数据目录所在磁盘的可用空间不足：/data 剩余 3 MiB，certquay 需要至少 64 MiB；请释放空间"},
		{store.ErrSealed, "存储已锁定：需要口令"},
	} {
		if c.err == nil {
			t.Errorf("no error where %q is wanted", c.want)
			continue
		}
		if got := zh.FormatError(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// TestErrorsInEnglish names the subjects of errors in words, never by codes.
// spec: S3 V5
func TestErrorsInEnglish(t *testing.T) {
	c := &Context{Text: text.New("en")}
	for want, err := range map[string]error{
		"/x: permission denied": &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission},
		`no watch "a:443"`:      &rules.NotFound{What: "watch", Name: "a:443"},
		`no product "q"; there are edge, nginx`: &rules.NotFound{What: "product", Name: "q",
			There: []string{"edge", "nginx"}},
		`"q" names several: 1q, 2q`: &rules.Ambiguous{Name: "q", Candidates: []string{"1q", "2q"}},
		"a contact needs a name; Ops": fmt.Errorf("add: %w",
			&rules.Invalid{Field: "name", Why: model.Say("contact.needs-name"), Example: model.Quoted("", "Ops")}),
		"nothing is presented: the address is taken": &lifecycle.NotListeningError{Err: errors.New("the address is taken")},
		"certquay holds the private key already":     &rules.Refusal{Action: rules.UploadKey, Reason: rules.ReasonHasKey},
		"the server said so; " + `no watch "b"`: errors.Join(errors.New("the server said so"),
			&rules.NotFound{What: "watch", Name: "b"}),
		`cannot close an instance that is issued: that needs paid`: &rules.Refusal{Action: rules.Close, State: model.Issued,
			Reason: rules.ReasonState, Args: rules.Args{"allowed": []string{"paid"}}},
	} {
		if got := c.FormatError(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestToldOfAnEvent says reason and detail in the words of each language; what
// others have said stays in theirs. spec: S4 V5
func TestToldOfAnEvent(t *testing.T) {
	zh, en := &Context{Text: text.New("zh")}, &Context{Text: text.New("en")}
	no := rules.Refusal{Action: rules.Deploy, Reason: rules.ReasonNoKey}
	for _, c := range []struct {
		e      model.Event
		zh, en string
	}{
		{model.Event{Action: "deploy", Result: journal.ResultRefused, Reason: no.AsText()},
			"certquay 不持有私钥，无法对该证书执行“部署”", "certquay does not hold the private key, so it cannot deploy this certificate"},
		{model.Event{Action: "issue", Result: journal.ResultFailed, Reason: model.Quoted("ca", "rate limited")}, "CA 回复：rate limited",
			"rate limited"},
		{model.Event{Action: "verify", Result: journal.ResultFailed, Reason: model.Say("verify.another-certificate"),
			Detail: model.Say("verify.deployed")}, "另一张证书：线上证书与所部署的一致", "another certificate: presents what was deployed"},
		{model.Event{Action: "contact", Result: journal.ResultOK, Detail: model.Say("log.added")}, "已添加", "added"},
	} {
		if got := zh.EventSummary(&c.e); got != c.zh {
			t.Errorf("%q, want %q", got, c.zh)
		}
		if got := en.EventSummary(&c.e); got != c.en {
			t.Errorf("%q, want %q", got, c.en)
		}
	}
}
