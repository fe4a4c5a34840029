package product

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/edge"
	"certquay/model"
)

// Setup is what a product is opened with.
type Setup struct {
	Product  string   // as configured, for example "CDN"
	Regions  []string // the default first; at least one
	Settings any      // of the type that Kind.Settings makes; nil when that is nil
	Store    ports.Store
	Now      func() time.Time
	Log      *slog.Logger
	// Holder names the program that listens on a TCP port of this machine, if
	// that is known.
	Holder func(port string) model.Text
	// Words says a message to who asks a server of the product, in the first of the
	// languages (RFC 9110 section 12.5.4, Accept-Language) that there is, else in
	// English. nil writes its code.
	Words func(languages string, t model.Text) string
}

// Kind is a driver: a way to deploy certificates to products.
type Kind struct {
	Name string // in the configuration
	// Settings makes its settings with their defaults, see package setting; nil
	// when it has none.
	Settings func() any
	// Open opens a product. When that is an [io.Closer] it is closed before the
	// store is; when it is [Troubled] it may work in part.
	Open func(context.Context, Setup) (ports.Product, error)
}

// Troubled is a product that tells what keeps parts of it from working.
type Troubled interface {
	Problems() []error
}

// Kinds are the drivers that are built in. A new one is a folder below this one
// and a line here.
var Kinds = []Kind{
	{edge.Driver, nil, openEdge},
}

// Names lists the names of [Kinds].
func Names() []string {
	names := make([]string, len(Kinds))
	for n, k := range Kinds {
		names[n] = k.Name
	}
	return names
}

// Find is the driver of a name, if it is built in.
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
		edge.Options{Product: s.Product, Regions: s.Regions, Now: s.Now, Logger: s.Log, Holder: s.Holder, Words: s.Words},
	)
}
