package lifecycle

import _ "embed"

// RulesPage is RULES.md, which defines the rules that messages name by id.
//
//go:embed RULES.md
var RulesPage string
