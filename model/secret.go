package model

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Secret is key material or a password. It never appears when printed, formatted,
// logged or marshalled; only [Secret.Reveal] returns it. Stores keep secrets encrypted.
type Secret struct{ b []byte }

// NewSecret wraps b. The caller must not use b afterwards.
func NewSecret(b []byte) Secret { return Secret{b} }

// Reveal returns the bytes themselves, not a copy. The caller must not keep or change
// them.
func (s Secret) Reveal() []byte { return s.b }

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return len(s.b) == 0 }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// Format writes a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON returns a placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
