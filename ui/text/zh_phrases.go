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

	// What is watched.

	// Files.

}, chineseEngine, chineseFiles)}
