// Package lifecycle is the core of certquay: the engine that carries out what the
// transition table of package rules allows, the scheduler, and the ports the engine
// needs. It knows no database, no terminal and no product.
package lifecycle

import _ "embed"

// RulesPage is RULES.md, which defines the rules that messages name by id.
//
//go:embed RULES.md
var RulesPage string
