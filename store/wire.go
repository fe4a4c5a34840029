package store

import (
	"fmt"
	"time"

	"certquay/model"
)

// The types below are the stored form of the model's records: the same fields with
// integer keys, which are never reused. A struct without nested structs is converted as
// a whole, so that a missing field does not compile; the others are copied field by
// field, and a test sets every field to check that none is lost.

type specification struct {
	Level model.Level      `cbor:"1,keyasint,omitzero"`
	Type  model.DomainType `cbor:"2,keyasint,omitzero"`
	Brand string           `cbor:"3,keyasint,omitzero"`
	Grade model.Grade      `cbor:"4,keyasint,omitzero"`
}

type application struct {
	Domains       []string      `cbor:"1,keyasint,omitzero"`
	ApplicantName string        `cbor:"2,keyasint,omitzero"`
	Phone         string        `cbor:"3,keyasint,omitzero"`
	Email         string        `cbor:"4,keyasint,omitzero"`
	KeyType       model.KeyType `cbor:"5,keyasint,omitzero"`
	CSR           []byte        `cbor:"6,keyasint,omitzero"`
	Saved         time.Time     `cbor:"7,keyasint,omitzero"`
	Submitted     time.Time     `cbor:"8,keyasint,omitzero"`
	IDNumber      string        `cbor:"9,keyasint,omitzero"`
	Company       organization  `cbor:"10,keyasint,omitzero"`
	Documents     []model.ID    `cbor:"11,keyasint,omitzero"`
}

func applicationToWire(a model.Application) application {
	return application{
		Domains: a.Domains, ApplicantName: a.ApplicantName, Phone: a.Phone, Email: a.Email, KeyType: a.KeyType, CSR: a.CSR,
		Saved: a.Saved, Submitted: a.Submitted, IDNumber: a.IDNumber, Company: organization(a.Company), Documents: a.Documents,
	}
}

func applicationFromWire(a application) model.Application {
	return model.Application{
		Domains: a.Domains, ApplicantName: a.ApplicantName, Phone: a.Phone, Email: a.Email, KeyType: a.KeyType, CSR: a.CSR,
		Saved: a.Saved, Submitted: a.Submitted, IDNumber: a.IDNumber, Company: model.Organization(a.Company), Documents: a.Documents,
	}
}

type organization struct {
	Name           string `cbor:"1,keyasint,omitzero"`
	Type           string `cbor:"2,keyasint,omitzero"`
	Phone          string `cbor:"3,keyasint,omitzero"`
	OrganizationID string `cbor:"4,keyasint,omitzero"`
	Country        string `cbor:"5,keyasint,omitzero"`
	Province       string `cbor:"6,keyasint,omitzero"`
	City           string `cbor:"7,keyasint,omitzero"`
	Address        string `cbor:"8,keyasint,omitzero"`
	Zip            string `cbor:"9,keyasint,omitzero"`
}

type proof struct {
	Domain string `cbor:"1,keyasint,omitzero"`
	Method string `cbor:"2,keyasint,omitzero"`
	Name   string `cbor:"3,keyasint,omitzero"`
	Value  string `cbor:"4,keyasint,omitzero"`
	Seen   bool   `cbor:"5,keyasint,omitzero"`
}

type company struct {
	ID           model.ID     `cbor:"1,keyasint,omitzero"`
	Organization organization `cbor:"2,keyasint,omitzero"`
}

type savedView struct {
	ID      model.ID     `cbor:"1,keyasint,omitzero"`
	Name    string       `cbor:"2,keyasint,omitzero"`
	Query   string       `cbor:"3,keyasint,omitzero"`
	Sort    model.Sort   `cbor:"4,keyasint,omitzero"`
	Desc    bool         `cbor:"5,keyasint,omitzero"`
	Columns []viewColumn `cbor:"6,keyasint,omitzero"`
}

type viewColumn struct {
	ID    string `cbor:"1,keyasint,omitzero"`
	Width int    `cbor:"2,keyasint,omitzero"`
}

type document struct {
	ID       model.ID  `cbor:"1,keyasint,omitzero"`
	Instance model.ID  `cbor:"2,keyasint,omitzero"`
	Name     string    `cbor:"3,keyasint,omitzero"`
	Format   string    `cbor:"4,keyasint,omitzero"`
	Size     int       `cbor:"5,keyasint,omitzero"`
	Added    time.Time `cbor:"6,keyasint,omitzero"`
	Data     []byte    `cbor:"7,keyasint,omitzero"` // sealed
}

type approval struct {
	ID       model.ID  `cbor:"1,keyasint,omitzero"`
	Instance model.ID  `cbor:"2,keyasint,omitzero"`
	Subject  string    `cbor:"3,keyasint,omitzero"`
	By       string    `cbor:"4,keyasint,omitzero"`
	At       time.Time `cbor:"5,keyasint,omitzero"`
	Until    time.Time `cbor:"6,keyasint,omitzero"`
}

type version struct {
	Number         int       `cbor:"1,keyasint,omitzero"`
	Serial         string    `cbor:"2,keyasint,omitzero"`
	Fingerprint    string    `cbor:"3,keyasint,omitzero"`
	Subject        string    `cbor:"4,keyasint,omitzero"`
	Domains        []string  `cbor:"5,keyasint,omitzero"`
	KeyType        string    `cbor:"6,keyasint,omitzero"`
	SPKI           string    `cbor:"19,keyasint,omitzero"`
	KeyID          model.ID  `cbor:"7,keyasint,omitzero"`
	NotBefore      time.Time `cbor:"8,keyasint,omitzero"`
	NotAfter       time.Time `cbor:"9,keyasint,omitzero"`
	Issued         time.Time `cbor:"10,keyasint,omitzero"`
	Issuer         string    `cbor:"11,keyasint,omitzero"`
	AnnualRenewal  bool      `cbor:"12,keyasint,omitzero"`
	SuggestedStart time.Time `cbor:"13,keyasint,omitzero"`
	SuggestedEnd   time.Time `cbor:"14,keyasint,omitzero"`
	RevokedAt      time.Time `cbor:"15,keyasint,omitzero"`
	RevokedReason  string    `cbor:"16,keyasint,omitzero"`
	SelfSigned     bool      `cbor:"17,keyasint,omitzero"`
	Incomplete     bool      `cbor:"18,keyasint,omitzero"`
}

type hosting struct {
	On              bool `cbor:"1,keyasint,omitzero"`
	RenewalsLeft    int  `cbor:"2,keyasint,omitzero"`
	FromPack        bool `cbor:"3,keyasint,omitzero"`
	PrepaidRenewals int  `cbor:"4,keyasint,omitzero"`
}

type deployments struct {
	Total    int      `cbor:"1,keyasint,omitzero"`
	Deployed int      `cbor:"2,keyasint,omitzero"`
	Auto     int      `cbor:"3,keyasint,omitzero"`
	Failing  int      `cbor:"4,keyasint,omitzero"`
	Products []string `cbor:"5,keyasint,omitzero"`
	Regions  []string `cbor:"6,keyasint,omitzero"`
	Names    []string `cbor:"7,keyasint,omitzero"`
}

type operation struct {
	Kind    model.JobKind `cbor:"1,keyasint,omitzero"`
	Job     model.ID      `cbor:"2,keyasint,omitzero"`
	Since   time.Time     `cbor:"3,keyasint,omitzero"`
	Attempt int           `cbor:"4,keyasint,omitzero"`
	Next    time.Time     `cbor:"5,keyasint,omitzero"`
	WaitFor model.Text    `cbor:"6,keyasint,omitzero"`
	Error   model.Text    `cbor:"7,keyasint,omitzero"`
}

type failure struct {
	Kind    model.JobKind `cbor:"1,keyasint,omitzero"`
	At      time.Time     `cbor:"2,keyasint,omitzero"`
	Message model.Text    `cbor:"3,keyasint,omitzero"`
}

type chain struct {
	Instance     model.ID `cbor:"1,keyasint,omitzero"`
	Number       int      `cbor:"2,keyasint,omitzero"`
	Certificates [][]byte `cbor:"3,keyasint,omitzero"`
	Root         []byte   `cbor:"4,keyasint,omitzero"`
}

type key struct {
	ID       model.ID      `cbor:"1,keyasint,omitzero"`
	Instance model.ID      `cbor:"2,keyasint,omitzero"`
	Type     model.KeyType `cbor:"3,keyasint,omitzero"`
	Public   []byte        `cbor:"4,keyasint,omitzero"`
	PKCS8    []byte        `cbor:"5,keyasint,omitzero"` // sealed
}

type kv struct {
	Namespace string `cbor:"1,keyasint,omitzero"`
	Name      string `cbor:"2,keyasint,omitzero"`
	Data      []byte `cbor:"3,keyasint,omitzero"`
	Secret    []byte `cbor:"4,keyasint,omitzero"` // sealed
}

type order struct {
	ID    model.ID    `cbor:"1,keyasint,omitzero"`
	At    time.Time   `cbor:"2,keyasint,omitzero"`
	By    string      `cbor:"3,keyasint,omitzero"`
	Lines []orderLine `cbor:"4,keyasint,omitzero"`
}

type orderLine struct {
	Item     string        `cbor:"1,keyasint,omitzero"`
	Instance model.ID      `cbor:"2,keyasint,omitzero"`
	Spec     specification `cbor:"3,keyasint,omitzero"`
	Years    int           `cbor:"4,keyasint,omitzero"`
	Quantity int           `cbor:"5,keyasint,omitzero"`
	Amount   int64         `cbor:"6,keyasint,omitzero"`
	Currency string        `cbor:"7,keyasint,omitzero"`
}

type entry struct {
	ID       string     `cbor:"1,keyasint,omitzero"`
	At       time.Time  `cbor:"2,keyasint,omitzero"`
	Order    model.ID   `cbor:"3,keyasint,omitzero"`
	Instance model.ID   `cbor:"4,keyasint,omitzero"`
	Text     model.Text `cbor:"5,keyasint,omitzero"`
	Postings []posting  `cbor:"6,keyasint,omitzero"`
}

type posting struct {
	Account string `cbor:"1,keyasint,omitzero"`
	Unit    string `cbor:"2,keyasint,omitzero"`
	Amount  int64  `cbor:"3,keyasint,omitzero"`
}

type account struct {
	Name string `cbor:"1,keyasint,omitzero"`
	Unit string `cbor:"2,keyasint,omitzero"`
	Sum  int64  `cbor:"3,keyasint,omitzero"`
}

type contact struct {
	ID       model.ID `cbor:"1,keyasint,omitzero"`
	Name     string   `cbor:"2,keyasint,omitzero"`
	Email    string   `cbor:"3,keyasint,omitzero"`
	Phone    string   `cbor:"4,keyasint,omitzero"`
	Channels []string `cbor:"5,keyasint,omitzero"`
	Numbers  []int    `cbor:"6,keyasint,omitzero"`
}

type task struct {
	ID       model.ID       `cbor:"1,keyasint,omitzero"`
	Kind     model.TaskKind `cbor:"2,keyasint,omitzero"`
	Instance model.ID       `cbor:"3,keyasint,omitzero"`
	Resource model.ID       `cbor:"4,keyasint,omitzero"`
	Watch    model.ID       `cbor:"12,keyasint,omitzero"`
	Version  int            `cbor:"5,keyasint,omitzero"`
	About    string         `cbor:"15,keyasint,omitzero"`
	Created  time.Time      `cbor:"6,keyasint,omitzero"`
	Until    time.Time      `cbor:"11,keyasint,omitzero"`
	Text     model.Text     `cbor:"7,keyasint,omitzero"`
	Detail   model.Text     `cbor:"8,keyasint,omitzero"`
	Done     time.Time      `cbor:"9,keyasint,omitzero"`
	Outcome  string         `cbor:"10,keyasint,omitzero"`
	Job      model.ID       `cbor:"13,keyasint,omitzero"`
	Channel  string         `cbor:"14,keyasint,omitzero"`
}

type event struct {
	Seq            uint64     `cbor:"1,keyasint,omitzero"`
	At             time.Time  `cbor:"2,keyasint,omitzero"`
	Actor          string     `cbor:"3,keyasint,omitzero"`
	Via            string     `cbor:"4,keyasint,omitzero"`
	Action         string     `cbor:"5,keyasint,omitzero"`
	Instance       model.ID   `cbor:"6,keyasint,omitzero"`
	Name           string     `cbor:"7,keyasint,omitzero"`
	Resource       model.ID   `cbor:"8,keyasint,omitzero"`
	From           string     `cbor:"9,keyasint,omitzero"`
	To             string     `cbor:"10,keyasint,omitzero"`
	Why            string     `cbor:"11,keyasint,omitzero"`
	Result         string     `cbor:"12,keyasint,omitzero"`
	Reason         model.Text `cbor:"13,keyasint,omitzero"`
	Detail         model.Text `cbor:"14,keyasint,omitzero"`
	Receipt        model.ID   `cbor:"17,keyasint,omitzero"`
	SuppressNotice bool       `cbor:"16,keyasint,omitzero"`
	Chain          []byte     `cbor:"15,keyasint,omitzero"`
}

type job struct {
	ID          model.ID      `cbor:"1,keyasint,omitzero"`
	Kind        model.JobKind `cbor:"2,keyasint,omitzero"`
	Instance    model.ID      `cbor:"3,keyasint,omitzero"`
	Resource    model.ID      `cbor:"4,keyasint,omitzero"`
	Version     int           `cbor:"5,keyasint,omitzero"`
	Step        string        `cbor:"6,keyasint,omitzero"`
	StepStarted bool          `cbor:"7,keyasint,omitzero"`
	Actor       string        `cbor:"8,keyasint,omitzero"`
	Via         string        `cbor:"9,keyasint,omitzero"`
	Cause       string        `cbor:"10,keyasint,omitzero"`
	Created     time.Time     `cbor:"11,keyasint,omitzero"`
	// Key 12 was a deadline that was never set.
	Attempt   int        `cbor:"13,keyasint,omitzero"`
	Next      time.Time  `cbor:"14,keyasint,omitzero"`
	Error     model.Text `cbor:"15,keyasint,omitzero"`
	WaitFor   model.Text `cbor:"16,keyasint,omitzero"`
	IssuerRef string     `cbor:"17,keyasint,omitzero"`
	Issuer    string     `cbor:"40,keyasint,omitzero"`
	KeyID     model.ID   `cbor:"18,keyasint,omitzero"`
	CSR       []byte     `cbor:"19,keyasint,omitzero"`
	// Key 20 was the requested end of validity, which is computed at each attempt.
	Reason          string     `cbor:"21,keyasint,omitzero"`
	Versions        []int      `cbor:"22,keyasint,omitzero"`
	Deploy          []model.ID `cbor:"31,keyasint,omitzero"`
	WantFingerprint string     `cbor:"23,keyasint,omitzero"`
	// Key 24 was the fingerprint presented before, which was never read. Key 25
	// disabled the rollback and was never set.
	AnnualRenewal bool      `cbor:"26,keyasint,omitzero"`
	Rollout       model.ID  `cbor:"41,keyasint,omitzero"`
	Wave          int       `cbor:"42,keyasint,omitzero"`
	Product       string    `cbor:"43,keyasint,omitzero"`
	Region        string    `cbor:"44,keyasint,omitzero"`
	StoredID      string    `cbor:"45,keyasint,omitzero"`
	StoredName    string    `cbor:"46,keyasint,omitzero"`
	Removed       []string  `cbor:"47,keyasint,omitzero"`
	Finished      time.Time `cbor:"27,keyasint,omitzero"`
	Result        string    `cbor:"28,keyasint,omitzero"`
	FailedOrders  int       `cbor:"29,keyasint,omitzero"`
	Crashes       int       `cbor:"30,keyasint,omitzero"`
}

// toWire converts a record to its stored form, with its encrypted secret.
func toWire(r model.Record, sealed []byte) (any, error) {
	switch r := r.(type) {
	case *model.Instance:
		return instanceToWire(r), nil
	case *model.Resource:
		return resourceToWire(r), nil
	case *model.Chain:
		return chain(*r), nil
	case *model.Key:
		return key{r.ID, r.Instance, r.Type, r.Public, sealed}, nil
	case *model.KV:
		return kv{r.Namespace, r.Name, r.Data, sealed}, nil
	case *model.Order:
		return order{r.ID, r.At, r.By, each(r.Lines, orderLineToWire)}, nil
	case *model.Entry:
		return entry{r.ID, r.At, r.Order, r.Instance, r.Text, each(r.Postings, func(p model.Posting) posting { return posting(p) })}, nil
	case *model.Account:
		return account(*r), nil
	case *model.Contact:
		return contact(*r), nil
	case *model.Task:
		return task(*r), nil
	case *model.Event:
		return event(*r), nil
	case *model.Job:
		return job(*r), nil
	case *model.Company:
		return company{r.ID, organization(r.Organization)}, nil
	case *model.Document:
		return document{r.ID, r.Instance, r.Name, r.Format, r.Size, r.Added, sealed}, nil
	case *model.Approval:
		return approval(*r), nil
	case *model.Notice:
		return notice(*r), nil
	case *model.Channel:
		return channel{r.Contact, r.Number, sealed}, nil
	case *model.Watch:
		return watch(*r), nil
	case *model.SavedView:
		columns := each(r.Columns, func(c model.ViewColumn) viewColumn { return viewColumn(c) })
		return savedView{r.ID, r.Name, r.Query, r.Sort, r.Desc, columns}, nil
	case *model.Rollout:
		return rollout(*r), nil
	case *model.Receipt:
		return receiptToWire(r), nil
	case *model.User:
		return userToWire(r), nil
	case *model.Request:
		return requestToWire(r), nil
	}
	return nil, fmt.Errorf("records of type %T cannot be stored", r)
}

// fromWire fills a record from its stored form and returns its encrypted secret.
func fromWire(b []byte, r model.Record) (sealed []byte, err error) {
	switch r := r.(type) {
	case *model.Instance:
		return nil, fill(b, r, instanceFromWire)
	case *model.Resource:
		return nil, fill(b, r, resourceFromWire)
	case *model.Chain:
		return nil, fill(b, r, func(w chain) model.Chain { return model.Chain(w) })
	case *model.Key:
		err := fill(b, r, func(w key) model.Key {
			sealed = w.PKCS8
			return model.Key{ID: w.ID, Instance: w.Instance, Type: w.Type, Public: w.Public}
		})
		return sealed, err
	case *model.KV:
		err := fill(b, r, func(w kv) model.KV {
			sealed = w.Secret
			return model.KV{Namespace: w.Namespace, Name: w.Name, Data: w.Data}
		})
		return sealed, err
	case *model.Order:
		return nil, fill(b, r, func(w order) model.Order {
			return model.Order{ID: w.ID, At: w.At, By: w.By, Lines: each(w.Lines, orderLineFromWire)}
		})
	case *model.Entry:
		return nil, fill(b, r, func(w entry) model.Entry {
			return model.Entry{ID: w.ID, At: w.At, Order: w.Order, Instance: w.Instance, Text: w.Text,
				Postings: each(w.Postings, func(p posting) model.Posting { return model.Posting(p) })}
		})
	case *model.Account:
		return nil, fill(b, r, func(w account) model.Account { return model.Account(w) })
	case *model.Contact:
		return nil, fill(b, r, func(w contact) model.Contact { return model.Contact(w) })
	case *model.Task:
		return nil, fill(b, r, func(w task) model.Task { return model.Task(w) })
	case *model.Event:
		return nil, fill(b, r, func(w event) model.Event { return model.Event(w) })
	case *model.Job:
		return nil, fill(b, r, func(w job) model.Job { return model.Job(w) })
	case *model.Company:
		return nil, fill(b, r, func(w company) model.Company {
			return model.Company{ID: w.ID, Organization: model.Organization(w.Organization)}
		})
	case *model.Document:
		err := fill(b, r, func(w document) model.Document {
			sealed = w.Data
			return model.Document{ID: w.ID, Instance: w.Instance, Name: w.Name, Format: w.Format, Size: w.Size, Added: w.Added}
		})
		return sealed, err
	case *model.Approval:
		return nil, fill(b, r, func(w approval) model.Approval { return model.Approval(w) })
	case *model.Notice:
		return nil, fill(b, r, func(w notice) model.Notice { return model.Notice(w) })
	case *model.Watch:
		return nil, fill(b, r, func(w watch) model.Watch { return model.Watch(w) })
	case *model.SavedView:
		return nil, fill(b, r, func(w savedView) model.SavedView {
			columns := each(w.Columns, func(c viewColumn) model.ViewColumn { return model.ViewColumn(c) })
			return model.SavedView{ID: w.ID, Name: w.Name, Query: w.Query, Sort: w.Sort, Desc: w.Desc, Columns: columns}
		})
	case *model.Rollout:
		return nil, fill(b, r, func(w rollout) model.Rollout { return model.Rollout(w) })
	case *model.Receipt:
		return nil, fill(b, r, receiptFromWire)
	case *model.User:
		return nil, fill(b, r, userFromWire)
	case *model.Request:
		return nil, fill(b, r, requestFromWire)
	case *model.Channel:
		err := fill(b, r, func(w channel) model.Channel {
			sealed = w.URL
			return model.Channel{Contact: w.Contact, Number: w.Number}
		})
		return sealed, err
	}
	return nil, fmt.Errorf("records of type %T cannot be stored", r)
}

// fill decodes a stored form into its record.
func fill[W, R any](b []byte, r *R, convert func(W) R) error {
	var w W
	if err := dec.Unmarshal(b, &w); err != nil {
		return err
	}
	*r = convert(w)
	return nil
}

// each converts a slice element by element. A nil slice stays nil.
func each[A, B any](as []A, convert func(A) B) []B {
	if as == nil {
		return nil
	}
	bs := make([]B, len(as))
	for n, a := range as {
		bs[n] = convert(a)
	}
	return bs
}

func orderLineToWire(l model.OrderLine) orderLine {
	return orderLine{
		Item: l.Item, Instance: l.Instance, Spec: specification(l.Spec), Years: l.Years,
		Quantity: l.Quantity, Amount: l.Amount, Currency: l.Currency,
	}
}

func orderLineFromWire(l orderLine) model.OrderLine {
	return model.OrderLine{
		Item: l.Item, Instance: l.Instance, Spec: model.Specification(l.Spec), Years: l.Years,
		Quantity: l.Quantity, Amount: l.Amount, Currency: l.Currency,
	}
}
