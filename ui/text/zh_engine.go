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

	// What was typed.

	// Issuing.

	// The embedded CA.

	// What certquay itself needs a person for.

	// Deploying.

	// Chats.

	// What is set aside.

	// Telling.

	"the channel is no more": "该通知渠道已不存在",

	// What could not be read or kept.

	// The store.

}
