package app

import (
	"certquay/lifecycle/listen"
	"certquay/model"
)

// portTaken returns the message that the port of CRL and OCSP is in use, by which
// process if known, and what to do.
func portTaken(port string) model.Text {
	who := listen.Owner(port)
	if who == "" {
		return model.Say("ca.port-taken", "port", port)
	}
	return model.Say("ca.port-held", "port", port, "who", who)
}
