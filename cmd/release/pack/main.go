// Command pack writes the Debian package that nfpm.yaml describes: pack CONFIG OUT. It is
// nfpm without its other formats, whose modules are not needed here.
package main

import (
	"fmt"
	"os"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// run writes the package that the file config describes to the file out.
func run(args []string) (err error) {
	if len(args) != 2 {
		return fmt.Errorf("usage: pack CONFIG OUT")
	}
	config, err := nfpm.ParseFile(args[0])
	if err != nil {
		return err
	}
	info, err := config.Get("deb")
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return deb.Default.Package(info, f)
}
