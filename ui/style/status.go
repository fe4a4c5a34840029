package style

// Status is how a label, a resource's state or a result is drawn: status is
// never told by colour alone, so each has a glyph beside its word.
type Status struct {
	Glyph string
	Tone  Tone
}

// statuses is keyed by the words that the model and the engine use as labels.
var statuses = map[string]Status{
	"paid":        {"◇", Plain},
	"verifying":   {"◔", Work},
	"issued":      {"●", Good},
	"uploaded":    {"●", Good},
	"hosted":      {"●", Good},
	"auto-deploy": {"●", Good},
	"expiring":    {"▲", Soon},
	"expired":     {"✕", Bad},
	"failing":     {"✕", Bad},
	"revoked":     {"⊗", Ended},
	"refunded":    {"⊗", Ended},
	"closed":      {"⊗", Ended},
	"ended":       {"⊗", Ended},
	"deployed":    {"●", Good},
	"deploying":   {"◔", Work},
	"failed":      {"✕", Bad},
	"waiting":     {"◔", Work},
	"outdated":    {"▲", Soon},
	"drifted":     {"▲", Soon},
	"none":        {"◇", Muted},
	"ok":          {"●", Good},
	"begun":       {"◔", Work},
	"refused":     {"⊗", Soon},
	"wrong-name":  {"✕", Bad}, "incomplete-chain": {"✕", Bad}, "untrusted": {"✕", Bad}, "self-signed": {"▲", Soon},
	"unreachable": {"✕", Bad}, "unreadable": {"✕", Bad}, "not-yet-valid": {"▲", Soon},
	"service-ended": {"▲", Soon},
}

// Of is the status of a word; an unknown one gets a neutral glyph.
func Of(word string) Status {
	if s, ok := statuses[word]; ok {
		return s
	}
	return Status{"·", Muted}
}
