package aliyuntest

// versions are those of the APIs.
var versions = map[string]string{
	"cas": "2020-04-07", "cdn": "2018-05-10", "dcdn": "2018-01-15", "scdn": "2017-11-15", "slb": "2014-05-15",
	"alb": "2020-06-16", "nlb": "2022-04-30", "waf": "2021-10-01",
}

// inactive are the codes with which services answer that are not activated.
var inactive = map[string]string{
	"cdn":  "CdnServiceNotFound",
	"dcdn": "DcdnServiceNotFound",
	"scdn": "ScdnServiceNotFound",
	"slb":  "ServiceNotOpened",
	"alb":  "OperationDenied.ServiceNotOpened",
	"nlb":  "OperationDenied.ServiceNotOpened",
	"waf":  "ServiceNotOpened",
	"cas":  "ServiceNotOpened",
}

// action is an action of an API: its parameters, which are declared for the query or for
// the body, and what it does. N stands for the number of an element of a list.
type action struct {
	required, optional string
	body               bool
	do                 func(*Cloud, params) (any, *failure)
}

// table are the actions, from the metadata of the APIs.
var table = map[string]map[string]action{
	"cas": {
		"UploadUserCertificate":    {"Name Cert Key", "ResourceGroupId", false, (*Cloud).uploadCertificate},
		"ListUserCertificateOrder": {"OrderType", "Status CurrentPage ShowSize Keyword", false, (*Cloud).listCertificates},
		"GetUserCertificateDetail": {"CertId", "CertFilter", false, (*Cloud).certificateDetail},
		"DeleteUserCertificate":    {"CertId", "", false, (*Cloud).deleteCertificate},
		"ListCloudResources":       {"", "CertIds CloudName CloudProduct CurrentPage ShowSize", false, (*Cloud).cloudResources},
	},
	"cdn": {
		"DescribeUserDomains":           {"", "PageNumber PageSize ResourceGroupId", false, listDomains("cdn")},
		"DescribeDomainCertificateInfo": {"DomainName", "", false, domainCertificate("cdn")},
		"SetCdnDomainSSLCertificate":    {"DomainName SSLProtocol", "CertType CertId CertRegion", false, setDomain("cdn")},
	},
	"dcdn": {
		"DescribeDcdnUserDomains":           {"", "PageNumber PageSize ResourceGroupId", false, listDomains("dcdn")},
		"DescribeDcdnDomainCertificateInfo": {"DomainName", "", false, domainCertificate("dcdn")},
		"SetDcdnDomainSSLCertificate":       {"DomainName SSLProtocol", "CertType CertId CertRegion", false, setDomain("dcdn")},
	},
	"scdn": {
		"DescribeScdnUserDomains":           {"", "PageNumber PageSize ResourceGroupId", false, listDomains("scdn")},
		"DescribeScdnDomainCertificateInfo": {"DomainName", "", false, domainCertificate("scdn")},
		"SetScdnDomainCertificate":          {"DomainName SSLProtocol", "CertType CertName Region ForceSet", false, setDomain("scdn")},
	},
	"slb": {
		"DescribeLoadBalancers":         {"RegionId", "LoadBalancerId", false, (*Cloud).slbBalancers},
		"DescribeLoadBalancerListeners": {"RegionId", "ListenerProtocol MaxResults NextToken", false, (*Cloud).slbListeners},
		"DescribeLoadBalancerHTTPSListenerAttribute": {
			"RegionId LoadBalancerId ListenerPort", "", false, (*Cloud).slbListener,
		},
		"SetLoadBalancerHTTPSListenerAttribute": {
			"RegionId LoadBalancerId ListenerPort", "ServerCertificateId", false, (*Cloud).slbSetListener,
		},
		"DescribeDomainExtensions":    {"RegionId LoadBalancerId ListenerPort", "", false, (*Cloud).slbExtensions},
		"SetDomainExtensionAttribute": {"RegionId DomainExtensionId ServerCertificateId", "", false, (*Cloud).slbSetExtension},
		"DescribeServerCertificates":  {"RegionId", "ServerCertificateId", false, (*Cloud).slbCertificates},
		"UploadServerCertificate": {
			"RegionId AliCloudCertificateId AliCloudCertificateName AliCloudCertificateRegionId", "ServerCertificateName ResourceGroupId",
			false, (*Cloud).slbUpload,
		},
		"DeleteServerCertificate": {"RegionId ServerCertificateId", "", false, (*Cloud).slbDelete},
	},
	"alb": {
		"ListListeners":            {"", "LoadBalancerIds.N MaxResults NextToken", false, balancerListeners("alb")},
		"ListListenerCertificates": {"ListenerId", "MaxResults NextToken", false, balancerCertificates("alb")},
		"GetLoadBalancerAttribute": {"LoadBalancerId", "", false, balancerAttribute},
		"UpdateListenerAttribute": {
			"ListenerId",
			"Certificates.N.CertificateId",
			false,
			balancerUpdate("alb", "Certificates.1.CertificateId"),
		},
		"AssociateAdditionalCertificatesWithListener": {
			"ListenerId Certificates.N.CertificateId", "", false, balancerAttach("alb", "Certificates.1.CertificateId"),
		},
		"DissociateAdditionalCertificatesFromListener": {
			"ListenerId Certificates.N.CertificateId", "", false, balancerDetach("alb", "Certificates.1.CertificateId"),
		},
		"ListAsynJobs": {"", "JobIds.N", false, (*Cloud).listJobs},
	},
	"nlb": {
		"ListListeners":            {"", "LoadBalancerIds.N MaxResults NextToken", false, balancerListeners("nlb")},
		"ListListenerCertificates": {"ListenerId", "MaxResults NextToken", true, balancerCertificates("nlb")},
		"GetLoadBalancerAttribute": {"LoadBalancerId", "", false, balancerAttribute},
		"UpdateListenerAttribute":  {"ListenerId", "CertificateIds.N", true, balancerUpdate("nlb", "CertificateIds.1")},
		"AssociateAdditionalCertificatesWithListener": {
			"ListenerId AdditionalCertificateIds.N", "", true, balancerAttach("nlb", "AdditionalCertificateIds.1"),
		},
		"DisassociateAdditionalCertificatesWithListener": {
			"ListenerId AdditionalCertificateIds.N", "", true, balancerDetach("nlb", "AdditionalCertificateIds.1"),
		},
		"ListAsynJobs": {"", "JobIds.N", false, (*Cloud).listJobs},
	},
	"waf": {
		"DescribeInstance":       {"", "RegionId", false, (*Cloud).wafInstance},
		"DescribeDomains":        {"InstanceId", "RegionId PageNumber PageSize", false, (*Cloud).wafDomains},
		"DescribeDomainDetail":   {"InstanceId Domain", "RegionId", false, (*Cloud).wafDomain},
		"ModifyDomainCert":       {"InstanceId RegionId Domain CertId", "", false, (*Cloud).wafSetDomain},
		"DescribeCloudResources": {"InstanceId", "RegionId PageNumber PageSize", false, (*Cloud).wafResources},
		"DescribeCloudResourceAccessPortDetails": {
			"InstanceId ResourceInstanceId ResourceProduct", "RegionId PageNumber PageSize", false, (*Cloud).wafPorts,
		},
		"ModifyCloudResourceCert": {
			"InstanceId RegionId Certificates.N.CertificateId Certificates.N.AppliedType", "ResourceInstanceId Port ResourceProduct", false,
			(*Cloud).wafSetPort,
		},
	},
}
