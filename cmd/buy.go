package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
)

func buyCmd(c *call) *cobra.Command {
	var level, typ, brand, grade, contact string
	r := lifecycle.BuyRequest{}
	cmd := &cobra.Command{
		Use:   "buy [--level dv] [--type single]",
		Short: "Buy certificate instances",
		Long: `Buy certificate instances. What is not said is a DV single certificate of the
embedded CA, grade free, for one year. Without any flag a terminal is asked first.`,
		Example: "  certquay buy --level dv --type single\n" +
			"  certquay buy --level dv --type wildcard --grade standard --years 2 --quantity 3",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.changing(lifecycle.Buy); err != nil {
				return err
			}
			var err error
			if r.Spec, err = specification(level, typ, brand, grade); err != nil {
				return err
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				r.Contact = ct.ID
			}
			if r.Hosting && contact == "" {
				return &usageError{"hosting tells a contact what it does", "--contact NAME; certquay contact add makes one"}
			}
			q, err := c.engine().Quote(r)
			if err != nil {
				return err
			}
			question := priceText(r, q)
			if q.Total > 0 || c.Interactive && !said(cmd) {
				if err := c.confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			o, made, err := c.engine().Buy(cmd.Context(), c.Actor, r)
			if err != nil {
				return err
			}
			if c.g.json {
				return c.printJSON(struct {
					Order     model.ID       `json:"order"`
					Instances []instanceJSON `json:"instances"`
				}{o.ID, c.instances(made)})
			}
			for _, i := range made {
				c.say("bought %s  %s, %s", i.ID, i.Spec, plural(i.Years, "year"))
			}
			c.say("order %s, total %s\nnext: certquay apply %s --domain NAME",
				o.ID, lifecycle.Money(q.Total, q.Currency), made[0].ID.Short())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&level, "level", "dv", "validation level: dv, ov, ev")
	f.StringVar(&typ, "type", "single", "domain type: single, multi, wildcard")
	f.StringVar(&brand, "brand", embedded.Brand, "who signs")
	issuerNames(cmd, "brand")
	f.StringVar(&grade, "grade", "free", "grade: free, standard, professional")
	f.IntVar(&r.Years, "years", 1, "years of service: 1 or 2")
	f.IntVar(&r.Quantity, "quantity", 1, "how many, at most 100")
	f.BoolVar(&r.Hosting, "hosting", false, "with managed hosting and its renewal for a second year")
	f.StringVar(&contact, "contact", "", "contact who is told what hosting does")
	f.BoolVar(&r.FromPack, "from-pack", false, "take units of a resource pack instead of paying")
	return cmd
}

// said says whether a flag tells what a verb is to do.
func said(cmd *cobra.Command) bool {
	told := false
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { told = told || f.Changed })
	return told
}

// priceText is the price line by line, equal lines together (spec B1).
func priceText(r lifecycle.BuyRequest, q lifecycle.Quote) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", r.Spec, plural(r.Years, "year"))
	per := len(q.Lines) / max(r.Quantity, 1)
	for _, l := range q.Lines[:per] {
		fmt.Fprintf(&b, "  %3d × %-22s %s\n", r.Quantity, l.Item, lifecycle.Money(l.Amount*int64(r.Quantity), l.Currency))
	}
	fmt.Fprintf(&b, "Total %s.", lifecycle.Money(q.Total, q.Currency))
	if r.Hosting {
		b.WriteString(" What is bought with hosting is not paid back.")
	}
	return b.String()
}

// specification reads its four parts; a word that is none is wrong usage.
func specification(level, typ, brand, grade string) (model.Specification, error) {
	var s model.Specification
	var err error
	if s.Level, err = word("--level", level, model.Levels); err != nil {
		return s, err
	}
	if s.Type, err = word("--type", typ, model.DomainTypes); err != nil {
		return s, err
	}
	if s.Grade, err = word("--grade", grade, model.Grades); err != nil {
		return s, err
	}
	s.Brand = model.Fold(brand)
	return s, nil
}

// word finds what was typed among the words that would do, without regard to
// case.
func word[T ~string](flag, typed string, words []T) (T, error) {
	for _, w := range words {
		if model.Fold(typed) == model.Fold(string(w)) {
			return w, nil
		}
	}
	return "", &usageError{fmt.Sprintf("%s %q is not known", flag, typed), fmt.Sprintf("one of: %s", joined(words))}
}
