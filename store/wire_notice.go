package store

import (
	"time"

	"certquay/model"
)

type notice struct {
	ID       model.ID         `cbor:"1,keyasint,omitzero"`
	Kind     model.NoticeKind `cbor:"2,keyasint,omitzero"`
	At       time.Time        `cbor:"3,keyasint,omitzero"`
	Instance model.ID         `cbor:"4,keyasint,omitzero"`
	Resource model.ID         `cbor:"5,keyasint,omitzero"`
	Watch    model.ID         `cbor:"6,keyasint,omitzero"`
	Name     string           `cbor:"7,keyasint,omitzero"`
	Contact  model.ID         `cbor:"8,keyasint,omitzero"`
	Channel  string           `cbor:"9,keyasint,omitzero"`
	To       string           `cbor:"10,keyasint,omitzero"`
	Subject  string           `cbor:"11,keyasint,omitzero"`
	Text     string           `cbor:"12,keyasint,omitzero"`
	Attempt  int              `cbor:"13,keyasint,omitzero"`
	Next     time.Time        `cbor:"14,keyasint,omitzero"`
	Error    model.Text       `cbor:"15,keyasint,omitzero"`
	Done     time.Time        `cbor:"16,keyasint,omitzero"`
	Outcome  string           `cbor:"17,keyasint,omitzero"`
	Crashes  int              `cbor:"18,keyasint,omitzero"`
}

type channel struct {
	Contact model.ID `cbor:"1,keyasint,omitzero"`
	Number  int      `cbor:"2,keyasint,omitzero"`
	URL     []byte   `cbor:"3,keyasint,omitzero"` // sealed
}

type watch struct {
	ID          model.ID   `cbor:"1,keyasint,omitzero"`
	Address     string     `cbor:"2,keyasint,omitzero"`
	Name        string     `cbor:"3,keyasint,omitzero"`
	Contact     model.ID   `cbor:"4,keyasint,omitzero"`
	Created     time.Time  `cbor:"5,keyasint,omitzero"`
	Next        time.Time  `cbor:"6,keyasint,omitzero"`
	ProbedAt    time.Time  `cbor:"7,keyasint,omitzero"`
	AnsweredAt  time.Time  `cbor:"8,keyasint,omitzero"`
	Since       time.Time  `cbor:"9,keyasint,omitzero"`
	Failures    int        `cbor:"10,keyasint,omitzero"`
	Error       model.Text `cbor:"11,keyasint,omitzero"`
	Problems    []string   `cbor:"12,keyasint,omitzero"`
	Detail      model.Text `cbor:"13,keyasint,omitzero"`
	Fingerprint string     `cbor:"14,keyasint,omitzero"`
	Subject     string     `cbor:"15,keyasint,omitzero"`
	Issuer      string     `cbor:"16,keyasint,omitzero"`
	NotAfter    time.Time  `cbor:"17,keyasint,omitzero"`
}
