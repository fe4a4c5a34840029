// Command certquay-dnsall holds the DNS providers of lego with large libraries, which
// certquay finds on PATH by this name and starts as a child for each order. It is a
// module of its own, so that certquay does not need theirs.
package main

import (
	"fmt"
	"os"

	"certquay/cmd/providers/lego"
	"certquay/lifecycle/challenge/dns/worker"
)

func main() {
	worker.RunIfChild(lego.Registry(registry).Make)
	fmt.Fprintf(os.Stderr, "certquay-dnsall has %d DNS providers for certquay, which starts it by itself if it is on PATH.\n", len(registry))
	os.Exit(2)
}
