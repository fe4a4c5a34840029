package model

import "time"

// Kind is the type of a record. Its text is part of storage keys, so released values
// never change.
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
	KindView     Kind = "view"
	KindRollout  Kind = "rollout"
	KindReceipt  Kind = "receipt"
	KindUser     Kind = "user"
	KindRequest  Kind = "request"
)

// Chain is the certificate chain of one version, as the CA returned it.
type Chain struct {
	Instance     ID
	Number       int
	Certificates [][]byte // DER: the leaf, then the intermediates in order; no root
	Root         []byte   // DER of the root; nil if unknown
}

// RecordKind is "material".
func (*Chain) RecordKind() Kind { return KindChain }

// RecordKey returns instance and version number.
func (m *Chain) RecordKey() string { return ChainKey(m.Instance, m.Number) }

// ChainKey returns the key of a [Chain].
func ChainKey(instance ID, number int) string { return string(instance) + "/" + seqKey(number) }

// Key is a private key, encrypted by the store. Several versions may share one.
type Key struct {
	ID       ID
	Instance ID
	Type     KeyType
	Public   []byte // DER of the SubjectPublicKeyInfo
	PKCS8    Secret // DER; empty once the key has been destroyed
}

// RecordKind is "key".
func (*Key) RecordKind() Kind { return KindKey }

// RecordKey is the ID.
func (k *Key) RecordKey() string { return string(k.ID) }

// Order is one purchase, with a line for each instance or pack (spec B2).
type Order struct {
	ID    ID
	At    time.Time
	By    string
	Lines []OrderLine
}

// OrderLine is one line of an [Order]. Amounts are in minor units of the currency.
type OrderLine struct {
	Item     string // "certificate", "hosting", "certificate pack", ...
	Instance ID     // the instance it paid for; zero for packs
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

// Total returns the sum of the order's lines, in minor units.
func (o *Order) Total() (sum int64) {
	for _, l := range o.Lines {
		sum += l.Amount
	}
	return sum
}

// Entry is a ledger entry: postings that sum to zero in each unit. Its ID is derived
// from the operation, so writing it again changes nothing.
type Entry struct {
	ID       string // "purchase/ORDER", "refund/ORDER/LINE", ...
	At       time.Time
	Order    ID
	Instance ID
	Text     Text
	Postings []Posting
}

// Posting adds Amount to an account. The unit is a currency or a counted item.
type Posting struct {
	Account string
	Unit    string
	Amount  int64
}

// RecordKind is "entry".
func (*Entry) RecordKind() Kind { return KindEntry }

// RecordKey is the ID.
func (e *Entry) RecordKey() string { return e.ID }

// Indexes returns the index entries: by order and by time.
func (e *Entry) Indexes() []Index {
	return []Index{{Name: "order", Key: string(e.Order)}, {Name: "time", Key: TimeKey(e.At)}}
}

// Account is the balance of one account in one unit. It is updated in the transaction
// of each [Entry]. The entries are authoritative; fsck compares the two.
type Account struct {
	Name string
	Unit string
	Sum  int64
}

// RecordKind is "account".
func (*Account) RecordKind() Kind { return KindAccount }

// RecordKey returns name and unit.
func (a *Account) RecordKey() string { return a.Name + "|" + a.Unit }

// Contact is a person or team that receives notices.
type Contact struct {
	ID       ID
	Name     string
	Email    string
	Phone    string
	Channels []string // redacted, for display; the full URL is in a [Channel]
	// Numbers are the numbers of their [Channel] records, which stay the same when
	// another channel is removed. nil means 1, 2, 3 and so on.
	Numbers []int
}

// ChannelNumber returns the number of the [Channel] record of the nth channel,
// counted from 0.
func (c *Contact) ChannelNumber(n int) int {
	if c.Numbers == nil {
		return n + 1
	}
	return c.Numbers[n]
}

// RecordKind is "contact".
func (*Contact) RecordKind() Kind { return KindContact }

// RecordKey is the ID.
func (c *Contact) RecordKey() string { return string(c.ID) }

// Indexes returns the index entries: by name, ignoring case.
func (c *Contact) Indexes() []Index { return []Index{{Name: "name", Key: NormalizeName(c.Name)}} }

// Task is an action that a person has to take.
type Task struct {
	ID       ID
	Kind     TaskKind
	Instance ID // zero if it concerns a watch or certquay itself
	Resource ID
	Watch    ID
	Version  int
	About    string // identifies the subject, so that a task is raised once: a fingerprint, an address
	Created  time.Time
	Until    time.Time // when it expires; zero means never
	Text     Text      // what to do, on one line
	Detail   Text      // exact values, to be copied
	Done     time.Time
	Outcome  string // "seen", "dismissed", ...
	Job      ID     // the suspended job, if any
	Channel  string // the channel whose notices are suspended, if any
}

// TaskKind is the kind of action that is needed.
type TaskKind string

// Kinds of tasks.
const (
	TaskInstall TaskKind = "install" // install or deploy a new version (spec D7)
	TaskProve   TaskKind = "prove"   // add a DNS record or file as proof of control (spec H5)
	TaskReview  TaskKind = "review"  // review an application
	TaskReplace TaskKind = "replace" // replace an expired or revoked certificate that is presented (spec D4)
	// TaskPredecessor means that a server presents a certificate that has been replaced
	// (spec I10).
	TaskPredecessor TaskKind = "presents-predecessor"

	TaskWatch   TaskKind = "watch"   // a watched endpoint is unusable (spec N3)
	TaskAside   TaskKind = "aside"   // work is suspended after repeated crashes (spec H9)
	TaskAddress TaskKind = "address" // an edge cannot listen, because its address is in use (spec D4)
	TaskBackup  TaskKind = "backup"  // scheduled backups fail (spec O1)
	TaskServe   TaskKind = "serve"   // CRL and OCSP cannot be served (spec O4)
	TaskCA      TaskKind = "ca"      // the embedded CA cannot be initialized (spec O8)
	TaskRoot    TaskKind = "root"    // install a new root certificate (spec O8)
	TaskUnseal  TaskKind = "unseal"  // enter the passphrase of the store (spec G7)
	TaskDamage  TaskKind = "damage"  // the store is damaged (spec D9)
	TaskApprove TaskKind = "approve" // an action waits for a second person (spec G3)

	// What goes wrong unless a person acts (spec D9).
	TaskExpiry      TaskKind = "expiry"       // nothing renews a certificate that expires soon or has expired
	TaskHostingEnds TaskKind = "hosting-ends" // hosting ends, since no renewals are left
	TaskFailing     TaskKind = "failing"      // work on a certificate or at a resource keeps failing
	TaskContact     TaskKind = "contact"      // a contact cannot receive notices
	TaskChannel     TaskKind = "channel"      // notices to a channel keep failing
	TaskLeft        TaskKind = "left"         // a proof of control could not be removed (spec C5)
	TaskDrift       TaskKind = "drift"        // a server presents another certificate than was deployed (spec P8)
	TaskWindow      TaskKind = "window"       // a deployment window begins only after what is presented has ended (spec P7)
	TaskPersist     TaskKind = "persist"      // records of dns-persist-01 soon hold no more (spec C4)
	TaskSwitchOff   TaskKind = "switch-off"   // another client still renews an adopted certificate (spec P4)
)

// TaskKinds lists every kind of task, those first whose trouble visitors of a server
// see already.
var TaskKinds = []TaskKind{
	TaskReplace, TaskPredecessor, TaskDrift, TaskWindow, TaskExpiry, TaskHostingEnds, TaskFailing, TaskProve, TaskInstall,
	TaskReview, TaskApprove, TaskWatch, TaskAddress, TaskPersist, TaskSwitchOff, TaskLeft, TaskContact, TaskChannel, TaskAside, TaskBackup,
	TaskServe, TaskCA, TaskRoot, TaskUnseal, TaskDamage,
}

// FollowsState reports whether tasks of the kind are raised and closed by comparing
// them with what holds now (spec D9). A dismissed one stays until its cause has ended.
func (k TaskKind) FollowsState() bool {
	switch k {
	case TaskExpiry,
		TaskHostingEnds,
		TaskFailing,
		TaskReplace,
		TaskPredecessor,
		TaskContact,
		TaskChannel,
		TaskLeft,
		TaskPersist,
		TaskWindow,
		TaskDrift:
		return true
	}
	return false
}

// RecordKind is "task".
func (*Task) RecordKind() Kind { return KindTask }

// RecordKey is the ID.
func (t *Task) RecordKey() string { return string(t.ID) }

// Indexes returns the index entries: open tasks by age, by instance and by expiry,
// urgent ones by age, and all by instance or watch.
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

// KV is a key-value pair that an issuer or a product driver stores for its own use, in
// a namespace of its own.
type KV struct {
	Namespace string // "embedded", "edge", ...
	Name      string // may contain slashes; scans are by prefix
	Data      []byte // in a format of the driver's choice
	Secret    Secret // encrypted by the store
}

// RecordKind is "cell".
func (*KV) RecordKind() Kind { return KindKV }

// RecordKey returns namespace and name.
func (c *KV) RecordKey() string { return c.Namespace + "/" + c.Name }

// Event is one entry of the activity log (spec S4). The store numbers and chains
// events; see [Tx.Append].
type Event struct {
	Seq            uint64
	At             time.Time
	Actor          string
	Via            string
	Action         string // an action of the transition table, or a step of a job
	Instance       ID
	Name           string // name of the subject at that time
	Resource       ID
	From           string // state before a transition
	To             string // state after a transition
	Why            string // cause: "asked", "due", ...
	Result         string // "ok", "refused", "failed", "waiting"
	Reason         Text   // why it was refused or failed
	Detail         Text
	Receipt        ID     // of the deployment that it tells of; "" for none
	SuppressNotice bool   // the previous attempt ended the same way, so no notice is sent
	Chain          []byte // keyed hash of this event and the previous one
}

// RecordKind is "event".
func (*Event) RecordKind() Kind { return KindEvent }

// RecordKey returns the sequence number, in fixed width.
func (e *Event) RecordKey() string { return EventKey(e.Seq) }

// Indexes returns the index entries: by instance and by resource, in order.
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

// Company is an organization that is saved for later applications.
type Company struct {
	ID ID
	Organization
}

// RecordKind is "company".
func (*Company) RecordKind() Kind { return KindCompany }

// RecordKey is the ID.
func (c *Company) RecordKey() string { return string(c.ID) }

// Indexes returns the index entries: by name, ignoring case.
func (c *Company) Indexes() []Index { return []Index{{Name: "name", Key: NormalizeName(c.Name)}} }

// Document is a qualification document, encrypted like a key (spec A5).
type Document struct {
	ID       ID
	Instance ID
	Name     string // file name, as uploaded
	Format   string // "png" or "jpeg", detected from the content
	Size     int
	Added    time.Time
	Data     Secret
}

// RecordKind is "document".
func (*Document) RecordKind() Kind { return KindDocument }

// RecordKey is the ID.
func (d *Document) RecordKey() string { return string(d.ID) }

// Indexes returns the index entries: by instance.
func (d *Document) Indexes() []Index { return []Index{{Name: "instance", Key: string(d.Instance)}} }

// Approval is a reviewer's approval. It is reused for the same names and company until
// it expires (spec A8).
type Approval struct {
	ID       ID
	Instance ID
	Subject  string // level, company and names that were approved
	By       string
	At       time.Time
	Until    time.Time
}

// RecordKind is "approval".
func (*Approval) RecordKind() Kind { return KindApproval }

// RecordKey is the ID.
func (a *Approval) RecordKey() string { return string(a.ID) }

// Indexes returns the index entries: by subject and by instance.
func (a *Approval) Indexes() []Index {
	return []Index{{Name: "subject", Key: a.Subject}, {Name: "instance", Key: string(a.Instance)}}
}
