package text

import (
	"maps"
	"slices"
	"strings"
)

// Words are other words by which people look for an action, by its ID, in every
// language there is.
func Words(id string) []string { return strings.Fields(words[id]) }

// words are found by the palette beside what actions are called. Those of all
// languages stand together, since a person may type in any.
var words = map[string]string{
	"tasks":        "task todo to-do install notice prove person attention 任务 待办 安装 提醒",
	"upload":       "upload existing pem 上传",
	"apply":        "request csr issue order 签发",
	"close":        "cancel refund end revocation compromised 退款 取消",
	"deploy":       "install publish bind cdn 安装 绑定",
	"undeploy":     "uninstall unbind remove 卸载 解绑",
	"verify":       "check test handshake presented 检查 握手",
	"auto-deploy":  "automatic renewal credit 自动 次数",
	"download":     "export nginx apache tomcat pem pfx 导出 下载",
	"renew":        "extend prolong again 延长",
	"reissue":      "rotate new-key again 轮换",
	"host":         "automatic renewal autorenew expiring 自动续期",
	"delete":       "remove destroy purge 移除",
	"buy":          "order purchase packs credits 订购",
	"contact":      "notice notify recipient e-mail mail phone 通知 联系人",
	"contacts":     "notice notify recipient people remove 通知",
	"explain":      "why reason status 原因",
	"undo":         "back revert 恢复",
	"panel":        "expired expiring failing state hosted deployed uploaded 过期 到期 异常 状态",
	"filter":       "search find name domain serial 搜索",
	"costs":        "money price spent balance ledger invoice 费用 余额 账单",
	"sort-expiry":  "soonest 最早",
	"sort-due":     "renew upcoming 续期",
	"tab-activity": "log history audit events notice 日志 历史 通知",
	"tab-hosting":  "renew renewals automatic 续期",
	"tab-forecast": "future months 将来",
	"watch-add":    "monitor server host 监控",
	"quit":         "exit leave close 离开",
}

// Others lists the actions that have other words.
func Others() []string { return slices.Sorted(maps.Keys(words)) }
