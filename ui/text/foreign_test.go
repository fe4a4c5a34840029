package text

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/product"
	"certquay/model"
)

// TestErrorsOfTheLibraryAreTranslated makes errors as they are made, so that a
// library that words them anew is noticed. spec: V5
func TestErrorsOfTheLibraryAreTranslated(t *testing.T) {
	zh := New("zh")
	dir := t.TempDir()
	_, missing := os.Open(filepath.Join(dir, "none")) //nolint:gosec // there is none
	_, notDir := os.ReadFile(filepath.Join(dir, "none", "x"))
	isDir := os.WriteFile(dir, nil, 0o600)

	closed := listen(t)
	address := closed.Addr().String()
	_ = closed.Close()
	_, _, refused := product.Prober{}.Probe(t.Context(), address, "a.example")

	silent := listen(t)
	_, _, late := product.Prober{Timeout: 50 * time.Millisecond}.Probe(t.Context(), silent.Addr().String(), "a.example")

	plain := listen(t)
	go func() {
		if c, err := plain.Accept(); err == nil {
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
		}
	}()
	_, _, noTLS := product.Prober{}.Probe(t.Context(), plain.Addr().String(), "a.example")

	gone, stop := context.WithCancel(t.Context())
	stop()
	_, _, canceled := product.Prober{}.Probe(gone, address, "a.example")

	leaf := &x509.Certificate{DNSNames: []string{"a.example"}, NotAfter: time.Now()}
	for what, err := range map[string]error{
		"missing": missing, "not a directory": notDir, "a directory": isDir,
		"refused": refused, "late": late, "no TLS": noTLS, "canceled": canceled,
		"no host":  &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.invalid", Server: "192.0.2.1:53"}},
		"reset":    &net.OpError{Op: "read", Net: "tcp", Source: silent.Addr(), Addr: plain.Addr(), Err: errors.New("read: connection reset by peer")},
		"alert":    &net.OpError{Op: "local error", Err: tls.AlertError(40)},
		"remote":   &net.OpError{Op: "remote error", Err: tls.AlertError(112)},
		"name":     x509.HostnameError{Certificate: leaf, Host: "b.example"},
		"unknown":  &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"expired":  x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired, Detail: "current time 2026-01-02T00:00:00Z is after 2026-01-01T00:00:00Z"},
		"no names": x509.HostnameError{Certificate: &x509.Certificate{}, Host: "b.example"},
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
			continue
		}
		if said := zh.Failed("deploy", err.Error()); inEnglish.MatchString(said) || said == err.Error() {
			t.Errorf("%s: %q stays %q", what, err, said)
		}
	}
}

// inEnglish are two English words in a row.
var inEnglish = regexp.MustCompile(`[a-z]{2,} [a-z]{2,}`)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestFailedNamesWhoSaidIt sets off what is not certquay's own. spec: V5
func TestFailedNamesWhoSaidIt(t *testing.T) {
	zh, en := New("zh"), New("en")
	for _, c := range [][3]string{
		{"issue", "urn:ietf:params:acme:error:rateLimited: too many", "CA 回复：urn:ietf:params:acme:error:rateLimited: too many"},
		{"renew", "the CA sent no certificate", "CA 未返回证书"},
		{"deploy", "deploy: quota exceeded", "部署：服务器回复：quota exceeded"},
		{"deploy", "the handshake at 192.0.2.1:443: context deadline exceeded", "与 192.0.2.1:443 握手：超时"},
		{"verify", "quota exceeded", "服务器回复：quota exceeded"},
		{"notify", "given up: 550 no such user", "已放弃：服务器回复：550 no such user"},
		{"notify", "550 no such user", "接收方回复：550 no such user"},
		{"upload", "a certificate cannot be read: \"x509: malformed certificate\"", "有证书无法读取：证书格式错误"},
		{"contact", "ops@example.com: dial tcp 192.0.2.1:25: connect: connection refused", "ops@example.com：连接被拒绝，地址 192.0.2.1:25"},
		{"review", "the stamp is missing", "the stamp is missing"}, // a person's words
		{"issue", "", ""},
	} {
		if got := zh.Failed(c[0], c[1]); got != c[2] {
			t.Errorf("%s %q: %q, want %q", c[0], c[1], got, c[2])
		}
		if got := en.Failed(c[0], c[1]); got != c[1] {
			t.Errorf("English changes %q to %q", c[1], got)
		}
	}
}

// TestDetails tells what an event of an action says. spec: S4 V5
func TestDetails(t *testing.T) {
	zh := New("zh")
	for _, c := range [][3]string{
		{"watch", "is wrong-name, expired", "名称不符、已过期"},
		{"watch", "has changed: it presents another certificate (SHA-256 0123456789abcdef…), valid to 2027-01-01; is still expiring", "已变更：改用另一张证书（SHA-256 0123456789abcdef…），有效至 2027-01-01；仍有问题：即将过期"},
		{"watch", "has recovered", "已恢复正常"},
		{"auto-deploy", "CDN global shop.example.com: on", "CDN global shop.example.com：开"},
		{"auto-deploy", "version 2 waits for a credit at CDN global a.example", "第 2 版因自动部署次数不足而等待：CDN global a.example"},
		{"notify", "deployment failed, to Ops, ops@example.com", "部署失败，发送至 Ops, ops@example.com"},
		{"contact", "added", "已添加"}, {"review", "approved", "已通过"},
		{"buy", "OV single embedded professional, 2 y, 1000.00 EUR", "OV 单域名 embedded 专业级，2 年，1000.00 EUR"},
		{"buy-pack", "10 units, 1000.00 EUR", "10 份，1000.00 EUR"},
		{"revoke", "keyCompromise, versions [1 2]", "私钥可能已泄露，版本 [1 2]"},
		{"expiry", "expires in 28 days, on 2026-12-21 14:13:16Z", "将于 28 天后（2026-12-21 14:13:16Z）过期"},
		{"verify", "presents what was deployed; it has changed since the last look", "线上证书与所部署的一致；与上次检测时不同"},
		{"revoke", "version 1, serial 04ab, keyCompromise; 100.00 EUR is paid back: first issued within the last 30 days", "第 1 版，序列号 04ab，私钥可能已泄露；退款 100.00 EUR：首次签发在 30 天之内"},
		{"revoke", "version 1, keyCompromise; version 2, superseded; ", "第 1 版，私钥可能已泄露；第 2 版，已由其他证书取代"},
		{"apply", "a.example, b.example", "a.example, b.example"},
		{"download", "pem", "pem"},
	} {
		if got := zh.Detail(c[0], c[1]); got != c[2] {
			t.Errorf("%s %q: %q, want %q", c[0], c[1], got, c[2])
		}
		if got := New("en").Detail(c[0], c[1]); got != c[1] {
			t.Errorf("English changes %q to %q", c[1], got)
		}
	}
}

// TestEveryRefusalOfThePastIsTranslated finds each reason in what the engine
// wrote when it refused. spec: S3 V5
func TestEveryRefusalOfThePastIsTranslated(t *testing.T) {
	zh := New("zh")
	for _, v := range lifecycle.Vocabulary() {
		r := lifecycle.Refusal{Action: lifecycle.Deploy, State: model.Paid, Instance: "01K9Z3T01Q5W7X2V8R4N6MA125", Reason: lifecycle.Reason(v[0]), Args: lifecycle.Args{}}
		args := map[string]string{"action": "deploy", "state": "paid", "id": r.Instance.Short()}
		for _, m := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(v[1], -1) {
			if _, ok := args[m[1]]; !ok {
				r.Args[m[1]], args[m[1]] = "a."+m[1], "a."+m[1]
			}
		}
		want, _, _ := zh.Reason(v[0], args)
		if got := zh.Refused(v[0], r.Message()); got != want || strings.Contains(got, "{") {
			t.Errorf("%s: %q, want %q", v[0], got, want)
		}
		if got := New("en").Refused(v[0], r.Message()); got != r.Message() {
			t.Errorf("English changes %s to %q", v[0], got)
		}
	}
}
