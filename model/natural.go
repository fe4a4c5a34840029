package model

import (
	"bytes"
	"strings"
)

// AppendNaturalKey appends at most n bytes of the key by which a name sorts as people
// read it: host2 before host10, ignoring case. Each number is preceded by how many
// digits it has, without leading zeros. The key of a name without zero bytes has none.
func AppendNaturalKey(key, normalized []byte, n int) []byte {
	limit := len(key) + n
	for at := 0; at < len(normalized) && len(key) < limit; {
		if !isDigit(normalized[at]) {
			key = append(key, normalized[at])
			at++
			continue
		}
		end := at
		for end < len(normalized) && isDigit(normalized[end]) {
			end++
		}
		digits := bytes.TrimLeft(normalized[at:end], "0")
		key = append(key, '0'+byte(min(len(digits), 9)))
		if len(digits) > 9 {
			key = append(key, byte(min(len(digits), 255)))
		}
		key = append(key, digits...)
		at = end
	}
	return key[:min(len(key), limit)]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// NaturalKey returns the whole key of [AppendNaturalKey] for a name in any case.
func NaturalKey(name string) string {
	normalized := []byte(NormalizeName(name))
	return string(AppendNaturalKey(nil, normalized, 3*len(normalized)))
}

// CompareNatural compares two names by their natural keys.
func CompareNatural(a, b string) int { return strings.Compare(NaturalKey(a), NaturalKey(b)) }
