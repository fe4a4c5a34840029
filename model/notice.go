package model

import "time"

// NoticeKind is the event that a notice reports (spec N1). Its text is stored.
type NoticeKind string

// Kinds of notices.
const (
	NoticeIssued           NoticeKind = "issued"
	NoticeIssueFailed      NoticeKind = "issue failed" // it will be retried
	NoticeRejected         NoticeKind = "rejected"
	NoticeProof            NoticeKind = "proof of control awaited"
	NoticeTask             NoticeKind = "task raised"
	NoticeRenewed          NoticeKind = "renewed"
	NoticeRenewalFailed    NoticeKind = "renewal failed"
	NoticeDeployed         NoticeKind = "deployed"
	NoticeDeploymentFailed NoticeKind = "deployment failed"
	NoticeCleanFailed      NoticeKind = "clean-up failed"
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
	NoticeWatch            NoticeKind = "watch" // the result of a watch has changed (spec N3)
	NoticeBackupFailed     NoticeKind = "backup failed"
	NoticeVerification     NoticeKind = "verification" // to the applicant: what an application waits for (spec A7)
)

// Notice is one message to one channel of a contact. It is written in the same
// transaction as the change it reports and delivered afterwards, so a change is
// reported if and only if it was committed.
type Notice struct {
	ID       ID
	Kind     NoticeKind
	At       time.Time
	Instance ID // zero if the notice is not about an instance
	Resource ID
	Watch    ID
	Name     string // of the subject at the time of the notice
	Contact  ID
	// Channel is the key of a [Channel]; number 0 is the contact's e-mail address, or
	// without a contact that of the applicant of Instance.
	Channel string
	To      string // contact and channel for display, without secrets
	Subject string
	Text    string

	Attempt int       // attempts so far, including a running one
	Next    time.Time // earliest time of the next attempt; [Never] while suspended
	Error   Text      // of the last attempt
	Done    time.Time // zero until delivered or given up
	Outcome string    // "delivered", or one of the constants below
	Crashes int       // see [Job.Crashes]
}

// Values of [Notice.Outcome]. They are stored, so they do not change.
const (
	NoticeDelivered = "delivered"
	NoticeWithheld  = "not sent in a sandbox"
	NoticeGone      = "the channel is no more"
	NoticeGivenUp   = "given up"
)

// Open reports whether the notice still has to be delivered.
func (n *Notice) Open() bool { return n.Done.IsZero() }

// Failed reports whether the notice was not delivered although that was attempted.
func (n *Notice) Failed() bool {
	return n.Open() && n.Error != "" || n.Outcome == NoticeGone || n.Outcome == NoticeGivenUp
}

// RecordKind is "notice".
func (*Notice) RecordKind() Kind { return KindNotice }

// RecordKey is the ID.
func (n *Notice) RecordKey() string { return string(n.ID) }

// Indexes returns the index entries: open notices by channel and due time, finished
// ones by completion time, and all by instance.
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

// Counter counts open notices.
func (n *Notice) Counter() string {
	if n.Open() {
		return OpenNotices
	}
	return ""
}

// OpenNotices is the name of the counter of open notices.
const OpenNotices = "notice/open"

// Channel is a destination for notices other than e-mail. Its URL contains tokens, so
// it is encrypted like a key.
type Channel struct {
	Contact ID
	Number  int // from 1
	URL     Secret
}

// RecordKind is "channel".
func (*Channel) RecordKind() Kind { return KindChannel }

// RecordKey returns contact and number.
func (c *Channel) RecordKey() string { return ChannelKey(c.Contact, c.Number) }

// ChannelKey returns the key of a [Channel]. Number 0 stands for the contact's e-mail
// address, which has no Channel record.
func ChannelKey(contact ID, number int) string { return string(contact) + "/" + seqKey(number) }
