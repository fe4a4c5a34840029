package store

import (
	"time"

	"certquay/model"
)

type rollout struct {
	ID       model.ID      `cbor:"1,keyasint,omitzero"`
	Instance model.ID      `cbor:"2,keyasint,omitzero"`
	Version  int           `cbor:"3,keyasint,omitzero"`
	Total    int           `cbor:"4,keyasint,omitzero"`
	First    int           `cbor:"5,keyasint,omitzero"`
	Batch    int           `cbor:"6,keyasint,omitzero"`
	Pause    time.Duration `cbor:"7,keyasint,omitzero"`
	Wave     int           `cbor:"8,keyasint,omitzero"`
	Stopped  model.Text    `cbor:"9,keyasint,omitzero"`
	Created  time.Time     `cbor:"10,keyasint,omitzero"`
}

type receipt struct {
	Job      model.ID   `cbor:"1,keyasint,omitzero"`
	Resource model.ID   `cbor:"2,keyasint,omitzero"`
	Instance model.ID   `cbor:"3,keyasint,omitzero"`
	Product  string     `cbor:"4,keyasint,omitzero"`
	Region   string     `cbor:"5,keyasint,omitzero"`
	Name     string     `cbor:"6,keyasint,omitzero"`
	Version  int        `cbor:"7,keyasint,omitzero"`
	Wave     int        `cbor:"8,keyasint,omitzero"`
	Waves    int        `cbor:"9,keyasint,omitzero"`
	Actor    string     `cbor:"10,keyasint,omitzero"`
	Via      string     `cbor:"11,keyasint,omitzero"`
	Cause    string     `cbor:"12,keyasint,omitzero"`
	Began    time.Time  `cbor:"13,keyasint,omitzero"`
	Ended    time.Time  `cbor:"14,keyasint,omitzero"`
	Changes  []change   `cbor:"15,keyasint,omitempty"`
	Before   string     `cbor:"16,keyasint,omitzero"`
	After    string     `cbor:"17,keyasint,omitzero"`
	Address  string     `cbor:"18,keyasint,omitzero"`
	ReadBack bool       `cbor:"19,keyasint,omitzero"`
	Seen     []seenAt   `cbor:"20,keyasint,omitempty"`
	Result   string     `cbor:"21,keyasint,omitzero"`
	Reason   model.Text `cbor:"22,keyasint,omitzero"`
	Removed  []removal  `cbor:"23,keyasint,omitempty"`
}

type removal struct {
	At          time.Time  `cbor:"1,keyasint,omitzero"`
	Fingerprint string     `cbor:"2,keyasint,omitzero"`
	Proof       model.Text `cbor:"3,keyasint,omitzero"`
}

type change struct {
	Kind    string `cbor:"1,keyasint,omitzero"`
	Subject string `cbor:"2,keyasint,omitzero"`
	Before  string `cbor:"3,keyasint,omitzero"`
	After   string `cbor:"4,keyasint,omitzero"`
}

func receiptToWire(r *model.Receipt) receipt {
	return receipt{
		Job: r.Job, Resource: r.Resource, Instance: r.Instance, Product: r.Product, Region: r.Region, Name: r.Name,
		Version: r.Version, Wave: r.Wave, Waves: r.Waves, Actor: r.Actor, Via: r.Via, Cause: r.Cause, Began: r.Began, Ended: r.Ended,
		Changes: each(r.Changes, func(c model.PlannedChange) change { return change(c) }),
		Before:  r.Before, After: r.After, Address: r.Address, ReadBack: r.ReadBack,
		Seen:   each(r.Seen, func(s model.SeenAt) seenAt { return seenAt(s) }),
		Result: r.Result, Reason: r.Reason,
		Removed: each(r.Removed, func(x model.Removal) removal { return removal(x) }),
	}
}

func receiptFromWire(r receipt) model.Receipt {
	return model.Receipt{
		Job: r.Job, Resource: r.Resource, Instance: r.Instance, Product: r.Product, Region: r.Region, Name: r.Name,
		Version: r.Version, Wave: r.Wave, Waves: r.Waves, Actor: r.Actor, Via: r.Via, Cause: r.Cause, Began: r.Began, Ended: r.Ended,
		Changes: each(r.Changes, func(c change) model.PlannedChange { return model.PlannedChange(c) }),
		Before:  r.Before, After: r.After, Address: r.Address, ReadBack: r.ReadBack,
		Seen:   each(r.Seen, func(s seenAt) model.SeenAt { return model.SeenAt(s) }),
		Result: r.Result, Reason: r.Reason,
		Removed: each(r.Removed, func(x removal) model.Removal { return model.Removal(x) }),
	}
}
