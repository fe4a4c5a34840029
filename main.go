// Command certquay keeps TLS certificates through their whole life cycle.
package main

import (
	"os"

	"certquay/cmd"
)

func main() { os.Exit(cmd.Main()) }
