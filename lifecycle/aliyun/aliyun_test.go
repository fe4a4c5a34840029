package aliyun

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"certquay/model"
)

// The example of Alibaba Cloud's page on this signature.
func TestTheSignatureIsThatOfTheDocumentation(t *testing.T) {
	c := &Client{KeyID: "YourAccessKeyId", Secret: model.NewSecret([]byte("YourAccessKeySecret")), Version: "2014-05-26"}
	query := url.Values{"ImageId": {"win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}, "RegionId": {"cn-shanghai"}}
	req, err := http.NewRequest(http.MethodPost, "https://ecs.cn-shanghai.aliyuncs.com/?"+encode(query), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	c.sign(req, "", "RunInstances", time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC), "3156853299f313e23d1673dc12e1703d")
	const want = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;" +
		"x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
	if got := req.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestQueriesAreEscapedAsTheSignatureWants(t *testing.T) {
	if got := encode(url.Values{"b": {"a b*~/"}, "a": {"+"}}); got != "a=%2B&b=a%20b%2A~%2F" {
		t.Error(got)
	}
}

// A form stands in the body, which the signature covers, and a redirect does not carry it
// elsewhere.
func TestAFormIsSentInTheBodyOnly(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	c := &Client{KeyID: "id", Secret: model.NewSecret([]byte("secret")), Version: "1"}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "Key=a%20b" || r.URL.RawQuery != "" || r.Header.Get("X-Acs-Content-Sha256") != hashed(body) ||
			!strings.Contains(r.Header.Get("Authorization"), "SignedHeaders=content-type;host;") {
			t.Errorf("%q in %s, %v, %v", body, r.URL, r.Header, err)
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer web.Close()
	c.Endpoint = web.URL
	var e *Error
	err := c.Post(t.Context(), "Upload", nil, url.Values{"Key": {"a b"}}, &struct{}{})
	if !errors.As(err, &e) || e.Status != http.StatusTemporaryRedirect {
		t.Error(err)
	}
}
