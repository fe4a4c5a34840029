package model

import "time"

// Kind names a sort of record. Its text is part of storage keys: never change
// one that was released.
type Kind string

// Kinds of records.
const (
	KindInstance Kind = "instance"
	KindChain    Kind = "material"
	KindKey      Kind = "key"
	KindOrder    Kind = "order"
	KindEntry    Kind = "entry"
	KindAccount  Kind = "account"
	KindResource Kind = "resource"
	KindJob      Kind = "job"
	KindEvent    Kind = "event"
	KindContact  Kind = "contact"
	KindTask     Kind = "task"
	KindKV       Kind = "cell"
	KindCompany  Kind = "company"
	KindDocument Kind = "document"
	KindApproval Kind = "approval"
	KindNotice   Kind = "notice"
	KindChannel  Kind = "channel"
	KindWatch    Kind = "watch"
)

// Chain is the certificate of one version, as the CA gave it.
type Chain struct {
	Instance     ID
	Number       int
	Certificates [][]byte // DER, the leaf first, then intermediates in order; no root
	Root         []byte   // DER of the root if it is known; nil otherwise
}

// RecordKind is "material".
func (*Chain) RecordKind() Kind { return KindChain }

// RecordKey is instance and version number.
func (m *Chain) RecordKey() string { return ChainKey(m.Instance, m.Number) }

// ChainKey is the key of a [Chain].
func ChainKey(instance ID, number int) string { return string(instance) + "/" + seqKey(number) }

// Key is a private key, sealed in the store. Several versions may use one.
type Key struct {
	ID       ID
	Instance ID
	Type     KeyType
	Public   []byte // DER of the SubjectPublicKeyInfo
	PKCS8    Secret // DER; empty in the tombstone of a destroyed key
}

// RecordKind is "key".
func (*Key) RecordKind() Kind { return KindKey }

// RecordKey is the ID.
func (k *Key) RecordKey() string { return string(k.ID) }

// Order is one purchase: a line for each instance or pack (spec B2).
type Order struct {
	ID    ID
	At    time.Time
	By    string
	Lines []OrderLine
}

// OrderLine is one position of an [Order]. Amounts are in minor units.
type OrderLine struct {
	Item     string // "certificate", "hosting", "certificate pack", ...
	Instance ID     // the instance it pays for; zero for packs
	Spec     Specification
	Years    int
	Quantity int
	Amount   int64
	Currency string
}

// RecordKind is "order".
func (*Order) RecordKind() Kind { return KindOrder }

// RecordKey is the ID.
func (o *Order) RecordKey() string { return string(o.ID) }

// Total is the sum of the order's lines in minor units.
func (o *Order) Total() (sum int64) {
	for _, l := range o.Lines {
		sum += l.Amount
	}
	return sum
}

// Entry is one movement in the ledger: postings that sum to zero in each unit.
// Its ID is derived from the operation, so writing one again changes nothing.
type Entry struct {
	ID       string // "purchase/ORDER", "refund/ORDER/LINE", ...
	At       time.Time
	Order    ID
	Instance ID
	Text     Text
	Postings []Posting
}

// Posting adds Amount to an account; the unit is a currency or a thing counted.
type Posting struct {
	Account string
	Unit    string
	Amount  int64
}

// RecordKind is "entry".
func (*Entry) RecordKind() Kind { return KindEntry }

// RecordKey is the ID.
func (e *Entry) RecordKey() string { return e.ID }

// Indexes finds entries by order and by time.
func (e *Entry) Indexes() []Index {
	return []Index{{Name: "order", Key: string(e.Order)}, {Name: "time", Key: TimeKey(e.At)}}
}

// Account is the running sum of one account in one unit, written in the
// transaction of each [Entry]; the entries decide, fsck compares.
type Account struct {
	Name string
	Unit string
	Sum  int64
}

// RecordKind is "account".
func (*Account) RecordKind() Kind { return KindAccount }

// RecordKey is name and unit.
func (a *Account) RecordKey() string { return a.Name + "|" + a.Unit }

// Contact is a person or team who is told what happens.
type Contact struct {
	ID       ID
	Name     string
	Email    string
	Phone    string
	Channels []string // as shown, without what is secret; the whole is in a [Channel]
}

// RecordKind is "contact".
func (*Contact) RecordKind() Kind { return KindContact }

// RecordKey is the ID.
func (c *Contact) RecordKey() string { return string(c.ID) }

// Indexes finds contacts by name, without regard to case.
func (c *Contact) Indexes() []Index { return []Index{{Name: "name", Key: NormalizeName(c.Name)}} }

// Task is something that needs a person.
type Task struct {
	ID       ID
	Kind     TaskKind
	Instance ID // zero when it is about what is watched, or about certquay itself
	Resource ID
	Watch    ID
	Version  int
	About    string // what in particular, so that the same is recognized: a fingerprint, an address
	Created  time.Time
	Until    time.Time // when it is no use any more; zero for never
	Text     Text      // what to do, in one line
	Detail   Text      // exact values, copyable
	Done     time.Time
	Outcome  string // "seen", "dismissed", ...
	Job      ID     // what is set aside: a job,
	Channel  string // or the notices of a channel
}

// TaskKind says what kind of help is needed.
type TaskKind string

// Kinds of tasks.
const (
	TaskInstall TaskKind = "install" // install or deploy a new version (spec D7)
	TaskProve   TaskKind = "prove"   // a record must be added (spec H5)
	TaskReview  TaskKind = "review"  // an application waits for a reviewer
	TaskReplace TaskKind = "replace" // a server presents what has expired or is revoked (spec D4)
	TaskWatch   TaskKind = "watch"   // nobody can use a server that is watched (spec N3)
	TaskAside   TaskKind = "aside"   // what has crashed certquay is not tried by itself (spec H9)
	TaskAddress TaskKind = "address" // what should be presented is not, since its address is taken (spec D4)
	TaskBackup  TaskKind = "backup"  // scheduled backups fail (spec O1)
	TaskServe   TaskKind = "serve"   // CRL and OCSP cannot be served (spec O4)
	TaskCA      TaskKind = "ca"      // the embedded CA cannot be made ready (spec O8)
	TaskRoot    TaskKind = "root"    // a new root is to be installed (spec O8)
	TaskUnseal  TaskKind = "unseal"  // the passphrase of the store is to be given (spec G7)
	TaskDamage  TaskKind = "damage"  // the store is damaged (spec D9)
)

// RecordKind is "task".
func (*Task) RecordKind() Kind { return KindTask }

// RecordKey is the ID.
func (t *Task) RecordKey() string { return string(t.ID) }

// Indexes finds open tasks by age, by instance and by when they are no use any
// more, those by age that cannot wait, and all of an instance or of what is
// watched.
func (t *Task) Indexes() []Index {
	is := []Index{{Name: "instance", Key: string(t.Instance)}}
	if t.Watch != "" {
		is = []Index{{Name: "watch", Key: string(t.Watch)}}
	}
	if t.Done.IsZero() {
		is = append(is, Index{Name: "open", Key: TimeKey(t.Created)}, Index{Name: "pending", Key: string(t.Instance)})
		if !t.Until.IsZero() {
			is = append(is, Index{Name: "until", Key: TimeKey(t.Until)})
		}
		if t.Kind == TaskReplace {
			is = append(is, Index{Name: "urgent", Key: TimeKey(t.Created)})
		}
	}
	return is
}

// KV is storage for an issuer or a product driver, in a space of its own.
type KV struct {
	Namespace string // "embedded", "edge", ...
	Name      string // may contain slashes; scans go by prefix
	Data      []byte // in a format of the owner's
	Secret    Secret // sealed
}

// RecordKind is "cell".
func (*KV) RecordKind() Kind { return KindKV }

// RecordKey is space and name.
func (c *KV) RecordKey() string { return c.Namespace + "/" + c.Name }

// Event is one line of the activity log (spec S4). The store numbers and
// chains events; see [Tx.Append].
type Event struct {
	Seq            uint64
	At             time.Time
	Actor          string
	Via            string
	Action         string // the action of the table, or the step of a job
	Instance       ID
	Name           string // of the instance or thing, as it was called then
	Resource       ID
	From           string // state before, if it is a transition
	To             string // state after
	Why            string // cause: "asked", "due", ...
	Result         string // "ok", "refused", "failed", "waiting"
	Reason         Text   // of a refusal or failure
	Detail         Text
	SuppressNotice bool   // the attempt before ended the same way; nobody is told again
	Chain          []byte // keyed hash over this event and the one before
}

// RecordKind is "event".
func (*Event) RecordKind() Kind { return KindEvent }

// RecordKey is the sequence number, fixed width.
func (e *Event) RecordKey() string { return EventKey(e.Seq) }

// Indexes finds the events of an instance in order.
func (e *Event) Indexes() []Index {
	var is []Index
	if e.Instance != "" {
		is = append(is, Index{Name: "instance", Key: string(e.Instance) + "/" + EventKey(e.Seq)})
	}
	if e.Resource != "" {
		is = append(is, Index{Name: "resource", Key: string(e.Resource) + "/" + EventKey(e.Seq)})
	}
	return is
}

// Company is an organization saved to be picked again.
type Company struct {
	ID ID
	Organization
}

// RecordKind is "company".
func (*Company) RecordKind() Kind { return KindCompany }

// RecordKey is the ID.
func (c *Company) RecordKey() string { return string(c.ID) }

// Indexes finds companies by name, without regard to case.
func (c *Company) Indexes() []Index { return []Index{{Name: "name", Key: NormalizeName(c.Name)}} }

// Document is a qualification document, sealed like a key (spec A5).
type Document struct {
	ID       ID
	Instance ID
	Name     string // as it was called by who added it
	Format   string // "png" or "jpeg", by content
	Size     int
	Added    time.Time
	Data     Secret
}

// RecordKind is "document".
func (*Document) RecordKind() Kind { return KindDocument }

// RecordKey is the ID.
func (d *Document) RecordKey() string { return string(d.ID) }

// Indexes finds the documents of an instance.
func (d *Document) Indexes() []Index { return []Index{{Name: "instance", Key: string(d.Instance)}} }

// Approval is a reviewer's yes, used again for the same names and company
// until it ends (spec A8).
type Approval struct {
	ID       ID
	Instance ID
	Subject  string // what was approved: level, company and names
	By       string
	At       time.Time
	Until    time.Time
}

// RecordKind is "approval".
func (*Approval) RecordKind() Kind { return KindApproval }

// RecordKey is the ID.
func (a *Approval) RecordKey() string { return string(a.ID) }

// Indexes finds approvals by what was approved.
func (a *Approval) Indexes() []Index {
	return []Index{{Name: "subject", Key: a.Subject}, {Name: "instance", Key: string(a.Instance)}}
}
