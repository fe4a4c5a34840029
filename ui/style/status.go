package style

// Status is the appearance of a label, a resource's state or a result. Each has a glyph
// beside its word, so that colour alone never tells a status.
type Status struct {
	Glyph string
	Tone  Tone
}

// statuses is keyed by the labels of the model and the engine.
var statuses = map[string]Status{
	"paid":        {"◇", Normal},
	"verifying":   {"◔", Busy},
	"issued":      {"●", Good},
	"uploaded":    {"●", Good},
	"hosted":      {"●", Good},
	"auto-deploy": {"●", Good},
	"expiring":    {"▲", Warn},
	"expired":     {"✕", Bad},
	"failing":     {"✕", Bad},
	"revoked":     {"⊗", Inactive},
	"refunded":    {"⊗", Inactive},
	"replaced":    {"⊗", Inactive},
	"closed":      {"⊗", Inactive},
	"ended":       {"⊗", Inactive},
	"deployed":    {"●", Good},
	"deploying":   {"◔", Busy},
	"failed":      {"✕", Bad},
	"waiting":     {"◔", Busy},
	"outdated":    {"▲", Warn},
	"drifted":     {"▲", Warn},
	"none":        {"◇", Muted},
	"ok":          {"●", Good},
	"begun":       {"◔", Busy},
	"refused":     {"⊗", Warn},
	"wrong-name":  {"✕", Bad}, "incomplete-chain": {"✕", Bad}, "untrusted": {"✕", Bad}, "self-signed": {"▲", Warn},
	"unreachable": {"✕", Bad}, "unreadable": {"✕", Bad}, "not-yet-valid": {"▲", Warn},
	"service-ended": {"▲", Warn},
}

// StatusOf returns the appearance of a label; an unknown one gets a neutral glyph.
func StatusOf(word string) Status {
	if s, ok := statuses[word]; ok {
		return s
	}
	return Status{"·", Muted}
}

// StatusOfServer returns the appearance of what a server presents: a revoked certificate is
// bad there, while a certificate that has been revoked is history.
func StatusOfServer(state string) Status {
	if state == "revoked" {
		return statuses["expired"]
	}
	return StatusOf(state)
}
