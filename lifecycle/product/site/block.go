package site

import (
	"context"
	"crypto/x509"
	"net"
	"path"
	"slices"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Block is a virtual server of a configuration.
type Block struct {
	Names     []string // none for whatever no other block serves
	Addresses []string // as in [Site]
	Pairs     []Pair
	Source    string
}

// Pair is a certificate with its key, as a configuration names them.
type Pair struct {
	Files []pairfiles.File
	Err   error // why nothing can be deployed there
}

// anyName is the target of a block without a name.
const anyName = "_"

// FromBlocks returns the sites of virtual servers: one for each name and pair. A name that
// is served with several pairs has several targets: told apart by the algorithm of the key
// within one block, by port or address between blocks.
func FromBlocks(ctx context.Context, host runner.Runner, blocks []Block) (all []Site, err error) {
	byName := map[string][]Block{}
	var order []string
	for _, b := range blocks {
		list := b.Names
		if len(list) == 0 {
			list = []string{anyName}
		}
		for _, name := range list {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if byName[name] == nil {
				order = append(order, name)
			}
			byName[name] = merge(byName[name], b)
		}
	}
	for _, name := range order {
		for _, b := range byName[name] {
			target := name + suffix(byName[name], b)
			for n, p := range b.Pairs {
				s := Site{Target: target, Addresses: b.Addresses, Files: p.Files, Source: b.Source, Err: p.Err}
				if len(b.Pairs) > 1 {
					s.Target += "/" + algorithm(ctx, host, b.Pairs, n)
				}
				if name != anyName {
					s.Names = []string{name}
				}
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// merge adds a block to others of the same name. Those with the same pairs are one.
func merge(blocks []Block, b Block) []Block {
	for n := range blocks {
		same := slices.EqualFunc(blocks[n].Pairs, b.Pairs, func(p, q Pair) bool {
			return p.Err == nil && q.Err == nil && slices.Equal(p.Files, q.Files)
		})
		if same {
			blocks[n].Addresses = slices.Concat(blocks[n].Addresses, b.Addresses)
			return blocks
		}
	}
	return append(blocks, b)
}

// suffix tells a block from others of the same name: by its port, or else its address.
func suffix(blocks []Block, b Block) string {
	if len(blocks) < 2 || len(b.Addresses) == 0 {
		return ""
	}
	_, port, _ := net.SplitHostPort(b.Addresses[0])
	same := 0
	for _, o := range blocks {
		if len(o.Addresses) > 0 && strings.HasSuffix(o.Addresses[0], ":"+port) {
			same++
		}
	}
	if same > 1 {
		return ":" + b.Addresses[0]
	}
	return ":" + port
}

// algorithm names one of several pairs of a block: by the algorithm of its key, or else by
// its file.
func algorithm(ctx context.Context, host runner.Runner, pairs []Pair, n int) string {
	kinds := make([]string, len(pairs))
	for m, p := range pairs {
		if len(p.Files) == 0 {
			continue
		}
		kinds[m] = path.Base(p.Files[0].Path)
		st, err := (&pairfiles.Set{Host: host, Files: p.Files}).State(ctx)
		if err != nil || len(st.Chain) == 0 {
			continue // State says why when something is deployed there
		}
		leaf, err := x509.ParseCertificate(st.Chain[0])
		if err == nil && (leaf.PublicKeyAlgorithm == x509.RSA || leaf.PublicKeyAlgorithm == x509.ECDSA) {
			kinds[m] = strings.ToLower(leaf.PublicKeyAlgorithm.String())
		}
	}
	for m, k := range kinds {
		if m != n && k == kinds[n] && len(pairs[n].Files) > 0 {
			return path.Base(pairs[n].Files[0].Path)
		}
	}
	return kinds[n]
}

// Run runs a command of the settings.
func Run(ctx context.Context, host runner.Runner, argv []string) error {
	_, err := host.Run(ctx, runner.Command{Argv: argv})
	return err
}

// Commands are commands of the settings as steps of a plan. One that is empty is none.
func Commands(all ...[]string) (changes []ports.Change) {
	for _, argv := range all {
		if len(argv) > 0 {
			changes = append(changes, ports.Change{Kind: ports.ChangeRun, Subject: setting.JoinCommand(argv)})
		}
	}
	return changes
}

// CheckCommand finds a command that is missing.
func CheckCommand(name string, argv, example []string) []setting.Problem {
	if len(argv) > 0 && argv[0] != "" {
		return nil
	}
	return []setting.Problem{{Setting: name, Rule: model.Say("config.command"), Example: setting.JoinCommand(example)}}
}

// CheckPlaces finds what is wrong with the settings address and directory, which may be
// empty.
func CheckPlaces(address, directory string) (wrong []setting.Problem) {
	if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
		wrong = append(wrong, setting.Problem{Setting: "address", Rule: model.Say("config.host-port"), Example: "www.example.com:443"})
	}
	return append(wrong, CheckPath("directory", directory)...)
}

// CheckPath finds a path that is not absolute. It may be empty.
func CheckPath(name, value string) []setting.Problem {
	if value == "" || path.IsAbs(value) && path.Clean(value) == value {
		return nil
	}
	return []setting.Problem{{Setting: name, Rule: model.Say("config.absolute-path"), Example: "/etc/ssl/example.pem"}}
}
