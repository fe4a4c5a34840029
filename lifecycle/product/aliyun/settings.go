package aliyun

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"certquay/model"
	"certquay/model/setting"
)

// Settings are what the configuration says of a product at Alibaba Cloud.
type Settings struct {
	Service             string   `yaml:"service"`
	AccessKeyID         string   `yaml:"access_key_id"`
	AccessKeySecretFile string   `yaml:"access_key_secret_file" secret:"true"`
	CertificateRegion   string   `yaml:"certificate_region"`
	ResourceGroup       string   `yaml:"resource_group"`
	Address             string   `yaml:"address"`
	Endpoints           []string `yaml:"endpoints"`
	RemoveSuperseded    bool     `yaml:"remove_superseded"` // read by the engine (spec N4)
}

// Regions of the certificate service and of WAF: mainland China, and everywhere else.
const (
	mainland = "cn-hangzhou"
	overseas = "ap-southeast-1"
)

var siteRegions = []string{mainland, overseas}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings {
	return Settings{Service: "cdn", CertificateRegion: mainland, Endpoints: []string{}}
}

var _ setting.Checker = Settings{}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	rule := func(ok bool, name string, rule model.Text, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: name, Rule: rule, Example: example})
		}
	}
	rule(slices.Contains(Services(), s.Service), "service", model.Say("aliyun.services", "services", Services()), "cdn")
	rule(s.AccessKeyID != "", "access_key_id", model.Say("aliyun.needs-key-id"), "LTAI...")
	rule(s.AccessKeySecretFile != "", "access_key_secret_file", model.Say("aliyun.needs-secret"), "aliyun-secret")
	rule(slices.Contains(siteRegions, s.CertificateRegion), "certificate_region",
		model.Say("aliyun.certificate-regions", "regions", siteRegions), mainland)
	_, ok := splitAddress(s.Address, "443")
	rule(s.Address == "" || ok, "address", model.Say("aliyun.address"), "cdn.example.com:443")
	for n, e := range s.Endpoints {
		_, _, ok := splitEndpoint(e)
		rule(ok, fmt.Sprintf("endpoints[%d]", n), model.Say("aliyun.endpoint"), "slb.eu-central-1=slb.eu-central-1.aliyuncs.com")
	}
	return wrong
}

// splitAddress completes a host, or host:port, with a port.
func splitAddress(address, port string) (hostPort string, ok bool) {
	if host, p, err := net.SplitHostPort(address); err == nil {
		return address, host != "" && p != "" && !strings.ContainsAny(address, " /")
	}
	host := strings.Trim(address, "[]")
	return net.JoinHostPort(host, port), host != "" && !strings.ContainsAny(host, " /")
}

// splitEndpoint splits SERVICE[.REGION]=HOST. A URL in place of a host must be of https, or
// lead to this machine: requests carry private keys.
func splitEndpoint(entry string) (name, endpoint string, ok bool) {
	name, endpoint, ok = strings.Cut(entry, "=")
	service, _, _ := strings.Cut(name, ".")
	if !ok || apis[service].version == "" || endpoint == "" || strings.ContainsAny(endpoint, " @?#") {
		return "", "", false
	}
	if !strings.Contains(endpoint, "://") {
		return name, endpoint, !strings.Contains(endpoint, "/")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Path != "" {
		return "", "", false
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	return name, endpoint, u.Scheme == "https" || u.Scheme == "http" && ip.IsLoopback()
}

// api is one of the APIs that are called.
type api struct {
	version  string
	endpoint func(region string) string
}

// apis are the APIs by name, with the endpoints of their metadata.
var apis = map[string]api{
	"cas":  {"2020-04-07", func(r string) string { return inMainland(r, "cas.aliyuncs.com", "cas."+r+".aliyuncs.com") }},
	"cdn":  {"2018-05-10", func(string) string { return "cdn.aliyuncs.com" }},
	"dcdn": {"2018-01-15", func(string) string { return "dcdn.aliyuncs.com" }},
	"scdn": {"2017-11-15", func(string) string { return "scdn.aliyuncs.com" }},
	"slb":  {"2014-05-15", slbEndpoint},
	"alb":  {"2020-06-16", func(r string) string { return "alb." + r + ".aliyuncs.com" }},
	"nlb":  {"2022-04-30", func(r string) string { return "nlb." + r + ".aliyuncs.com" }},
	"waf":  {"2021-10-01", func(r string) string { return "wafopenapi." + r + ".aliyuncs.com" }},
}

func inMainland(region, there, elsewhere string) string {
	if region == mainland {
		return there
	}
	return elsewhere
}

// slbEndpoint is the central endpoint for the regions that have none of their own.
func slbEndpoint(region string) string {
	switch region {
	case "cn-qingdao", "cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen", "cn-hongkong", "ap-southeast-1", "us-east-1", "us-west-1":
		return "slb.aliyuncs.com"
	}
	return "slb." + region + ".aliyuncs.com"
}

// endpoint is where an API is called for a region: as the settings say, else as its metadata
// does.
func (s Settings) endpoint(service, region string) string {
	given := map[string]string{}
	for _, e := range s.Endpoints {
		if name, endpoint, ok := splitEndpoint(e); ok {
			given[name] = endpoint
		}
	}
	for _, name := range []string{service + "." + region, service} {
		if given[name] != "" {
			return given[name]
		}
	}
	return apis[service].endpoint(region)
}
