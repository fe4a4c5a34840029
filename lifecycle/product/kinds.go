package product

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/product/apache"
	"certquay/lifecycle/product/caddy"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/product/files"
	"certquay/lifecycle/product/haproxy"
	"certquay/lifecycle/product/kubernetes"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Setup is the input for opening a product.
type Setup struct {
	Product  string   // as configured, for example "CDN"
	Regions  []string // the default first; at least one
	Settings any      // of the type that Kind.Settings makes; nil when that is nil
	// Hosts are where its servers run, each a region by its name; at least one for a kind
	// that works on hosts, none for others. They are closed after the product.
	Hosts []runner.Runner
	// Secret returns the value of a setting that is a secret; [model.ErrNotFound] if it was
	// not given. It fails while the store is sealed.
	Secret func(setting string) (model.Secret, error)
	Store  ports.Store
	Now    func() time.Time
	Log    *slog.Logger
	// PortOwner names the program that listens on a TCP port of this machine, if
	// that is known.
	PortOwner func(port string) model.Text
	// Words renders a message for the clients of a product's server in the best
	// language of an Accept-Language header (RFC 9110 section 12.5.4), by
	// default in English; nil renders its code.
	Words func(languages string, t model.Text) string
}

// Kind is a driver: a way to deploy certificates to products.
type Kind struct {
	Name string // in the configuration
	// Settings returns its settings with their defaults, see package setting;
	// nil if it has none.
	Settings func() any
	// OnHosts says that its products are servers, on this machine or reached by SSH.
	OnHosts bool
	// Regions returns the regions that the settings name, the default first, none if that is
	// not known now; nil if a driver has a [Place] or hosts.
	Regions func(settings any) []string
	// ByConfiguration returns the settings, beside those of its hosts, for the server whose main
	// configuration is a file of a host; nil if the file is none of this kind. nil where no file
	// tells.
	ByConfiguration func(ctx context.Context, host runner.Runner, path string) map[string]any
	// Propose returns the settings, beside those of its hosts, for the servers that may run on a
	// host, nil for the defaults. nil where nothing tells.
	Propose func(ctx context.Context, host runner.Runner) []map[string]any
	// Open opens a product. An [io.Closer] is closed before the store; a
	// [ProblemReporter] may work in part.
	Open func(context.Context, Setup) (ports.Product, error)
}

// ProblemReporter is a product that reports what keeps parts of it from working.
type ProblemReporter interface {
	Problems() []error
}

// Kinds lists the built-in drivers. A new one needs a folder below this one and a
// line here.
var Kinds = []Kind{
	{Name: edge.Driver, Open: openEdge},
	{
		Name: nginx.Driver, Settings: func() any { return nginx.DefaultSettings() }, OnHosts: true,
		ByConfiguration: nginx.ByConfiguration, Propose: nginx.Propose, Open: openNginx,
	},
	{
		Name: haproxy.Driver, Settings: func() any { return haproxy.DefaultSettings() }, OnHosts: true,
		ByConfiguration: haproxy.ByConfiguration, Propose: haproxy.Propose, Open: openHAProxy,
	},
	{
		Name: apache.Driver, Settings: func() any { return apache.DefaultSettings() }, OnHosts: true,
		ByConfiguration: apache.ByConfiguration, Propose: apache.Propose, Open: openApache,
	},
	{
		Name: caddy.Driver, Settings: func() any { return caddy.DefaultSettings() }, OnHosts: true,
		Propose: caddy.Propose, Open: openCaddy,
	},
	{Name: files.Driver, Settings: func() any { return files.DefaultSettings() }, OnHosts: true, Open: openFiles},
	{Name: aliyun.Kind, Settings: func() any { return aliyun.DefaultSettings() }, Open: openAliyun},
	{Name: kubernetes.Driver, Settings: kubernetesSettings, Regions: kubernetesRegions, Open: openKubernetes},
}

// Names lists the names of [Kinds].
func Names() []string {
	names := make([]string, len(Kinds))
	for n, k := range Kinds {
		names[n] = k.Name
	}
	return names
}

// Find returns the driver with a name, if it is built in.
func Find(name string) (Kind, bool) {
	n := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if n < 0 {
		return Kind{}, false
	}
	return Kinds[n], true
}

func openEdge(ctx context.Context, s Setup) (ports.Product, error) {
	return edge.Open(
		ctx, s.Store,
		edge.Options{Product: s.Product, Regions: s.Regions, Now: s.Now, Logger: s.Log, PortOwner: s.PortOwner, Words: s.Words},
	)
}

func kubernetesSettings() any { return kubernetes.DefaultSettings() }

func kubernetesRegions(settings any) []string { return settings.(kubernetes.Settings).Regions() }

func openKubernetes(_ context.Context, s Setup) (ports.Product, error) {
	return kubernetes.Open(kubernetes.Options{
		Settings: s.Settings.(kubernetes.Settings), Product: s.Product, Store: s.Store, Now: s.Now, Prober: Prober{Now: s.Now},
	})
}

// onHosts are the options that products on hosts share.
func (s Setup) onHosts() site.Options { return site.Options{Hosts: s.Hosts, Now: s.Now} }

func openNginx(_ context.Context, s Setup) (ports.Product, error) {
	return nginx.New(s.Settings.(nginx.Settings), s.onHosts()), nil
}

func openApache(_ context.Context, s Setup) (ports.Product, error) {
	return apache.New(s.Settings.(apache.Settings), s.onHosts()), nil
}

func openHAProxy(_ context.Context, s Setup) (ports.Product, error) {
	return haproxy.New(s.Settings.(haproxy.Settings), s.onHosts()), nil
}

func openCaddy(_ context.Context, s Setup) (ports.Product, error) {
	return caddy.New(s.Settings.(caddy.Settings), s.onHosts()), nil
}

func openFiles(_ context.Context, s Setup) (ports.Product, error) {
	settings, o := s.Settings.(files.Settings), s.onHosts()
	if settings.PasswordFile != "" {
		var err error
		if o.Password, err = s.Secret(files.PasswordSetting); err != nil {
			return nil, err
		}
	}
	return files.New(settings, o), nil
}

func openAliyun(_ context.Context, s Setup) (ports.Product, error) {
	return aliyun.Open(aliyun.Options{
		Settings: s.Settings.(aliyun.Settings), Product: s.Product, Regions: s.Regions, Store: s.Store,
		Secret: func() (model.Secret, error) { return s.Secret("access_key_secret_file") },
	})
}
