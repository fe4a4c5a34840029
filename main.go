// Command certquay keeps TLS certificates through their whole life cycle.
package main

import (
	"os"

	"certquay/cmd"
	"certquay/cmd/providers"
	"certquay/lifecycle/challenge/dns/worker"
)

func main() {
	worker.RunIfChild(providers.Make) // DNS providers run in child processes
	os.Exit(cmd.Main())
}
