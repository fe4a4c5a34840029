package text

// leads set off what others have said, which stays in their words.
var leads = map[string]map[string]string{"zh": {
	"ca": "CA 回复：", "server": "服务器回复：", "receiver": "接收方回复：",
}}

// or stands between alternatives.
var or = map[string]string{"zh": " 或 "}

// foreign are sentences of the Go library and of the system by language, as
// they stand in what the engine has stored.
var foreign = map[string]map[string]string{"zh": {
	// Networks.
	"dial tcp %s: %s":                      "{2:say}，地址 {1}",
	"dial tcp: %s":                         "{1:say}",
	"dial unix %s: %s":                     "{2:say}，地址 {1}",
	"lookup %s on %s: %s":                  "解析 {1}（DNS 服务器 {2}）：{3:say}",
	"lookup %s: %s":                        "解析 {1}：{2:say}",
	"read tcp %s->%s: %s":                  "读取 {2}（自 {1}）：{3:say}",
	"write tcp %s->%s: %s":                 "写入 {2}（自 {1}）：{3:say}",
	"read udp %s->%s: %s":                  "读取 {2}（自 {1}）：{3:say}",
	"listen tcp %s: %s":                    "监听 {1}：{2:say}",
	"connect: %s":                          "{1:say}",
	"bind: %s":                             "{1:say}",
	"read: %s":                             "{1:say}",
	"write: %s":                            "{1:say}",
	"Get %q: %s":                           "请求 {1}：{2:server}",
	"Post %q: %s":                          "请求 {1}：{2:server}",
	"no such host":                         "找不到该主机",
	"server misbehaving":                   "DNS 服务器异常",
	"Temporary failure in name resolution": "暂时无法解析域名",
	"connection refused":                   "连接被拒绝",
	"connection reset by peer":             "连接被对方重置",
	"connection timed out":                 "连接超时",
	"i/o timeout":                          "超时",
	"network is unreachable":               "网络不可达",
	"no route to host":                     "没有到达主机的路由",
	"broken pipe":                          "连接已断开",
	"address already in use":               "地址已被占用",
	"cannot assign requested address":      "无法使用该地址",
	"use of closed network connection":     "连接已关闭",
	"missing port in address":              "地址缺少端口",
	"address %s: %s":                       "地址 {1}：{2:say}",
	"EOF":                                  "对方关闭了连接",
	"unexpected EOF":                       "连接中途断开",
	"context deadline exceeded":            "超时",
	"context deadline exceeded: %s":        "超时：{1:say}",
	"context deadline exceeded (Client.Timeout exceeded while awaiting headers)": "超时：等待响应",
	"context canceled":       "已取消",
	"context canceled: %s":   "已取消：{1:say}",
	"operation was canceled": "已取消",

	// TLS.
	"remote error: tls: %s":                                        "对方拒绝握手：{1:say}",
	"local error: tls: %s":                                         "握手失败：{1:say}",
	"tls: first record does not look like a TLS handshake":         "对方未使用 TLS",
	"tls: failed to verify certificate: %s":                        "证书校验未通过：{1:say}",
	"tls: server selected unsupported protocol version %s":         "服务器选用了不支持的 TLS 版本 {1}",
	"tls: no supported versions satisfy MinVersion and MaxVersion": "没有可用的 TLS 版本",
	"handshake failure":                                            "握手失败",
	"bad certificate":                                              "证书无效",
	"unsupported certificate":                                      "不支持该证书",
	"revoked certificate":                                          "证书已吊销",
	"expired certificate":                                          "证书已过期",
	"unknown certificate":                                          "未知证书",
	"unknown certificate authority":                                "未知的 CA",
	"certificate required":                                         "需要客户端证书",
	"unrecognized name":                                            "不识别该名称",
	"protocol version not supported":                               "不支持该 TLS 版本",
	"insufficient security level":                                  "安全级别不足",
	"no application protocol":                                      "没有共同的应用协议",
	"access denied":                                                "拒绝访问",
	"internal error":                                               "内部错误",
	"illegal parameter":                                            "参数无效",
	"error decrypting message":                                     "解密失败",
	"user canceled":                                                "已取消",

	// Certificates.
	"x509: certificate signed by unknown authority":                          "证书由未知的 CA 签名，不受信任",
	"x509: certificate signed by unknown authority (%s)":                     "证书由未知的 CA 签名，不受信任（{1}）",
	"x509: certificate is valid for %s, not %s":                              "证书用于 {1}，不覆盖 {2}",
	"x509: certificate is not valid for any names, but wanted to match %s":   "证书不含任何域名，不覆盖 {1}",
	"x509: certificate has expired or is not yet valid: %s":                  "证书已过期或尚未生效：{1:say}",
	"current time %s is after %s":                                            "当前时间 {1} 晚于 {2}",
	"current time %s is before %s":                                           "当前时间 {1} 早于 {2}",
	"x509: certificate is not authorized to sign other certificates":         "该证书无权签发其他证书",
	"x509: certificate specifies an incompatible key usage":                  "证书的密钥用途不符",
	"x509: certificate relies on legacy Common Name field, use SANs instead": "证书只有 Common Name，没有 SAN",
	"x509: malformed %s":                                                     "证书格式错误（{1}）",
	"x509: malformed certificate":                                            "证书格式错误",

	// Files.
	"open %s: %s": "打开 {1}：{2:say}", "read %s: %s": "读取 {1}：{2:say}", "write %s: %s": "写入 {1}：{2:say}", "stat %s: %s": "查看 {1}：{2:say}", "lstat %s: %s": "查看 {1}：{2:say}",
	"mkdir %s: %s": "创建目录 {1}：{2:say}", "remove %s: %s": "删除 {1}：{2:say}", "rename %s %s: %s": "将 {1} 改名为 {2}：{3:say}", "sync %s: %s": "写入 {1}：{2:say}", "close %s: %s": "关闭 {1}：{2:say}",
	"no such file or directory": "文件不存在", "file does not exist": "文件不存在", "file already exists": "文件已存在", "file exists": "文件已存在",
	"permission denied": "权限不足", "operation not permitted": "不允许该操作", "is a directory": "是目录", "not a directory": "不是目录",
	"no space left on device": "磁盘空间不足", "disk quota exceeded": "超出磁盘配额", "read-only file system": "文件系统为只读", "file name too long": "文件名过长",
	"too many open files": "打开的文件过多", "input/output error": "读写错误", "file too large": "文件过大", "device or resource busy": "设备忙", "text file busy": "文件正在使用",
	"too many levels of symbolic links": "符号链接层数过多", "invalid argument": "参数无效",
}}
