// Package providers holds the DNS providers of the program: those of lego that need no
// vendor's SDK, the larger of the others, and certquay's own (spec C5). Only package main
// of certquay imports it, so that tests do not compile it.
package providers

import (
	"certquay/cmd/providers/lego"
	"certquay/lifecycle/challenge/dns/alidns"
	"certquay/lifecycle/challenge/dns/dnsupdate"
	"certquay/lifecycle/challenge/dns/gcloud"
	"certquay/lifecycle/challenge/dns/worker"
)

//go:generate go run certquay/cmd/providers/generate

// RunIfChild writes DNS records and ends the process, if that is what it was started
// for; else it returns at once. The first thing in main is to call it.
func RunIfChild() { worker.RunIfChild(mk) }

// mk returns the provider of a name. It implements [worker.Make].
func mk(name string, settings map[string]string, resolvers []string) (worker.Writer, error) {
	switch name {
	case "alidns":
		return alidns.New(settings, resolvers)
	case "dnsupdate":
		return dnsupdate.New(settings, resolvers)
	case "gcloud":
		return gcloud.New(settings, resolvers)
	}
	return lego.Registry(registry).Make(name, settings, resolvers)
}
