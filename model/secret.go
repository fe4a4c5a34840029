package model

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Secret is key material or a password. Printing, formatting, logging or
// marshalling one never shows it; only [Secret.Reveal] does. Stores keep
// secrets sealed.
type Secret struct{ b []byte }

// NewSecret wraps b, which the caller must not use afterwards.
func NewSecret(b []byte) Secret { return Secret{b} }

// Reveal returns the bytes themselves, not a copy: do not keep or change them.
func (s Secret) Reveal() []byte { return s.b }

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return len(s.b) == 0 }

// String redacts.
func (s Secret) String() string { return redacted }

// GoString redacts.
func (s Secret) GoString() string { return redacted }

// Format redacts under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON redacts.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText redacts.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
