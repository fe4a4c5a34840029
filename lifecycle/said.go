package lifecycle

import "certquay/model"

// said is the message of an error. Words that are not certquay's own are
// attributed to who was asked: "ca", "server" or "receiver".
func said(who string, err error) model.Text {
	t := model.TextOf(err)
	if t.Code == "" && t.Quote.Who == "" && t.Quote.Words != "" {
		t.Quote.Who = who
	}
	return t
}

// speaker is who is asked by jobs of a kind.
func speaker(kind model.JobKind) string {
	switch kind {
	case model.JobDeploy, model.JobUndeploy, model.JobVerify:
		return "server"
	}
	return "ca"
}
