// Command certquay keeps TLS certificates through their whole life cycle.
package main

import (
	"os"

	"certquay/cmd"
	"certquay/cmd/providers"
)

func main() {
	providers.RunIfChild() // DNS providers run in child processes
	os.Exit(cmd.Main())
}
