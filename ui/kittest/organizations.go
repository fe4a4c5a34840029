package kittest

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"time"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Example is a saved organization.
var Example = model.Organization{Name: "Example GmbH", Type: "company", Phone: "+49 30 123400", OrganizationID: "HRB 12345",
	Country: "DE", Province: "Berlin", City: "Berlin", Address: "Example Street 1", Zip: "10115"}

// addOrganizations adds a saved organization, two applications, one waiting for DNS
// records and one for a reviewer, packs, and orders.
func (w *World) addOrganizations(proving, reviewed *model.Instance) {
	w.Firms = []model.Company{{ID: "01JCFIRM00000000000000000A", Organization: Example}}
	for _, i := range []*model.Instance{proving, reviewed} {
		a := &i.Application
		a.ApplicantName, a.Email, a.Phone, a.IDNumber, a.Company = "Anna Berg", "anna@example.com", "+49 30 123456", "L01X00T47", Example
		a.Submitted = w.Clock.Add(-3 * time.Hour)
		w.addDocument(i, model.Document{ID: model.ID("01JCDOC0000000000000000" + i.ID.Short()[:3]), Instance: i.ID,
			Name: "register-extract.png", Format: "png", Size: 182_340, Data: model.NewSecret(PNG())})
		w.addDocument(i, model.Document{ID: model.ID("01JCDOC1000000000000000" + i.ID.Short()[:3]), Instance: i.ID, Name: "stamped.jpg",
			Format: "jpeg", Size: 401_002, Data: model.NewSecret(jpg())})
	}
	for n, d := range proving.Application.Domains {
		proving.Proofs = append(proving.Proofs, model.Proof{Domain: d, Method: "dns", Name: "_acme-challenge." + d,
			Value: []string{"gfj9Xq_Rg85nM0qgdC5sLtqYkQb3d1VnJm2rWc8eUxA",
				"Zp7aKx1vT0yQe4hN9sLm3rDc6bUw8iFo5gJt2qXnVzE"}[n%2], Seen: n > 0})
	}
	reviewed.Operation = model.Operation{Kind: model.JobIssue, Since: w.Clock.Add(-3 * time.Hour), Attempt: 1,
		WaitFor: model.Say(model.AwaitReviewer)}
	w.Open = append(w.Open, model.Task{ID: "01K9TASK000000000000000003", Kind: model.TaskReview, Instance: reviewed.ID,
		Created: w.Clock.Add(-3 * time.Hour), Text: model.Say("todo.review", "level", "EV", "name", "bank.example.com")})
	dv := model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	w.Units = []ledger.Balance{
		{Kind: "certificate", Specification: &dv, Total: 10, Reserved: 1, Used: 6, Available: 3},
		{Kind: "credit", Total: 20, Reserved: 2, Used: 1, Available: 17}, {Kind: "hosting"},
	}
	pack := func(item string, spec model.Specification, n int, amount int64) []model.OrderLine {
		return []model.OrderLine{{Item: item, Spec: spec, Quantity: n, Amount: amount, Currency: "EUR"}}
	}
	one := model.OrderLine{Item: "certificate", Spec: dv, Years: 1, Quantity: 1, Amount: 100_00, Currency: "EUR"}
	w.Orders = []model.Order{
		{ID: "01K9ORDER0000000000000000C", At: w.Clock.Add(-2 * day), By: "anna", Lines: []model.OrderLine{one, one}},
		{ID: "01K9ORDER0000000000000000B", At: w.Clock.Add(-9 * day), By: "ben", Lines: pack("credit pack", model.Specification{}, 20,
			100_00)},
		{ID: "01K9ORDER0000000000000000A", At: w.Clock.Add(-40 * day), By: "anna", Lines: pack("certificate pack", dv, 10, 1_000_00)},
	}
	w.Refunds["01K9ORDER0000000000000000C"] = 100_00
}

// addOrders adds an old order of all bought certificates.
func (w *World) addOrders() {
	o := model.Order{ID: "01K0ORDER00000000000000000", At: w.Clock.AddDate(-2, 0, 0), By: "anna"}
	policy := rules.DefaultPolicy()
	for _, i := range w.Instances {
		if i.Origin != model.OriginBought {
			continue
		}
		i.Order, i.Line = o.ID, len(o.Lines)
		o.Lines = append(o.Lines, model.OrderLine{
			Item: "certificate", Instance: i.ID, Spec: i.Spec, Years: i.Years, Quantity: 1, Amount: policy.Price(i.Spec),
			Currency: policy.Currency,
		})
	}
	w.Orders = append(w.Orders, o)
}

// addDocument adds a document to an application.
func (w *World) addDocument(i *model.Instance, d model.Document) {
	w.Papers[i.ID] = append(w.Papers[i.ID], d)
	i.Application.Documents = append(i.Application.Documents, d.ID)
}

// PNG returns a small PNG document.
func PNG() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 100))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpg() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 100)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}
