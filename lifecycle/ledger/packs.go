package ledger

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// PackKind is the kind of units in a pack (spec B4).
type PackKind string

// Kinds of packs.
const (
	PackCertificate PackKind = "certificate" // of one specification
	PackHosting     PackKind = "hosting"     // one year of managed hosting each
	PackCredit      PackKind = "credit"      // automatic deployments
)

// PackKinds lists every kind of pack.
var PackKinds = []PackKind{PackCertificate, PackHosting, PackCredit}

// Accounts of prepaid units. What was bought is negative in accountIssued, so that
// the four sum to zero.
const (
	accountIssued    = "pack supply"
	accountAvailable = "pack available"
	accountReserved  = "pack reserved"
	accountUsed      = "pack used"
)

// Units of packs that are not certificates.
const (
	UnitHosting = string(PackHosting)
	UnitCredit  = string(PackCredit)
)

// CertificateUnit returns the ledger's unit of certificates of a specification.
func CertificateUnit(s model.Specification) string {
	return strings.Join([]string{string(PackCertificate), string(s.Level), string(s.Type), s.Brand, string(s.Grade)}, "/")
}

func specOf(unit string) *model.Specification {
	p := strings.Split(unit, "/")
	if len(p) != 5 {
		return nil
	}
	return &model.Specification{Level: model.Level(p[1]), Type: model.DomainType(p[2]), Brand: p[3], Grade: model.Grade(p[4])}
}

// transferUnits transfers units between accounts. id is derived from the
// operation, so that repeating it changes nothing.
func transferUnits(tx model.Tx, at time.Time, id string, i model.ID, from, to, unit string, n int) error {
	en := transfer(id, at, from, to, unit, int64(n), model.Say("ledger.units", "n", n, "unit", unit))
	en.Instance = i
	return PostEntry(tx, en)
}

// Reserve reserves n available units for an instance, or refuses if there are
// fewer. All writes are serialized, so that exactly one of several buyers of the
// last unit succeeds.
func Reserve(tx model.Tx, at time.Time, id string, a rules.Action, i model.ID, unit string, n int) error {
	free, err := balance(tx, accountAvailable, unit)
	if err != nil {
		return err
	}
	if free < int64(n) {
		return NoUnits(a, unit, int(free), n)
	}
	return transferUnits(tx, at, "reserve/"+id, i, accountAvailable, accountReserved, unit, n)
}

// NoUnits is the refusal of an action that needs more units than are available. It
// suggests to buy what is missing.
func NoUnits(a rules.Action, unit string, free, needed int) *rules.Refusal {
	return &rules.Refusal{
		Action: a, Reason: rules.ReasonNoUnits, Rule: "B4",
		Args: rules.Args{"unit": unit, "free": free, "needed": needed}, Instead: []rules.Suggestion{buyUnits(unit, needed-free)},
	}
}

// Consume turns reserved units into consumed ones.
func Consume(tx model.Tx, at time.Time, id string, i model.ID, unit string, n int) error {
	return transferUnits(tx, at, "use/"+id, i, accountReserved, accountUsed, unit, n)
}

// Release makes reserved units available again.
func Release(tx model.Tx, at time.Time, id string, i model.ID, unit string, n int) error {
	return transferUnits(tx, at, "release/"+id, i, accountReserved, accountAvailable, unit, n)
}

// AddUnits adds purchased units to the available ones.
func AddUnits(tx model.Tx, at time.Time, id string, i model.ID, unit string, n int) error {
	return transferUnits(tx, at, id, i, accountIssued, accountAvailable, unit, n)
}

// Available returns the number of available units.
func Available(r model.Reader, unit string) (int64, error) { return balance(r, accountAvailable, unit) }

// ConsumedUnits returns the kind and number of prepaid units that an entry
// consumes; 0 if it consumes none.
func ConsumedUnits(en *model.Entry) (PackKind, int) {
	for _, p := range en.Postings {
		if p.Account == accountUsed && p.Amount > 0 {
			if specOf(p.Unit) != nil {
				return PackCertificate, int(p.Amount)
			}
			return PackKind(p.Unit), int(p.Amount)
		}
	}
	return "", 0
}

func balance(r model.Reader, account, unit string) (int64, error) {
	a := model.Account{Name: account, Unit: unit}
	if err := r.Get(&a); err != nil && !errors.Is(err, model.ErrNotFound) {
		return 0, rules.ReadError("account", account, err)
	}
	return a.Sum, nil
}

// buyUnits suggests to buy n units.
func buyUnits(unit string, n int) rules.Suggestion {
	quantity := strconv.Itoa(n)
	if s := specOf(unit); s != nil {
		return rules.Suggestion{
			Action: rules.BuyPack,
			Args:   append([]string{string(PackCertificate), "--quantity", quantity}, rules.SpecFlags(*s)...),
		}
	}
	return rules.Suggestion{Action: rules.BuyPack, Args: []string{unit, "--quantity", quantity}}
}

// Balances lists the prepaid units: bought, reserved, used and available (spec
// B4). Hosting and credits are always listed.
func Balances(r model.Reader) ([]Balance, error) {
	units := map[string]*Balance{UnitHosting: {Kind: UnitHosting}, UnitCredit: {Kind: UnitCredit}}
	for a, err := range model.All[model.Account](r, model.Scan{Prefix: "pack "}) {
		if err != nil {
			return nil, err
		}
		b := units[a.Unit]
		if b == nil {
			b = &Balance{Kind: string(PackCertificate), Specification: specOf(a.Unit)}
			units[a.Unit] = b
		}
		switch a.Name {
		case accountIssued:
			b.Total = int(-a.Sum)
		case accountReserved:
			b.Reserved = int(a.Sum)
		case accountUsed:
			b.Used = int(a.Sum)
		case accountAvailable:
			b.Available = int(a.Sum)
		}
	}
	var names []string
	for u := range units {
		names = append(names, u)
	}
	slices.Sort(names)
	all := make([]Balance, 0, len(names))
	for _, u := range names {
		all = append(all, *units[u])
	}
	return all, nil
}
