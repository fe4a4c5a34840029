package text

// phrases are sentences of the engine by language: each format as it stands in
// the engine's sources (a test looks), and what to say in its place. What is
// not here is said in English.
var phrases = map[string]map[string]string{"zh": merge(map[string]string{
	// Why an instance is as it is.

	"renewal": "续期",

	// Tasks, and what is waited for.

	"a reviewer": "审核员",

	"file":  "文件",
	"files": "文件",

	// What was typed.

	"only the name belongs here, no scheme, port, path or user":                             "只填写域名，不含协议、端口、路径或用户名",
	"a name has letters, digits and hyphens only, of any script, by the rules of IDNA 2008": "域名只能包含字母、数字和连字符（可为任何文字，遵循 IDNA 2008）",
	"a name has letters, digits and hyphens only":                                           "域名只能包含字母、数字和连字符",
	"a certificate has at least one name":                                                   "证书至少需要一个域名",
	"a certificate has at most 100 names, not %d":                                           "证书最多 100 个域名，当前 {1} 个",
	"a single certificate has exactly one name, not %d":                                     "单域名证书只能有一个域名，当前 {1} 个",
	"a multi certificate has 2 to 100 names, not %d":                                        "多域名证书需要 2 至 100 个域名，当前 {1} 个",
	"two instances with half of the names each":                                             "可将域名分到两个实例",
	"a name may stand there only once":                                                      "域名不能重复",
	"a wildcard certificate has a name that begins with *.":                                 "通配符证书的域名须以 *. 开头",
	"a single certificate has exactly one name":                                             "单域名证书只能有一个域名",
	"a multi certificate has 2 to 100 names":                                                "多域名证书需要 2 至 100 个域名",
	"a wildcard certificate has exactly one name; the apex is not included":                 "通配符证书只能有一个域名，不含裸域名",

	// What is watched.

	"it expired on %s":          "已于 {1} 过期",
	"it is not valid before %s": "{1} 之前尚未生效",

	// Files.
	"there is no signing request in it":        "其中没有证书请求",
	"there are several signing requests in it": "其中有多个证书请求",
	"bring one":                               "请只提供一个",
	"the signing request cannot be read":      "无法读取证书请求",
	"the signing request has more than 64 kB": "证书请求超过 64 kB",
	"bring only the request":                  "请只提供证书请求",
	"the signature of the signing request is wrong, so it was not made with its key or was changed since":                              "证书请求的签名不正确：并非用其私钥生成，或之后被修改",
	"make it with: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=NAME -addext subjectAltName=DNS:NAME": "可用此命令生成：openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=NAME -addext subjectAltName=DNS:NAME",
	"the private key cannot be read":                                         "无法读取私钥",
	"the private key is encrypted":                                           "私钥已加密",
	"the file is empty":                                                      "文件为空",
	"there is no private key in it":                                          "其中没有私钥",
	"there is neither a certificate nor a key in it":                         "其中既没有证书也没有私钥",
	"bring the certificate in PEM or DER":                                    "请提供 PEM 或 DER 格式的证书",
	"bring the key in PEM":                                                   "请提供 PEM 格式的私钥",
	"add the certificate file":                                               "请添加证书文件",
	"there are several different private keys":                               "有多个不同的私钥",
	"leave only the key of this certificate":                                 "请只保留该证书的私钥",
	"every certificate is a CA or has issued another, so none is a server's": "所有证书都是 CA 证书或签发过其他证书，没有服务器证书",
	"add the server's own certificate, or its key":                           "请添加服务器证书或其私钥",
	"there are %d server certificates, the first of %s and of %s":            "有 {1} 张服务器证书，前两张为 {2:say} 与 {3:say}",
	"upload each with its own chain and key":                                 "请分别上传，各带证书链与私钥",
	"%s is signed with %s, which no client accepts any more":                 "{1:say} 使用 {2} 签名，客户端已不再接受",
	"have it issued again with SHA-256":                                      "请使用 SHA-256 重新签发",
	"the key of %s is too weak: %v":                                          "{1:say} 的密钥强度不足：{2:say}",
	"the files have more than 1 MB in all":                                   "文件总大小超过 1 MB",
	"upload only the certificate, its chain and its key":                     "请只上传证书、证书链与私钥",
	"the files have more than 32 certificates in all":                        "文件中的证书总数超过 32 张",

	"there is no certificate yet":                                  "尚无证书",
	"download it once it is issued":                                "签发后可下载",
	"this certificate has no intermediates":                        "该证书没有中间证书",
	"download it as pem":                                           "请以 pem 格式下载",
	"the root of this certificate is not known":                    "该证书的根证书未知",
	"get it from the CA that issued the certificate":               "请向签发该证书的 CA 获取",
	"the signing request asks for e-mail addresses or URIs":        "证书请求中包含邮箱或 URI",
	"ask for host names only":                                      "请只请求主机名",
	"the signing request is not for the names applied for: ":       "证书请求中的域名与申请不一致：{1}",
	"make a request with exactly these names, or change the names": "请按这些域名重新生成证书请求，或修改域名",
	"find the key that was made for this certificate's request, or upload without a key and add it later": "请找到为该证书请求生成的私钥，或先不带私钥上传，之后再添加",
}, chineseEngine, chineseFiles)}
