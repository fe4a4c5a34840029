package kittest

import (
	"time"

	"certquay/lifecycle/ledger"
	"certquay/model"
)

// Example is a saved organization.
var Example = model.Organization{Name: "Example GmbH", Type: "company", Phone: "+49 30 123400", OrganizationID: "HRB 12345",
	Country: "DE", Province: "Berlin", City: "Berlin", Address: "Example Street 1", Zip: "10115"}

// office adds what goes with organizations: one saved, the applications of two
// certificates, of which one waits for records and one for a reviewer, packs
// and orders.
func (b *Backend) office(proving, reviewed *model.Instance) {
	b.Firms = []model.Company{{ID: "01JCFIRM00000000000000000A", Organization: Example}}
	for _, i := range []*model.Instance{proving, reviewed} {
		a := &i.Application
		a.ApplicantName, a.Email, a.Phone, a.IDNumber, a.Company = "Anna Berg", "anna@example.com", "+49 30 123456", "L01X00T47", Example
		a.Submitted = b.Clock.Add(-3 * time.Hour)
		b.paper(
			i,
			model.Document{
				ID:       model.ID("01JCDOC0000000000000000" + i.ID.Short()[:3]),
				Instance: i.ID,
				Name:     "register-extract.png",
				Format:   "png",
				Size:     182_340,
				Data:     model.NewSecret([]byte("PNG extract")),
			},
		)
		b.paper(
			i,
			model.Document{
				ID:       model.ID("01JCDOC1000000000000000" + i.ID.Short()[:3]),
				Instance: i.ID,
				Name:     "stamped.jpg",
				Format:   "jpeg",
				Size:     401_002,
				Data:     model.NewSecret([]byte("JPEG stamped")),
			},
		)
	}
	for n, d := range proving.Application.Domains {
		proving.Proofs = append(
			proving.Proofs,
			model.Proof{
				Domain: d,
				Method: "dns",
				Name:   "_acme-challenge." + d,
				Value:  []string{"gfj9Xq_Rg85nM0qgdC5sLtqYkQb3d1VnJm2rWc8eUxA", "Zp7aKx1vT0yQe4hN9sLm3rDc6bUw8iFo5gJt2qXnVzE"}[n%2],
				Seen:   n > 0,
			},
		)
	}
	reviewed.Operation = model.Operation{
		Kind:    model.JobIssue,
		Since:   b.Clock.Add(-3 * time.Hour),
		Attempt: 1,
		WaitFor: model.Say(model.AwaitReviewer),
	}
	b.Open = append(
		b.Open,
		model.Task{
			ID:       "01K9TASK000000000000000003",
			Kind:     model.TaskReview,
			Instance: reviewed.ID,
			Created:  b.Clock.Add(-3 * time.Hour),
			Text:     model.Say("todo.review", "level", "EV", "name", "bank.example.com"),
		},
	)
	dv := model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	b.Units = []ledger.Balance{
		{Kind: "certificate", Specification: &dv, Total: 10, Reserved: 1, Used: 6, Available: 3},
		{Kind: "credit", Total: 20, Reserved: 2, Used: 1, Available: 17}, {Kind: "hosting"},
	}
	b.Orders = []ledger.Cost{
		{
			Month:    "2026-11",
			Order:    "01K9ORDER0000000000000000C",
			By:       "anna",
			Text:     model.Say("order.items-of", "n", 2, "item", "certificate", "spec", "DV single embedded standard"),
			Charged:  200_00,
			Refunded: 100_00,
			Currency: "EUR",
		},
		{
			Month:    "2026-11",
			Order:    "01K9ORDER0000000000000000B",
			By:       "ben",
			Text:     model.Say("order.items", "n", 20, "item", "credit pack"),
			Charged:  100_00,
			Currency: "EUR",
		},
		{
			Month:    "2026-10",
			Order:    "01K9ORDER0000000000000000A",
			By:       "anna",
			Text:     model.Say("order.items-of", "n", 10, "item", "certificate pack", "spec", "DV single embedded standard"),
			Charged:  1_000_00,
			Currency: "EUR",
		},
	}
}
