package haproxy

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // HAProxy tells certificates by it
	"encoding/hex"
	"errors"
	"path"
	"strings"
	"time"

	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Commands of the runtime API (HAProxy management guide, section 9.3), to be followed by the
// name of a file.
const (
	showCert   = "show ssl cert"
	setCert    = "set ssl cert "
	commitCert = "commit ssl cert "
	abortCert  = "abort ssl cert "
)

// limit bounds each command, which takes milliseconds; abortLimit one after a failure.
const (
	limit      = 30 * time.Second
	abortLimit = 5 * time.Second
)

// runtime is the stats socket of a process. It answers one command for each connection, in
// words without a code: what a command did is read back.
type runtime struct {
	host   runner.Runner
	socket string
}

// ask sends a command, with a payload that has no blank line.
func (r runtime) ask(ctx context.Context, command string, payload []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request := []byte(command + "\n")
	if payload != nil {
		request = append([]byte(command+" <<\n"), append(payload, '\n')...)
	}
	answer, err := site.Ask(ctx, r.host, r.socket, request)
	return strings.TrimSpace(string(answer)), err
}

// certificates lists the names of the files that the process has, as the configuration spells
// them, and the one that somebody is changing; "" for none.
func (r runtime) certificates(ctx context.Context) (names []string, changing string, err error) {
	answer, err := r.ask(ctx, showCert, nil)
	if err != nil {
		return nil, "", err
	}
	listed := false
	for line := range strings.Lines(answer) {
		line = strings.TrimSpace(line)
		name, transaction := strings.CutPrefix(line, "*")
		switch {
		case strings.HasPrefix(line, "# filename"):
			listed = true
		case line == "" || line[0] == '#':
		case transaction && !listed:
			changing = name
		case listed:
			names = append(names, line)
		}
	}
	if !listed && answer != "" && !strings.HasPrefix(answer, "#") {
		return nil, "", r.refused(showCert, answer)
	}
	return names, changing, nil
}

func (r runtime) refused(command, answer string) error {
	return model.Fail("haproxy.refused", "command", command, "socket", r.socket, "said", model.Quoted("HAProxy", answer))
}

// load gives the process what the files of a site hold, under each name that it has for them.
// It reports whether there is one.
func (r runtime) load(ctx context.Context, s site.Site) (known bool, err error) {
	payload, leaf, err := r.payload(ctx, s)
	if err != nil {
		return false, err
	}
	names, changing, err := r.certificates(ctx)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if path.Clean(name) != s.Files[0].Path {
			continue
		}
		// HAProxy 2.6 would put the certificate into the transaction of the other file.
		if changing != "" && path.Clean(changing) != s.Files[0].Path {
			return true, model.Fail("haproxy.transaction", "path", changing, "socket", r.socket, "command", abortCert+changing)
		}
		if err := r.replace(ctx, name, payload, leaf); err != nil {
			return true, err
		}
		known = true
	}
	return known, nil
}

// payload is what the files of a site hold, without blank lines, which end a payload.
func (r runtime) payload(ctx context.Context, s site.Site) (payload, leaf []byte, err error) {
	for _, f := range s.Files {
		data, err := r.host.ReadFile(ctx, f.Path, maxFile)
		if err != nil {
			return nil, nil, err
		}
		for line := range bytes.Lines(data) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				payload = append(append(payload, line...), '\n')
			}
		}
	}
	chain := pairfiles.Certificates(payload)
	if len(chain) == 0 {
		return nil, nil, model.Fail("haproxy.no-certificate", "path", s.Files[0].Path)
	}
	return payload, chain[0], nil
}

// replace replaces a certificate in the memory of the process. After an error it has either
// one.
func (r runtime) replace(ctx context.Context, name string, payload, leaf []byte) (err error) {
	defer func() {
		if err != nil {
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
			defer cancel()
			err = errors.Join(err, r.abort(after, name))
		}
	}()
	said, err := r.ask(ctx, setCert+name, payload)
	if err != nil {
		return err
	}
	_, changing, err := r.certificates(ctx)
	if err != nil {
		return err
	}
	if changing != name {
		return r.refused(setCert+name, said)
	}
	if said, err = r.ask(ctx, commitCert+name, nil); err != nil {
		return err
	}
	shown, err := r.ask(ctx, showCert+" "+name, nil)
	if err != nil {
		return err
	}
	if sum := sha1.Sum(leaf); !strings.EqualFold(fingerprint(shown), hex.EncodeToString(sum[:])) { //nolint:gosec // as above
		return r.refused(commitCert+name, said)
	}
	return nil
}

// abort ends a transaction, if there is one.
func (r runtime) abort(ctx context.Context, name string) error {
	_, changing, err := r.certificates(ctx)
	if err == nil && changing == name {
		_, err = r.ask(ctx, abortCert+name, nil)
	}
	return err
}

// fingerprint is the SHA-1 of the leaf in the answer to show ssl cert; "" if there is none.
func fingerprint(answer string) string {
	for line := range strings.Lines(answer) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == "SHA1 FingerPrint" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
