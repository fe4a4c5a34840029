package aliyun

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// Stores of certificates, as the IDs of [ports.Stored] begin.
const (
	inCAS = "cas/"
	inSLB = "slb/"
)

// Superseded lists the certificates that certquay uploaded, of the leaves given. Those of the
// certificate service belong to no region, and are listed with the first one; those of SLB
// with their own. Whatever certquay may have to put back is a reference (spec N4).
func (d *Driver) Superseded(ctx context.Context, region string, fingerprints []string) (all []ports.Stored, err error) {
	if err := d.checkRegion(region); err != nil {
		return nil, err
	}
	wanted := func(name string) (fingerprint string) {
		for _, f := range fingerprints {
			if len(f) >= 24 && strings.HasPrefix(name, namePrefix+f[:24]) {
				return f
			}
		}
		return ""
	}
	if balancer, ok := d.service.(*slb); ok {
		stored, err := balancer.stored(ctx, region, "")
		if err != nil {
			return nil, err
		}
		for _, c := range stored {
			if f := wanted(c.ServerCertificateName); f != "" {
				s := ports.Stored{Region: region, ID: inSLB + c.ServerCertificateId, Name: c.ServerCertificateName, Fingerprint: f}
				if c.CreateTimeStamp > 0 {
					s.Added = time.UnixMilli(c.CreateTimeStamp).UTC()
				}
				all = append(all, s)
			}
		}
	}
	if region == d.opt.Regions[0] {
		found, err := d.uploaded(ctx, wanted)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for n := range all {
		if all[n].References, err = d.references(ctx, all[n]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// uploaded lists the certificates in the certificate service whose names are wanted.
func (d *Driver) uploaded(ctx context.Context, wanted func(name string) string) (all []ports.Stored, err error) {
	for _, expired := range []bool{false, true} {
		found, err := d.list(ctx, expired, func(c certificate) bool {
			f := wanted(c.name)
			return f != "" && f == c.fingerprint
		})
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			s := ports.Stored{Region: d.opt.Regions[0], ID: inCAS + c.id, Name: c.name, Fingerprint: c.fingerprint, Added: c.added}
			if !slices.ContainsFunc(all, func(o ports.Stored) bool { return o.ID == s.ID }) {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// references lists what refers to a stored certificate: targets of this product, resources
// that the certificate service knows of, server certificates of SLB, and what certquay may
// have to put back.
func (d *Driver) references(ctx context.Context, s ports.Stored) (all []string, err error) {
	add := func(what string) {
		if !slices.Contains(all, what) {
			all = append(all, what)
		}
	}
	id, isCAS := strings.CutPrefix(s.ID, inCAS)
	id = strings.TrimPrefix(id, inSLB)
	refers := func(r *ref) bool {
		return r != nil && (r.ID == id || isCAS && (r.ID == id+"-"+d.opt.Settings.CertificateRegion || r.Name == s.Name) ||
			r.Fingerprint != "" && r.Fingerprint == s.Fingerprint)
	}
	regions := d.opt.Regions
	if !isCAS {
		regions = []string{s.Region}
	}
	for _, region := range regions {
		targets, err := d.service.list(ctx, region)
		if err != nil {
			return nil, err
		}
		for _, name := range targets {
			at, err := d.service.look(ctx, ports.Target{Region: region, Name: name})
			if err != nil {
				return nil, err
			}
			for _, r := range at.bound {
				if refers(&r) {
					add(region + " " + name)
				}
			}
		}
		if balancer, ok := d.service.(*slb); ok && isCAS {
			stored, err := balancer.stored(ctx, region, "")
			if err != nil {
				return nil, err
			}
			for _, c := range stored {
				if string(c.AliCloudCertificateId) == id {
					add(region + " " + c.ServerCertificateId)
				}
			}
		}
	}
	if err := d.records(func(target string, rec record) {
		if refers(rec.Former) || !rec.Gone && refers(rec.Before) {
			add(target)
		}
	}); err != nil {
		return nil, err
	}
	if !isCAS {
		return all, nil
	}
	return all, d.cloudResources(ctx, id, add)
}

// cloudResources tells what the certificate service knows of that uses a certificate.
func (d *Driver) cloudResources(ctx context.Context, id string, add func(string)) error {
	for page := 1; ; page++ {
		var answer struct {
			Total int
			Data  []struct {
				CertId                                     flexible //nolint:revive // as in JSON
				CloudProduct, Domain, RegionId, InstanceId string   //nolint:revive // as in JSON
			}
		}
		query := url.Values{
			"CertIds": {"[" + id + "]"}, "CloudName": {"aliyun"}, "CurrentPage": {strconv.Itoa(page)}, "ShowSize": {"50"},
		}
		if err := d.call(ctx, "cas", d.opt.Settings.CertificateRegion, "ListCloudResources", query, nil, &answer); err != nil {
			return err
		}
		for _, r := range answer.Data {
			if string(r.CertId) == id {
				add(strings.Join(strings.Fields(fmt.Sprint(r.CloudProduct, " ", r.RegionId, " ", r.InstanceId, " ", r.Domain)), " "))
			}
		}
		if len(answer.Data) == 0 || page*50 >= answer.Total {
			return nil
		}
	}
}

// Remove deletes a certificate that nothing refers to. One that is gone already is no error.
func (d *Driver) Remove(ctx context.Context, s ports.Stored) (model.Text, error) {
	if !strings.HasPrefix(s.Name, namePrefix) {
		return "", permanent("aliyun.not-ours", "name", s.Name)
	}
	references, err := d.references(ctx, s)
	if err != nil {
		return "", err
	}
	if len(references) > 0 {
		return "", &ports.PermanentError{
			Err: model.Fail("aliyun.in-use", "name", s.Name, "references", references).Wrapping(ports.ErrInUse),
		}
	}
	service, region, action := "cas", d.opt.Settings.CertificateRegion, "DeleteUserCertificate"
	id, ok := strings.CutPrefix(s.ID, inCAS)
	query := url.Values{"CertId": {id}}
	if !ok {
		id = strings.TrimPrefix(s.ID, inSLB)
		service, region, action = "slb", s.Region, "DeleteServerCertificate"
		query = url.Values{"RegionId": {region}, "ServerCertificateId": {id}}
	}
	var answer struct{ RequestId string } //nolint:revive // as in JSON
	err = d.repeat(ctx, service, region, action, query, nil, &answer)
	switch {
	case isGone(err):
		return model.Say("aliyun.gone", "name", s.Name, "id", id), nil
	case isCode(err, "CertificateAndPrivateKeyIsRefered", "CertificateInUse"):
		return "", &ports.PermanentError{
			Err: model.Fail("aliyun.in-use", "name", s.Name, "references", []string{service}).Wrapping(ports.ErrInUse, err),
		}
	case err != nil:
		return "", explain(ctx, service, region, action, err)
	}
	return model.Say("aliyun.removed", "action", action, "name", s.Name, "id", id, "request", answer.RequestId), nil
}
