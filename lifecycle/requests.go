package lifecycle

import (
	"slices"
	"time"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
)

// BuyRequest orders new instances of one specification (spec B1).
type BuyRequest struct {
	Spec model.Specification
	// Fallback are the brands to ask next, in this order, if that of Spec does not serve
	// (spec C10). nil means those that the issuer's settings name and that sell it.
	Fallback []string
	Years    int // 1 or 2
	Quantity int // 1 to 100
	// Hosting buys a second year and managed hosting with it (spec B3).
	Hosting bool
	Contact model.ID // receives the notices of hosting
	// FromPack takes a unit of a resource pack instead of money (spec B4).
	FromPack bool
}

// Quote is the price of a purchase, line by line.
type Quote struct {
	Lines    []model.OrderLine
	Total    int64 // minor units
	Currency string
}

// ApplyRequest submits an application (spec 4). Empty fields are taken from the
// saved draft.
type ApplyRequest struct {
	Application model.Application
	// Whole replaces the draft: empty fields stay empty. The documents of the
	// draft are kept all the same.
	Whole bool
	// Documents are added to those of the draft, unless the application is
	// refused.
	Documents []NewDocument
	// DocumentsOf is another instance, whose documents are added too; "" for none.
	DocumentsOf model.ID
	Contact     model.ID
	DraftOnly   bool // save the draft and return what is missing
	// HostingPacks is the number of hosting packs, and so of renewals, for an
	// application from a resource pack (spec H6).
	HostingPacks int
}

// NewDocument is a qualification document to upload (spec A5).
type NewDocument struct {
	Name string
	Data []byte
}

// UploadRequest uploads certificates issued elsewhere (spec I3).
type UploadRequest struct {
	Files []bundle.File
	Name  string // "" to take the first name of the certificate
}

// UploadResult is the result of an upload.
type UploadResult struct {
	Instance model.Instance
	Warnings []bundle.Warning
}

// FoundUpload is a certificate that was found among files, with its chain and its key,
// or a file that is left out.
type FoundUpload struct {
	Files   []string // their paths
	Request UploadRequest
	Result  UploadResult // what it would make, or has made
	Skipped model.Text   // why a file is left out that was not meant to be uploaded by itself; "" for none
	Err     error        // why it is refused
}

// DeployRequest selects the resources to deploy to (spec D2).
type DeployRequest struct {
	// Everywhere selects every resource where the certificate, or the one it replaces,
	// is deployed now (spec I10); Product, Regions and Resources are ignored.
	Everywhere bool
	// Older allows it to go over a newer certificate of the same names (spec I9).
	Older     bool
	Product   string
	Regions   []string // none: the product's only region
	Resources []string // none: all that the certificate covers
	// Waves divides it (spec P6); nil takes the setting. A batch of 0 does all at once.
	Waves *rules.Waves
}

// ReissueRequest requests another version (spec I7). At most one field is set;
// neither means the same key.
type ReissueRequest struct {
	NewKey bool
	CSR    []byte // DER
}

// RevokeRequest revokes at the CA (spec I4).
type RevokeRequest struct {
	Reason   string // RFC 5280 section 5.3.1 name
	Versions []int  // none: all that are not expired
}

// ResourceView is a resource with what is derived from its instance.
type ResourceView struct {
	model.Resource
	State        model.ResourceState
	InstanceName string
	Expected     string // fingerprint of the current version, which should be there; "" when there is none
	Hosted       bool
	// Wave is that of a deployment in waves that is under way, from 1; 0 for none. Of Waves,
	// WaveNow is under way (spec P6).
	Wave, WaveNow, Waves int
}

// ResourceFilter narrows the list of resources; what is set combines (spec D4).
type ResourceFilter struct {
	Product, Region string
	Instance        model.ID
	State           model.ResourceState
	Hosted, Auto    bool
	Drifted         bool // of any state, see [model.Resource.Drifts]
	Text            string
	Where           string     // a query in the language of package where, for resources
	Sort            model.Sort // [SortPlace] when ""
	Desc            bool
	Offset, Limit   int // Limit 0 means all
}

// Orders of resources, beside those by name, state, expiry of what is presented, and
// auto-deploy. What is equal is in the order of places.
const (
	SortPlace       model.Sort = "place" // by product, region and name
	SortCertificate model.Sort = "certificate"
	SortExpected    model.Sort = "expected"  // fingerprint that should be there
	SortDeployed    model.Sort = "deployed"  // fingerprint that was deployed
	SortPresented   model.Sort = "presented" // fingerprint that was seen
	SortAddress     model.Sort = "address"
	SortVerified    model.Sort = "verified" // by when it was last probed, the longest ago first
)

// ResourceSorts are the orders of resources, the default first.
var ResourceSorts = []model.Sort{
	SortPlace, model.SortExpiry, model.SortName, model.SortState, SortCertificate, SortExpected, SortDeployed, SortPresented,
	SortAddress, model.SortAuto, SortVerified,
}

// ProductInfo is a product as lists show it.
type ProductInfo struct {
	Name    string
	Driver  string
	Regions []string
	Makes   bool       // a deployment to a new name creates the resource
	Problem model.Text // as that of [NamedProduct]
	// Window is when its next deployment window begins; zero if it has none, or if one is
	// open (spec P7).
	Window   time.Time
	Declared authority.Declaration
}

// Command returns a setting of the product that is a command, as it is typed; "" for one that
// is none, or that cannot be read, which is the product's Problem.
func (p *ProductInfo) Command(kinds []ports.ProductKind, name string) string {
	n := slices.IndexFunc(kinds, func(k ports.ProductKind) bool { return k.Name == p.Driver })
	if n < 0 {
		return ""
	}
	filled, err := setting.Fill(kinds[n].Settings(), p.Declared.Settings)
	if err != nil {
		return ""
	}
	for _, s := range setting.Of(filled) {
		if argv, is := s.Default.([]string); is && s.Command && s.Name == name {
			return setting.JoinCommand(argv)
		}
	}
	return ""
}

// Progress is the status of a job, for callers that wait.
type Progress struct {
	Job  model.Job
	Done bool
	// Blocked means that the job is postponed: it waits for something outside
	// or for its next attempt.
	Blocked bool
	Until   time.Time
}
