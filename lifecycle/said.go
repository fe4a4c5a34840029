package lifecycle

import "certquay/model"

// said is the message of an error. Words that are not certquay's own are
// attributed to who was asked: "ca", "server" or "receiver".
func said(who string, err error) model.Text {
	return model.TextOf(err).By(who)
}

// speaker is who is asked by jobs of a kind.
func speaker(kind model.JobKind) string {
	switch kind {
	case model.JobDeploy, model.JobUndeploy, model.JobVerify:
		return "server"
	}
	return "ca"
}
