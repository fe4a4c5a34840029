package cmd

import (
	"context"
	"strings"
	"sync/atomic"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// maxFound is how many bytes of files an upload of directories reads at most.
const maxFound = 64 << 20

// uploadJSON is one of several uploads, or a file that was left out, in JSON.
type uploadJSON struct {
	Files   []string       `json:"files"`
	ID      *string        `json:"id"`
	Result  any            `json:"result"`
	Skipped *string        `json:"skipped"`
	Error   *out.ErrorBody `json:"error"`
}

// uploadPlanJSON is what an upload would make, in JSON.
type uploadPlanJSON struct {
	Name     string   `json:"name"`
	Domains  []string `json:"domains"`
	NotAfter *string  `json:"not_after"`
	HasKey   bool     `json:"has_key"`
	Warnings []string `json:"warnings"`
}

func plannedUpload(res *lifecycle.UploadResult) uploadPlanJSON {
	v := &res.Instance.Versions[0]
	j := uploadPlanJSON{res.Instance.Name, out.OrEmpty(v.Domains), out.TimeOrNil(v.NotAfter), v.KeyID != "", []string{}}
	for _, w := range res.Warnings {
		j.Warnings = append(j.Warnings, out.English(w.Text))
	}
	return j
}

// uploadDirectories uploads all certificates in directories and files: it pairs them
// with their keys, says what it would upload and why not the rest, asks once, and
// uploads all that are good (spec Q6).
func (c *invocation) uploadDirectories(ctx context.Context, u *uploadFlags, paths []string) error {
	if u.name != "" {
		return out.Usage("usage.name-one")
	}
	all, err := c.findUploads(ctx, u.password, paths)
	if err != nil {
		return err
	}
	good := 0
	for _, f := range all {
		if f.Skipped == "" && f.Err == nil {
			good++
		}
	}
	if u.dryRun {
		return c.printUploads(all, true)
	}
	if good > 0 && !c.Yes {
		if err := c.Confirm(ctx, c.uploadListing(all), ""); err != nil {
			return err
		}
	}
	c.uploadAll(ctx, all, good)
	return c.printUploads(all, false)
}

// uploadAll uploads what is good, one after the other.
func (c *invocation) uploadAll(ctx context.Context, all []*lifecycle.FoundUpload, good int) {
	var n atomic.Int64
	stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.upload"), N: int(n.Load()), Of: good} })
	defer stop()
	for _, f := range all {
		switch {
		case f.Skipped != "" || f.Err != nil:
		case ctx.Err() != nil:
			f.Err = out.NothingBegun(ctx.Err())
		default:
			f.Result, f.Err = c.engine().Upload(ctx, f.Request)
			n.Add(1)
		}
	}
}

// findUploads reads directories and files, and sorts what they hold into uploads, which
// it plans, and files that are left out.
func (c *invocation) findUploads(ctx context.Context, password model.Secret, paths []string) (all []*lifecycle.FoundUpload, err error) {
	stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.read")} })
	defer stop()
	var pairing bundle.Pairing
	total := 0
	for _, path := range paths {
		found := []session.Found{{Path: path}}
		if c.IsDir(path) {
			if found, err = c.Walk(ctx, path); err != nil {
				return nil, out.Usage("usage.walk", "cause", err)
			}
		}
		for _, f := range found {
			if f.Why == "" {
				f.Why, err = c.addUpload(ctx, &pairing, &total, password, f.Path)
			}
			if err != nil {
				return nil, err
			}
			if f.Why != "" {
				all = append(all, &lifecycle.FoundUpload{Files: []string{f.Path}, Skipped: f.Why})
			}
		}
	}
	candidates, left := pairing.Result()
	for n := range candidates {
		f := &lifecycle.FoundUpload{Files: candidates[n].Names(), Request: lifecycle.UploadRequest{Files: candidates[n].Files}}
		f.Result, f.Err = c.engine().PlanUpload(f.Request)
		all = append(all, f)
	}
	for _, l := range left {
		f := &lifecycle.FoundUpload{Files: []string{l.Name}}
		if f.Skipped = l.Why.Why; !l.Skipped {
			f.Skipped, f.Err = "", &rules.Refusal{Action: rules.Upload, Reason: rules.ReasonCertificate, Rule: "I3",
				Args: rules.Args{"why": l.Why.Why, "hint": l.Why.Hint, "code": l.Why.Reason}}
		}
		all = append(all, f)
	}
	return all, nil
}

// addUpload reads a file that was found. why is the reason to leave it out.
func (c *invocation) addUpload(
	ctx context.Context, to *bundle.Pairing, total *int, password model.Secret, path string,
) (why model.Text, err error) {
	data, err := c.readFile(ctx, path)
	switch {
	case ctx.Err() != nil:
		return "", out.NothingBegun(ctx.Err())
	case err != nil:
		return model.TextOf(fileUsageError(path, err)), nil
	case len(data) > bundle.MaxBytes:
		return model.Say("verb.upload.large"), nil
	}
	if *total += len(data); *total > maxFound {
		return "", out.Usage("usage.walk-bytes", "most", maxFound>>20)
	}
	to.Add(bundle.File{Name: path, Data: data, Password: password})
	return "", nil
}

// uploadListing says what would be uploaded, and why not the rest.
func (c *invocation) uploadListing(all []*lifecycle.FoundUpload) string {
	var rows [][]string
	good, bad, skipped := 0, 0, 0
	for _, f := range all {
		files := strings.Join(f.Files, ", ")
		switch {
		case f.Skipped != "":
			skipped++
			rows = append(rows, []string{c.Text("verb.upload.skip"), "-", "-", files, c.Words().Text(f.Skipped)})
		case f.Err != nil:
			bad++
			rows = append(rows, []string{c.Text("verb.upload.bad"), "-", "-", files, c.Words().Text(model.TextOf(f.Err))})
		default:
			good++
			v := &f.Result.Instance.Versions[0]
			var notes []string
			for _, w := range f.Result.Warnings {
				notes = append(notes, c.Words().Text(w.Text))
			}
			rows = append(rows, []string{
				c.Text(
					"verb.upload.good",
				),
				f.Result.Instance.Name,
				c.expires(v.NotAfter, c.engine().Now()),
				files,
				strings.Join(notes, "; "),
			})
		}
	}
	return out.FormatTable(c.Heads("what", "name", "expires", "files", "note"), rows) +
		c.Text("verb.upload.found", "good", good, "bad", bad, "skipped", skipped)
}

// printUploads prints what was or would be uploaded, what not and why. The exit code is
// 0 if all certificates are good, 3 if all were refused, and 1 otherwise.
func (c *invocation) printUploads(all []*lifecycle.FoundUpload, dryRun bool) error {
	counts := many{invocation: c, action: rules.Upload}
	for _, f := range all {
		if f.Skipped == "" {
			counts.all = append(counts.all, &work{outcome: outcome{err: f.Err}})
		}
	}
	switch {
	case c.JSON:
		if err := c.printUploadsJSON(all, dryRun); err != nil {
			return err
		}
	case dryRun:
		c.Print(c.uploadListing(all))
		c.Say("verb.many.dry")
	default:
		c.reportUploads(all)
		counts.summary()
	}
	return counts.exit()
}

func (c *invocation) printUploadsJSON(all []*lifecycle.FoundUpload, dryRun bool) error {
	items := []uploadJSON{}
	for _, f := range all {
		j := uploadJSON{Files: f.Files, Skipped: out.OrNil(out.English(f.Skipped)), Error: out.NewErrorBody(f.Err)}
		switch {
		case f.Skipped != "" || f.Err != nil:
		case dryRun:
			j.Result = plannedUpload(&f.Result)
		default:
			j.ID, j.Result = out.OrNil(f.Result.Instance.ID), c.instance(&f.Result.Instance)
		}
		items = append(items, j)
	}
	return c.PrintJSON(items)
}

// reportUploads prints a line for each certificate and for each file that is left out. A
// warning about several certificates is printed once, at the end, with their number.
func (c *invocation) reportUploads(all []*lifecycle.FoundUpload) {
	hints := map[string]bool{"": true}
	var warned []model.Text // in the order in which they came up
	names := map[model.Text][]string{}
	for _, f := range all {
		switch {
		case f.Skipped != "":
			c.Note("verb.upload.skipped", "file", f.Files[0], "why", f.Skipped)
		case f.Err != nil:
			at := model.Say("verb.at", "place", f.Files[0], "cause", model.TextOf(f.Err))
			c.PrintProblem(at, out.ProblemOf(f.Err).Hint, hints)
		default:
			for _, w := range f.Result.Warnings {
				if names[w.Text] == nil {
					warned = append(warned, w.Text)
				}
				names[w.Text] = append(names[w.Text], f.Result.Instance.Name)
			}
			c.Say("verb.upload.done", "name", f.Result.Instance.Name, "id", f.Result.Instance.ID)
		}
	}
	for _, what := range warned {
		if at := names[what]; len(at) == 1 {
			c.Note("verb.at", "place", at[0], "cause", model.Say("verb.warning", "what", what))
		} else {
			c.Note("verb.upload.warning", "n", len(at), "what", what)
		}
	}
}
