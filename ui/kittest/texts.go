package kittest

import (
	"fmt"

	"certquay/model"
)

// SetTexts gives every field whose content comes from outside a text: names, messages of
// CAs, products and servers, notes, and what others have typed. text is called with the
// number of the record. It is called before the world is started.
func (w *World) SetTexts(text func(n int) string) {
	said := func(n int) model.Text { return model.Quoted("", text(n)) }
	for n, i := range w.Instances {
		i.Name += text(n)
		i.Reason, i.Failure.Message, i.Operation.WaitFor, i.Operation.Error = said(n), said(n), said(n), said(n)
		i.Spec.Brand += text(n)
		i.Tags, i.Note = []string{text(n)}, text(n)
		a := &i.Application
		a.Company.Name, a.Company.City, a.ApplicantName, a.Email = text(n), text(n), text(n), text(n)
		for k := range i.Proofs {
			i.Proofs[k].Name, i.Proofs[k].Value, i.Proofs[k].Domain = text(n), text(n), text(n)
		}
		for k := range i.Versions {
			v := &i.Versions[k]
			v.Domains[0] += text(n)
			v.KeyType, v.Serial, v.Subject, v.Issuer = text(n), text(n), text(n), text(n)
		}
		i.Contact = w.People[0].ID
	}
	for n, r := range w.Places {
		r.Name, r.Address, r.Region, r.VerifyError, r.Failure.Message = text(n), text(n), text(n), said(n), said(n)
	}
	for n := range w.Events {
		e := &w.Events[n]
		e.Actor, e.Name, e.Action, e.Result, e.To, e.Via = text(n), text(n), text(n), text(n), text(n), text(n)
		e.Detail, e.Reason = said(n), said(n)
	}
	for n := range w.Open {
		w.Open[n].Text, w.Open[n].Detail = said(n), said(n)
	}
	for n := range w.Watched {
		e := &w.Watched[n]
		e.Name, e.Address, e.Error, e.Detail, e.Subject, e.Issuer = text(n), text(n), said(n), said(n), text(n), text(n)
	}
	for id := range w.Papers {
		for n := range w.Papers[id] {
			w.Papers[id][n].Name = text(n)
		}
	}
	for n := range w.Firms {
		w.Firms[n].Name, w.Firms[n].City = text(n), text(n)
	}
	for n := range w.People {
		w.People[n].Name, w.People[n].Email = text(n), text(n)
	}
	for n := range w.Told {
		w.Told[n].Name, w.Told[n].To, w.Told[n].Subject, w.Told[n].Text, w.Told[n].Error = text(n), text(n), text(n), text(n), said(n)
	}
	w.Orders[0].By, w.Units[0].Kind, w.Units[0].Specification.Brand = text(0), text(1), text(2)
	w.Orders[0].Lines[0].Item, w.Orders[0].Lines[0].Spec.Brand = text(3), text(4)
	w.Wares[0].Name, w.Wares[0].Driver = text(5), text(6)
}

// Extend adds records until there are n of each kind that a list shows, besides
// instances and resources. It is called before the world is started.
func (w *World) Extend(n int) {
	id := func(kind string, k int) model.ID { return model.ID(fmt.Sprintf("01K9%s00000000000000%04X", kind, k)) }
	for k := len(w.Events); k < n; k++ {
		e := w.Events[k%40]
		e.Seq = uint64(800 - k)
		w.Events = append(w.Events, e)
	}
	for k := len(w.People); k < n; k++ {
		w.People = append(w.People, model.Contact{ID: id("PERS", k), Name: fmt.Sprint("Contact ", k), Email: "n@example.com"})
	}
	for k := len(w.Firms); k < n; k++ {
		f := w.Firms[0]
		f.ID, f.Name = id("FIRM", k), fmt.Sprint("Company ", k)
		w.Firms = append(w.Firms, f)
	}
	for k := len(w.Open); k < n; k++ {
		w.Open = append(w.Open, model.Task{ID: id("TASK", k), Kind: model.TaskFailing, Created: w.Clock})
	}
	for k := len(w.Watched); k < n; k++ {
		v := w.Watched[0]
		v.ID = id("WTCH", k)
		w.Watched = append(w.Watched, v)
	}
	for k := len(w.Told); k < n; k++ {
		w.Told = append(w.Told, model.Notice{ID: id("TOLD", k), Kind: model.NoticeExpiry, At: w.Clock, Next: model.Never})
	}
}
