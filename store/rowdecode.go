package store

import "certquay/model"

// decodeRowFields decodes only the fields of an instance that [search.ChangeOf] reads.
// It takes a fraction of the time of [decode], because it skips the other fields,
// shares one string for all texts and uses no reflection. The instance's slice of
// versions is reused.
//
// The bytes must have been authenticated, so they are what [encode] wrote. A truncated
// or malformed record is an error that wraps [ErrCorrupt]; other faults, such as a
// duplicate key, are found by [decode] when the record itself is read.
func decodeRowFields(key string, b []byte, i *model.Instance) error {
	if err := checkVersion(key, b); err != nil {
		return err
	}
	c := cborReader{rest: string(b[1:])}
	*i = model.Instance{Versions: i.Versions[:0]}
	c.instance(i)
	if c.bad || c.rest != "" {
		return corruptError(key, "damage.undecoded")
	}
	return nil
}

// instance reads an instance. The numbers are the integer keys of [instance].
func (c *cborReader) instance(i *model.Instance) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			i.ID = model.ID(c.text())
		case 2:
			i.Name = c.text()
		case 3:
			i.State = model.State(c.text())
		case 4:
			i.Origin = model.Origin(c.text())
		case 5:
			c.specification(&i.Spec)
		case 6:
			i.Years = c.int()
		case 10:
			c.application(&i.Application)
		case 11:
			i.Contact = model.ID(c.text())
		case 12:
			i.Versions = c.versions(i.Versions)
		case 13:
			i.ServiceStart = c.time()
		case 14:
			i.ServiceEnd = c.time()
		case 15:
			i.ExpectedIssue = c.time()
		case 16:
			i.Due = c.time()
		case 17:
			i.DueAction = c.text()
		case 18:
			c.hosting(&i.Hosting)
		case 19:
			c.deployments(&i.Deployments)
		case 20:
			c.operation(&i.Operation)
		case 21:
			c.only(1, func() { i.Failure.Kind = model.JobKind(c.text()) })
		case 25:
			i.Deleted = c.bool()
		case 27:
			i.Proofs = c.proofs()
		case 34:
			i.Replaced = c.bool()
		case 44:
			i.Tags = c.texts()
		case 45:
			i.Owner = model.ID(c.text())
		case 46:
			i.Note = c.text()
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) application(a *model.Application) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			a.Domains = c.texts()
		case 5:
			a.KeyType = model.KeyType(c.text())
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) specification(s *model.Specification) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			s.Level = model.Level(c.text())
		case 2:
			s.Type = model.DomainType(c.text())
		case 3:
			s.Brand = c.text()
		case 4:
			s.Grade = model.Grade(c.text())
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) hosting(h *model.Hosting) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			h.On = c.bool()
		case 2:
			h.RenewalsLeft = c.int()
		case 4:
			h.PrepaidRenewals = c.int()
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) deployments(d *model.Deployments) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			d.Total = c.int()
		case 2:
			d.Deployed = c.int()
		case 3:
			d.Auto = c.int()
		case 4:
			d.Failing = c.int()
		case 5:
			d.Products = c.texts()
		case 6:
			d.Regions = c.texts()
		case 7:
			d.Names = c.texts()
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) operation(o *model.Operation) {
	c.fields(func(key uint64) {
		switch key {
		case 1:
			o.Kind = model.JobKind(c.text())
		case 4:
			o.Attempt = c.int()
		case 6:
			o.WaitFor = model.Text(c.text())
		default:
			c.skipItem()
		}
	})
}

func (c *cborReader) proofs() []model.Proof {
	var ps []model.Proof
	for n := c.begin(majorArray); n > 0 && !c.bad; n-- {
		var p model.Proof
		c.only(5, func() { p.Seen = c.bool() })
		ps = append(ps, p)
	}
	return ps
}

func (c *cborReader) versions(vs []model.Version) []model.Version {
	for n := c.begin(majorArray); n > 0 && !c.bad; n-- {
		vs = append(vs, model.Version{})
		last := len(vs) - 1
		if same := c.version(&vs[last]); last > 0 {
			for k, s := range deltaFields {
				if same&(1<<k) != 0 {
					s.set((*version)(&vs[last]), (*version)(&vs[last-1]))
				}
			}
		}
	}
	return vs
}

// version reads a version and returns a bit for each of [deltaFields] that equals the
// one of the previous version.
func (c *cborReader) version(v *model.Version) (same uint64) {
	c.fields(func(key uint64) {
		switch key {
		case 2:
			v.Serial = c.text()
		case 5:
			v.Domains = c.texts()
		case 6:
			v.KeyType = c.text()
		case 7:
			v.KeyID = model.ID(c.text())
		case 8:
			v.NotBefore = c.time()
		case 9:
			v.NotAfter = c.time()
		case 13:
			v.SuggestedStart = c.time()
		case 15:
			v.RevokedAt = c.time()
		case 20:
			same = uint64(c.int())
		default:
			c.skipItem()
		}
	})
	return same
}
