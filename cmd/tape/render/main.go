// Command render plays VHS scripts and draws what they show:
//
//	go run ./cmd/tape/render demo.tape                      writes what Output and Screenshot name
//	go run ./cmd/tape/render -sheet all.png FILE...         puts screens into one picture
//
// A file for a sheet is a PNG, or a screen as text, with or without colours.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"certquay/cmd/tape"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("render", flag.ContinueOnError)
	output := flags.String("o", "", "write this `file` (.gif, .png or .txt) instead of what the tape's Output names")
	every := flags.String("frames", "", "write every frame as PNG into this `folder` as well")
	pace := flags.Float64("pace", 1, "play this many times faster; sleeps last until the screen is quiet")
	sheet := flags.String("sheet", "", "draw the files into this one `picture`")
	columns := flags.Int("columns", 2, "columns of a sheet")
	width := flags.Int("width", 0, "most pixels of a picture on a sheet, from which on it is made smaller")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: render [flags] demo.tape, or render -sheet all.png [flags] FILE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *sheet != "" && flags.NArg() > 0:
		return contact(*sheet, flags.Args(), *columns, *width)
	case *sheet == "" && flags.NArg() == 1:
		return render(ctx, flags.Arg(0), *output, *every, *pace, out)
	}
	flags.Usage()
	return flag.ErrHelp
}

// render plays one tape and writes its pictures.
func render(ctx context.Context, path, output, every string, pace float64, out io.Writer) error {
	t, err := tape.Load(path)
	if err != nil {
		return err
	}
	outputs := t.Outputs
	if output != "" {
		outputs = []string{output}
	}
	for _, o := range outputs { // before minutes go by
		if _, ok := writers[filepath.Ext(o)]; !ok {
			return fmt.Errorf("%s: only .gif, .png, .txt and .ascii are written; name one with -o", o)
		}
	}
	p, err := tape.NewPainter(t.Settings)
	if err != nil {
		return err
	}
	w, h := p.Cell()
	rec, err := tape.Play(ctx, t, tape.Options{Pace: pace, CellWidth: w, CellHeight: h})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "played %s: %d frames of %d x %d cells in %s\n", path, len(rec.Frames), rec.Columns, rec.Rows, rec.End.Round(time.Millisecond))
	for _, o := range outputs {
		from := time.Now()
		if err := write(o, func(w io.Writer) error { return writers[filepath.Ext(o)](p, w, rec) }); err != nil {
			return err
		}
		st, err := os.Stat(o)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "wrote %s: %d KB in %s\n", o, st.Size()>>10, time.Since(from).Round(time.Millisecond))
	}
	for _, s := range rec.Shots {
		if err := write(s.Path, func(w io.Writer) error { return p.PNG(w, s.Frame) }); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", s.Path)
	}
	if every == "" {
		return nil
	}
	for i, f := range rec.Frames {
		name := filepath.Join(every, fmt.Sprintf("%04d-%06dms.png", i, f.At.Milliseconds()))
		if err := write(name, func(w io.Writer) error { return p.PNG(w, f) }); err != nil {
			return err
		}
	}
	return nil
}

// writers write a recording in each form that there is: a PNG and a text are of
// the last screen.
var writers = map[string]func(*tape.Painter, io.Writer, *tape.Recording) error{
	".gif": (*tape.Painter).GIF,
	".png": func(p *tape.Painter, w io.Writer, r *tape.Recording) error {
		return p.PNG(w, r.Frames[len(r.Frames)-1])
	},
	".txt":   text,
	".ascii": text,
}

func text(_ *tape.Painter, w io.Writer, r *tape.Recording) error {
	_, err := io.WriteString(w, r.Frames[len(r.Frames)-1].Text()+"\n")
	return err
}

// write creates a file and its folder.
func write(path string, content func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}

// contact draws a contact sheet of files.
func contact(path string, files []string, columns, width int) error {
	t, err := tape.Parse("sheet", "Set FontSize 16", os.ReadFile)
	if err != nil {
		return err
	}
	p, err := tape.NewPainter(t.Settings)
	if err != nil {
		return err
	}
	var pictures []tape.Picture
	for _, name := range files {
		m, err := picture(p, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		pictures = append(pictures, tape.Picture{Caption: filepath.Base(name), Image: m})
	}
	m, err := p.Sheet(pictures, columns, width)
	if err != nil {
		return err
	}
	return write(path, func(w io.Writer) error { return png.Encode(w, m) })
}

// picture reads a PNG, or draws a screen that is text.
func picture(p *tape.Painter, name string) (image.Image, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(name), ".png") {
		return png.Decode(strings.NewReader(string(b)))
	}
	columns, rows := 1, 0
	for line := range strings.Lines(strings.TrimSuffix(string(b), "\n")) {
		columns, rows = max(columns, ansi.StringWidth(strings.TrimRight(line, "\r\n"))), rows+1
	}
	columns, rows = min(columns, 500), min(max(rows, 1), 500)
	return p.Fit(columns, rows).Image(tape.Still(string(b), columns, rows)), nil
}
