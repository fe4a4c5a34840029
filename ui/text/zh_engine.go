package text

// chineseEngine are what the engine says of what was done and of what went
// wrong, in Chinese. See [phrases].
var chineseEngine = map[string]string{
	// Details of the activity.
	"approved": "已通过",
	"rejected": "已驳回", "replaced": "已被取代", "withdrawn": "已撤回", "dismissed": "已忽略", "retried": "已重试", "seen": "已检测到",
	"proof of control awaited": "等待域名验证",

	"%s and more": "{1} 等",

	// What is watched.

	"connect to %q: %w":                "连接 {1}：{2:say}",
	"TLS handshake with %q for %q: %w": "与 {1} 进行 TLS 握手（{2}）：{3:server}",

	// What was typed.
	"no names": "无域名",

	"%q is no reason; there are %s": "“{1}”不是吊销原因；可用：{2}",

	// Issuing.

	// The embedded CA.
	"the certificate %s of the embedded CA is damaged: %w":             "内置 CA 的证书 {1} 已损坏：{2:say}",
	"the embedded CA cannot sign: %w":                                  "内置 CA 无法签发：{1:say}",
	"the embedded CA has no such CA":                                   "内置 CA 没有该 CA 证书",
	"the key %s of the embedded CA: %w":                                "内置 CA 的私钥 {1}：{2:say}",
	"the key %s of the embedded CA cannot be used: %w":                 "无法使用内置 CA 的私钥 {1}：{2:say}",
	"the key %s of the embedded CA does not belong to its certificate": "内置 CA 的私钥 {1} 与其证书不匹配",
	"the CA signs only for these domains and what is below them: %s":   "该 CA 只签发以下域名及其子域名：{1}",

	// What certquay itself needs a person for.

	"the CRL changes too fast; try again":                                    "CRL 变更过快；请重试",
	"the embedded CA cannot sign its CRL: %w":                                "内置 CA 无法签署 CRL：{1:say}",
	"%q is outside the name constraints of the embedded CA, which permit %s": "“{1}”不在内置 CA 允许的域名范围内：{2}",
	"the certificate is issued already and can only be revoked":              "证书已签发，只能吊销",
	"the embedded CA cannot keep the order: %w":                              "内置 CA 无法保存订单：{1:say}",
	"the embedded CA cannot read an order: %w":                               "内置 CA 无法读取订单：{1:say}",
	"the embedded CA does not offer level %s, it offers %v":                  "内置 CA 不提供级别 {1}，可用：{2}",
	"the embedded CA does not sign this key: %w":                             "内置 CA 不签发该密钥：{1:say}",
	"the end asked for, %s, has passed":                                      "请求的到期时间 {1} 已过",

	"the certificate would end on %s, before it begins": "证书将于 {1} 到期，早于其生效时间",
	"the embedded CA cannot keep the certificate: %w":   "内置 CA 无法保存证书：{1:say}",
	"the order does not belong to this attempt: %w":     "订单不属于此次尝试：{1:say}",
	"the random serial number is taken; try again":      "随机序列号已被占用；请重试",
	"there is no such order":                            "没有该订单",
	"%s answers %s":                                     "{1} 返回 {2}",
	"%s holds something else":                           "{1} 的内容不符",
	"asking for %s: %w":                                 "请求 {1}：{2:server}",
	"looking for %s: %w":                                "查询 {1}：{2:server}",
	"reading %s: %w":                                    "读取 {1}：{2:server}",
	"control of %s cannot be proved by a file; wildcards need DNS records":                               "{1} 不能用文件验证；通配符须使用 DNS 记录",
	"control of the address %s cannot be proved by a DNS record; the embedded CA is configured for that": "地址 {1} 不能用 DNS 记录验证，而内置 CA 配置为 DNS 验证",
	"too many redirects": "重定向过多",
	"%w: serial %s":      "{1:say}：序列号 {2}",
	"certquay revokes for good; a hold could be lifted again":                 "certquay 只做永久吊销；而“挂起”可以解除",
	"it is for attribute authorities; for a server's key it is keyCompromise": "该原因用于属性机构；服务器私钥请选 keyCompromise",
	"it is for certificates of CAs; for a server's key it is keyCompromise":   "该原因用于 CA 证书；服务器私钥请选 keyCompromise",
	"it lifts a hold, and there are no holds":                                 "该原因用于解除挂起，而此处没有挂起",
	"the embedded CA did not issue this certificate":                          "该证书不是由内置 CA 签发",
	"the reason %s is not accepted: %s":                                       "不接受原因“{1:reason}”：{2:say}",

	// Deploying.

	"%s has no region %q, it has %s: %w":                              "{1} 没有地域“{2}”，可用：{3}（{4:say}）",
	"%s has no resource %w: %w":                                       "{1} 没有该域名/监听：{2:say}（{3:say}）",
	"%s presents certificates for hosts; name one that %q covers: %w": "{1} 按主机名使用证书；请指定“{2}”所覆盖的一个主机名（{3:say}）",
	"the edge refuses the certificate: %s":                            "云产品拒绝该证书：{1:say}",
	"there is none":                                                   "没有证书",
	"it cannot be read":                                               "证书无法读取",
	"it is not for %q":                                                "不是“{1}”的证书",
	"its fingerprint is %s, not %q":                                   "指纹为 {1}，而非“{2}”",
	"the key does not belong to it":                                   "私钥与证书不匹配",
	"%s in %s presents a certificate for the address %s already, and handshakes for addresses name none; undeploy that one or take another region": "{1}（{2}）已在使用地址 {3} 的证书，而对地址的握手不指明名称；请撤下该证书或选择其他地域",
	"%s is closed": "{1} 已关闭",
	"%s, the address of %s in %s, is taken by another program: find it with \"ss -ltnp 'sport = :%s'\", stop it, and deploy or verify again: %w": "{1}（{2} 在 {3} 的地址）被其他程序占用：请用 ss -ltnp 'sport = :{4}' 查找并停止该程序，再部署或检测：{5:say}",
	"%s, the address of %s in %s, is taken by %s: stop it, and deploy or verify again: %w":                                                       "{1}（{2} 在 {3} 的地址）被{4}占用：请停止该程序，再部署或检测：{5:say}",

	// Chats.
	"this program sends to no chats":           "本程序不发送聊天消息",
	"%s takes no %s":                           "{1} 不支持 {2}",
	"it was not delivered: the service got %s": "未送达：服务收到{1:say}",
	"no answer":                                        "无应答",
	"the answer %s":                                    "应答 {1}",
	"nothing was sent":                                 "未发送任何内容",
	"the process that sends died: %s":                  "发送进程异常退出：{1}",
	"the message could not be sent: %w":                "无法发送消息：{1:say}",
	"the service did not take it, and did not say why": "服务未接收，且未说明原因",

	// What is set aside.

	"keep the address of %s in %s: %w":        "保存 {1} 在 {2} 的地址：{3:say}",
	"listen for %s in %s: %w":                 "{1} 在 {2} 监听：{3:say}",
	"the kept address of %s in %s is damaged": "所保存的 {1} 在 {2} 的地址已损坏",

	// Telling.

	"the channel is no more":      "该通知渠道已不存在",
	"it does not answer: %w":      "无应答：{1:say}",
	"it has no scheme":            "缺少协议",
	"it is no URL":                "不是 URL",
	"it is not an e-mail address": "不是邮箱地址",
	"it names no host":            "未指明主机",
	"it names no host or no user": "未指明主机或用户",
	"mail goes to the contact's e-mail address, by the server under notify.smtp":      "邮件经 notify.smtp 所配置的服务器发送至联系人的邮箱",
	"no service understands it; there are http, https, %s":                            "没有支持它的服务；可用：http、https、{1}",
	"too many of its kind do not answer":                                              "同类渠道中无应答的过多",
	"notify.smtp.from: %w":                                                            "notify.smtp.from：{1:say}",
	"the mail server's password: %w":                                                  "邮件服务器密码：{1:say}",
	"the file of the mail server's password may be read by others (%v); chmod 600 %s": "邮件服务器密码文件可被他人读取（{1}）；请执行 chmod 600 {2}",
	"the webhook answered %s: %s":                                                     "Webhook 返回 {1}：{2}",

	// What could not be read or kept.

	"encode the public key: %w": "编码公钥：{1:say}", "make a key: %w": "生成私钥：{1:say}",

	"make a stand-in: %w": "准备推演：{1:say}", "copy the records: %w": "复制记录：{1:say}",

	// The store.

	"the mail server's password: %s is no regular file": "邮件服务器的密码：{1} 不是普通文件",
}
