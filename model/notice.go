package model

import "time"

// NoticeKind says about what somebody is told (spec N1). Its text is stored.
type NoticeKind string

// Kinds of notices.
const (
	NoticeIssued           NoticeKind = "issued"
	NoticeIssueFailed      NoticeKind = "issue failed" // and it will be tried again
	NoticeRejected         NoticeKind = "rejected"
	NoticeProof            NoticeKind = "proof of control awaited"
	NoticeTask             NoticeKind = "task raised"
	NoticeRenewed          NoticeKind = "renewed"
	NoticeRenewalFailed    NoticeKind = "renewal failed"
	NoticeDeployed         NoticeKind = "deployed"
	NoticeDeploymentFailed NoticeKind = "deployment failed"
	NoticeUndeployFailed   NoticeKind = "undeployment failed"
	NoticeVerifyFailed     NoticeKind = "verification failed"
	NoticeWaiting          NoticeKind = "waiting for a credit"
	NoticeDrift            NoticeKind = "drift seen"
	NoticeRevoked          NoticeKind = "revoked"
	NoticeRevokeFailed     NoticeKind = "revocation failed"
	NoticeHosting          NoticeKind = "hosting started"
	NoticeHostingStopped   NoticeKind = "hosting stopped"
	NoticeHostingFailing   NoticeKind = "hosting failing" // a hosted renewal failed
	NoticeExpiry           NoticeKind = "expiry"
	NoticeTest             NoticeKind = "test"
	NoticeWatch            NoticeKind = "watch" // what is watched has changed (spec N3)
	NoticeBackupFailed     NoticeKind = "backup failed"
)

// Notice is one message to one channel of a contact. It is written in the
// transaction of what it tells and delivered afterwards, so that nothing is
// told that did not happen and nothing that happened is forgotten.
type Notice struct {
	ID       ID
	Kind     NoticeKind
	At       time.Time
	Instance ID // zero for what is about none
	Resource ID
	Watch    ID
	Name     string // of the instance or thing, as it was called then
	Contact  ID
	Channel  string // key of a [Channel], or of the contact for its e-mail
	To       string // contact and channel as shown, without what is secret
	Subject  string
	Text     string

	Attempt int       // made so far, that under way included
	Next    time.Time // not before; [Never] when it is set aside
	Error   Text      // of the last attempt
	Done    time.Time // zero while it is to be delivered
	Outcome string    // "delivered", or why it was not
	Crashes int       // as in [Job]
}

// What a [Notice.Outcome] may be.
const (
	NoticeDelivered = "delivered"
	NoticeWithheld  = "not sent in a sandbox"
	NoticeGone      = "the channel is no more"
	NoticeGivenUp   = "given up"
)

// Open says whether the notice is still to be delivered.
func (n *Notice) Open() bool { return n.Done.IsZero() }

// RecordKind is "notice".
func (*Notice) RecordKind() Kind { return KindNotice }

// RecordKey is the ID.
func (n *Notice) RecordKey() string { return string(n.ID) }

// Indexes finds notices to be delivered by channel and when they are due, done
// ones by when that was, and those about an instance.
func (n *Notice) Indexes() []Index {
	var is []Index
	if n.Instance != "" {
		is = append(is, Index{Name: "instance", Key: string(n.Instance) + "/" + string(n.ID)})
	}
	if n.Open() {
		return append(is, Index{Name: "queue", Key: n.Channel + " " + TimeKey(n.Next)})
	}
	return append(is, Index{Name: "done", Key: TimeKey(n.Done)})
}

// Counter counts the notices that are to be delivered.
func (n *Notice) Counter() string {
	if n.Open() {
		return OpenNotices
	}
	return ""
}

// OpenNotices is the name under which notices to be delivered are counted.
const OpenNotices = "notice/open"

// Channel is a way to tell a contact besides e-mail. Its address holds tokens,
// so it is sealed like a key.
type Channel struct {
	Contact ID
	Number  int // from 1
	URL     Secret
}

// RecordKind is "channel".
func (*Channel) RecordKind() Kind { return KindChannel }

// RecordKey is contact and number.
func (c *Channel) RecordKey() string { return ChannelKey(c.Contact, c.Number) }

// ChannelKey is the key of a [Channel]. Number 0 stands for the contact's
// e-mail address, for which there is no record.
func ChannelKey(contact ID, number int) string { return string(contact) + "/" + seqKey(number) }
