package cmd

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// receiptJSON is a receipt of a deployment in JSON (spec P10). The field names are stable.
type receiptJSON struct {
	ID       model.ID      `json:"id"`
	Job      model.ID      `json:"job"`
	Began    string        `json:"began"`
	Ended    *string       `json:"ended"`
	Instance model.ID      `json:"instance"`
	Version  int           `json:"version"`
	Resource model.ID      `json:"resource"`
	Product  string        `json:"product"`
	Region   string        `json:"region"`
	Name     string        `json:"name"`
	Wave     int           `json:"wave"`
	Waves    int           `json:"waves"`
	By       string        `json:"by"`
	Via      string        `json:"via"`
	Cause    string        `json:"cause"`
	Changes  []plannedJSON `json:"changes"`
	Before   *string       `json:"before_sha256"`
	After    *string       `json:"after_sha256"`
	Verified *string       `json:"verified"`
	Address  *string       `json:"address"`
	Seen     []out.SeenAt  `json:"addresses"`
	Result   *string       `json:"result"`
	Reason   *string       `json:"reason"`
	Removed  []removalJSON `json:"removed"`
}

// removalJSON is a superseded certificate that was removed from the store of the product.
type removalJSON struct {
	At     string `json:"at"`
	SHA256 string `json:"sha256"`
	Proof  string `json:"proof"`
}

type plannedJSON struct {
	Kind    string  `json:"kind"`
	Subject string  `json:"subject"`
	Before  *string `json:"before"`
	After   *string `json:"after"`
}

func receiptsCmd(c *invocation) *cobra.Command {
	var f lifecycle.ReceiptFilter
	var resource string
	cmd := &cobra.Command{
		Use: "receipts", Args: maxOneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case resource != "":
				r, err := c.engine().FindResource(resource)
				if err != nil {
					return err
				}
				f.Resource = r.ID
			case len(args) == 1:
				i, err := c.engine().Find(args[0])
				var none *rules.NotFound
				if errors.As(err, &none) {
					return c.receipt(args[0], err)
				}
				if err != nil {
					return err
				}
				f.Instance = i.ID
			default:
				return out.Usage("usage.receipts")
			}
			all, err := c.engine().Receipts(f)
			if err != nil {
				return err
			}
			return c.printReceipts(all)
		},
	}
	cmd.Flags().StringVar(&resource, "resource", "", "")
	cmd.Flags().IntVar(&f.Limit, "limit", 20, "")
	return cmd
}

// receipt prints one receipt in full, named by its ID or a tail of it. none is the answer if
// there is none.
func (c *invocation) receipt(typed string, none error) error {
	r, err := c.engine().Receipt(typed)
	var missing *rules.NotFound
	switch {
	case errors.As(err, &missing):
		return none
	case err != nil:
		return err
	case c.JSON:
		return c.PrintJSON([]receiptJSON{newReceiptJSON(&r)})
	}
	var rows [][2]string
	for _, f := range lifecycle.ReceiptFacts(&r) {
		label := ""
		if f.Label != "" {
			label = c.Text(f.Label)
		}
		rows = append(rows, [2]string{label, c.Words().Text(f.Value)})
	}
	c.Fields(rows)
	return nil
}

func (c *invocation) printReceipts(all []model.Receipt) error {
	items, rows := []receiptJSON{}, [][]string(nil)
	for n := range all {
		r := &all[n]
		items = append(items, newReceiptJSON(r))
		result := c.Label("result", r.Result)
		if r.Reason != "" {
			result += ": " + c.Words().Text(r.Reason)
		}
		for _, x := range r.Removed {
			result += "; " + c.Words().Text(x.Proof)
		}
		rows = append(rows, []string{
			r.Job.Short(), out.DateTime(r.Began), r.Product + " " + r.Region + " " + r.Name, strconv.Itoa(r.Version),
			out.Dash(shortened(r.Before)), out.Dash(shortened(r.After)), r.Actor, result,
		})
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.receipts.none")
	default:
		c.Table(c.Heads("id", "at", "place", "version", "before", "after", "by", "result"), rows)
	}
	return nil
}

// shortened is the beginning of a fingerprint.
func shortened(fingerprint string) string { return fingerprint[:min(len(fingerprint), 12)] }

func newReceiptJSON(r *model.Receipt) receiptJSON {
	j := receiptJSON{
		ID: r.Job, Job: r.Job, Began: *out.TimeOrNil(r.Began), Ended: out.TimeOrNil(r.Ended), Instance: r.Instance, Version: r.Version,
		Resource: r.Resource, Product: r.Product, Region: r.Region, Name: r.Name, Wave: r.Wave, Waves: r.Waves,
		By: r.Actor, Via: r.Via, Cause: r.Cause, Changes: []plannedJSON{}, Before: out.OrNil(r.Before), After: out.OrNil(r.After),
		Verified: out.OrNil(out.Verified(r.Result == "ok", r.ReadBack)), Address: out.OrNil(r.Address), Seen: out.NewSeen(r.Seen),
		Result: out.OrNil(r.Result), Reason: out.OrNil(out.English(r.Reason)), Removed: []removalJSON{},
	}
	for _, x := range r.Removed {
		j.Removed = append(j.Removed, removalJSON{*out.TimeOrNil(x.At), x.Fingerprint, out.English(x.Proof)})
	}
	for _, ch := range r.Changes {
		j.Changes = append(j.Changes, plannedJSON{ch.Kind, ch.Subject, out.OrNil(ch.Before), out.OrNil(ch.After)})
	}
	return j
}
