package site

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Look implements [ports.Verifier]: handshakes from the host with each address that it
// listens on, or else what the files hold.
func (p *Product) Look(ctx context.Context, t ports.Target) (ports.Look, error) {
	unlock := p.reading(t.Region)
	at, err := p.find(ctx, t)
	unlock()
	if err == nil {
		err = at.Err
	}
	if err != nil {
		return ports.Look{}, err
	}
	look := ports.Look{}
	st, err := at.set.State(ctx)
	if err != nil {
		return look, err
	}
	for _, a := range at.addresses() {
		seen, err := at.look(ctx, a, at.sni(st.Chain))
		if err != nil {
			return look, err
		}
		look.Seen = append(look.Seen, seen...)
	}
	if len(look.Seen) > 0 {
		return look, nil
	}
	seen := ports.Seen{Chain: st.Chain}
	if len(st.Chain) == 0 {
		seen.Err = ports.ErrNothingPresented
	}
	return ports.Look{Seen: []ports.Seen{seen}, ReadBack: true}, nil
}

// Survey implements [ports.Discoverer].
func (p *Product) Survey(ctx context.Context, region string) ([]ports.Presence, error) {
	defer p.reading(region)()
	host, all, err := p.sites(ctx, region)
	if err != nil {
		return nil, err
	}
	var found []ports.Presence
	for _, s := range all {
		at := p.place(host, s)
		pr := ports.Presence{
			Target: ports.Target{Region: region, Name: s.Target}, Names: s.Names, Address: at.address(),
			Source: s.Source, Err: s.Err,
		}
		for _, f := range s.Files {
			switch f.Part {
			case pairfiles.Key:
				pr.KeyFile = f.Path
			case pairfiles.Combined, pairfiles.PKCS12, pairfiles.JKS:
				pr.CertFile, pr.KeyFile = f.Path, f.Path
			case pairfiles.Chain:
				pr.ChainFile = f.Path
			case pairfiles.FullChain, pairfiles.Leaf:
				pr.CertFile = f.Path
			}
		}
		if s.Err == nil {
			st, err := at.set.State(ctx)
			pr.Chain, pr.Managed, pr.Err = st.Chain, st.Managed, err
		}
		pr.SNI = at.sni(pr.Chain)
		found = append(found, pr)
	}
	return found, nil
}

// Test implements [ports.ProductTester]: the configuration is read and tested, and the
// directories of the named files can be written.
func (p *Product) Test(ctx context.Context) (wrong []error) {
	for _, h := range p.o.Hosts {
		for _, err := range p.testHost(ctx, h) {
			if len(p.o.Hosts) > 1 {
				err = model.Fail("site.on-host", "host", h.Name(), "cause", err)
			}
			wrong = append(wrong, err)
		}
	}
	return wrong
}

func (p *Product) testHost(ctx context.Context, h runner.Runner) (wrong []error) {
	defer p.reading(h.Name())()
	all, err := p.o.Server.Sites(ctx, h)
	if err != nil {
		return []error{err}
	}
	if len(all) == 0 {
		return []error{model.Fail("site.no-sites", "host", h.Name())}
	}
	if err := p.o.Server.Test(ctx, h, all[0]); err != nil {
		wrong = append(wrong, err)
	}
	var asked []string
	wrong = append(wrong, p.testBase(ctx, h)...)
	for _, s := range all {
		if s.Err != nil {
			wrong = append(wrong, s.Err)
			continue
		}
		var dirs []string
		for _, f := range s.Files {
			if _, err := h.ReadFile(ctx, f.Path, 1<<20); err != nil && !errors.Is(err, fs.ErrNotExist) && !slices.Contains(asked, f.Path) {
				wrong, asked = append(wrong, err), append(asked, f.Path)
			}
			dirs = append(dirs, path.Dir(f.Path))
		}
		for _, dir := range dirs {
			if slices.Contains(asked, dir) {
				continue
			}
			asked = append(asked, dir)
			if err := writable(ctx, h, dir); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return wrong
}

// testBase tests the directory of certquay's own files, or the one in which it will be made.
func (p *Product) testBase(ctx context.Context, h runner.Runner) []error {
	for dir := p.o.Base; dir != ""; dir = path.Dir(dir) {
		_, err := h.Stat(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) && dir != "/" {
			continue
		}
		if err == nil {
			err = writable(ctx, h, dir)
		}
		if err != nil {
			return []error{err}
		}
		return nil
	}
	return nil
}

// writable asks by test(1), which changes nothing.
func writable(ctx context.Context, h runner.Runner, dir string) error {
	var said *runner.ExitError
	_, err := h.Run(ctx, runner.Command{Argv: []string{"test", "-w", dir}})
	if errors.As(err, &said) {
		return model.Fail("site.not-writable", "path", dir)
	}
	return err
}
