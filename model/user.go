package model

import (
	"slices"
	"strings"
	"time"
)

// User is a person who logs in over network SSH, by a public key or by an OpenSSH
// certificate of a configured CA (spec G1).
type User struct {
	ID         ID
	Name       string // unique without regard to case
	Role       Role
	Keys       []UserKey
	Principals []string  // names in certificates that mean this user
	Disabled   time.Time // since when nobody logs in as this user; zero if enabled
	Added      time.Time
	By         string // who added it
}

// UserKey is a public key of a [User]. No two users have the same one.
type UserKey struct {
	Fingerprint string // SHA-256, as ssh-keygen -l shows it
	Line        string // the key as in authorized_keys, without options and comment
	Comment     string
	Added       time.Time
	By          string
}

// RecordKind is "user".
func (*User) RecordKind() Kind { return KindUser }

// RecordKey is the ID.
func (u *User) RecordKey() string { return string(u.ID) }

// Indexes returns the name, the fingerprint of each key and each principal.
func (u *User) Indexes() []Index {
	all := []Index{{Name: "name", Key: NormalizeName(u.Name)}}
	for _, k := range u.Keys {
		all = append(all, Index{Name: "key", Key: k.Fingerprint})
	}
	for _, p := range u.Principals {
		all = append(all, Index{Name: "principal", Key: p})
	}
	return all
}

// Enabled reports whether the user may log in.
func (u *User) Enabled() bool { return u.Disabled.IsZero() }

// Key returns the position of the key with a fingerprint, which may be shortened to its
// beginning with or without "SHA256:", or with a comment; -1 if there is none or several
// match.
func (u *User) Key(typed string) int {
	at := -1
	for n, k := range u.Keys {
		if k.Fingerprint == typed {
			return n
		}
		bare := strings.TrimPrefix(k.Fingerprint, "SHA256:")
		short := len(typed) >= MinTail && (strings.HasPrefix(k.Fingerprint, typed) && len(typed) >= len("SHA256:")+MinTail ||
			strings.HasPrefix(bare, typed))
		if !short && (typed == "" || k.Comment != typed) {
			continue
		}
		if at >= 0 {
			return -1
		}
		at = n
	}
	return at
}

// Roles lists the roles a person can have, in rising order.
var Roles = []Role{Viewer, Operator, Reviewer, Admin, Owner}

// RoleNames lists the names of [Roles].
func RoleNames() (names []string) {
	for _, r := range Roles {
		names = append(names, r.String())
	}
	return names
}

// RoleNamed returns the role with a name; [NoRole] if there is none.
func RoleNamed(name string) Role {
	n := slices.IndexFunc(Roles, func(r Role) bool { return r.String() == name })
	if n < 0 {
		return NoRole
	}
	return Roles[n]
}
