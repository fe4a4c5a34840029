package store

import (
	"time"

	"certquay/model"
)

type user struct {
	ID         model.ID   `cbor:"1,keyasint,omitzero"`
	Name       string     `cbor:"2,keyasint,omitzero"`
	Role       model.Role `cbor:"3,keyasint,omitzero"`
	Keys       []userKey  `cbor:"4,keyasint,omitzero"`
	Principals []string   `cbor:"5,keyasint,omitzero"`
	Disabled   time.Time  `cbor:"6,keyasint,omitzero"`
	Added      time.Time  `cbor:"7,keyasint,omitzero"`
	By         string     `cbor:"8,keyasint,omitzero"`
}

type userKey struct {
	Fingerprint string    `cbor:"1,keyasint,omitzero"`
	Line        string    `cbor:"2,keyasint,omitzero"`
	Comment     string    `cbor:"3,keyasint,omitzero"`
	Added       time.Time `cbor:"4,keyasint,omitzero"`
	By          string    `cbor:"5,keyasint,omitzero"`
}

func userToWire(u *model.User) user {
	keys := each(u.Keys, func(k model.UserKey) userKey { return userKey(k) })
	return user{u.ID, u.Name, u.Role, keys, u.Principals, u.Disabled, u.Added, u.By}
}

func userFromWire(u user) model.User {
	keys := each(u.Keys, func(k userKey) model.UserKey { return model.UserKey(k) })
	return model.User{
		ID: u.ID, Name: u.Name, Role: u.Role, Keys: keys, Principals: u.Principals, Disabled: u.Disabled, Added: u.Added, By: u.By,
	}
}

type waitingRequest struct {
	ID       model.ID   `cbor:"1,keyasint,omitzero"`
	Action   string     `cbor:"2,keyasint,omitzero"`
	Instance model.ID   `cbor:"3,keyasint,omitzero"`
	Name     string     `cbor:"4,keyasint,omitzero"`
	Data     []byte     `cbor:"5,keyasint,omitzero"`
	Text     model.Text `cbor:"6,keyasint,omitzero"`
	At       time.Time  `cbor:"7,keyasint,omitzero"`
	By       person     `cbor:"8,keyasint,omitzero"`
	Until    time.Time  `cbor:"9,keyasint,omitzero"`
	Done     time.Time  `cbor:"10,keyasint,omitzero"`
	Outcome  string     `cbor:"11,keyasint,omitzero"`
	Decided  person     `cbor:"12,keyasint,omitzero"`
}

type person struct {
	Name string     `cbor:"1,keyasint,omitzero"`
	Role model.Role `cbor:"2,keyasint,omitzero"`
	Via  string     `cbor:"3,keyasint,omitzero"`
	Key  string     `cbor:"4,keyasint,omitzero"`
}

func requestToWire(r *model.Request) waitingRequest {
	return waitingRequest{
		r.ID, r.Action, r.Instance, r.Name, r.Data, r.Text, r.At, person(r.By), r.Until, r.Done, r.Outcome, person(r.Decided),
	}
}

func requestFromWire(r waitingRequest) model.Request {
	return model.Request{
		ID: r.ID, Action: r.Action, Instance: r.Instance, Name: r.Name, Data: r.Data, Text: r.Text, At: r.At,
		By: model.Person(r.By), Until: r.Until, Done: r.Done, Outcome: r.Outcome, Decided: model.Person(r.Decided),
	}
}
