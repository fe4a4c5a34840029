// Ttyd replaces ttyd (https://github.com/tsl0922/ttyd), which Debian does not package,
// while VHS records a tape. It serves xterm.js on loopback, connects it to a program in
// a pseudo-terminal over a WebSocket, and accepts the options of ttyd that VHS uses.
// The environment variable XTERM names the directory of the npm packages @xterm/xterm,
// @xterm/addon-canvas and @xterm/addon-fit.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/coder/websocket"
	"github.com/creack/pty"
)

//go:embed page.html
var page []byte

// version is accepted by VHS, which requires 1.7.2 or later.
const version = "ttyd version 1.7.7"

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ttyd:", err)
		os.Exit(1)
	}
}

// serve serves one terminal on loopback until its page is closed.
func serve(args []string) error {
	port, command := "", []string(nil)
	for n := 0; n < len(args) && command == nil; n++ {
		switch a := args[n]; {
		case a == "--version":
			fmt.Println(version)
			return nil
		case strings.HasPrefix(a, "--port="):
			port = strings.TrimPrefix(a, "--port=")
		case a == "-t" || a == "--interface":
			n++ // options of the page, and the address, which is always loopback
		case !strings.HasPrefix(a, "--"):
			command = args[n:]
		}
	}
	files := os.Getenv("XTERM")
	if command == nil || files == "" {
		return errors.New("usage: XTERM=DIRECTORY ttyd --port=PORT COMMAND")
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	left := make(chan error, 1)
	mux := http.NewServeMux()
	mux.Handle("GET /xterm/", http.StripPrefix("/xterm/", http.FileServer(http.Dir(files))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("GET /terminal", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil) // accepts its own page only
		if err == nil {
			err = join(r.Context(), c, command)
		}
		left <- err
	})
	go func() { left <- http.Serve(l, mux) }() //nolint:gosec // on loopback, until VHS disconnects
	return <-left
}

// join runs the command in a pseudo-terminal and copies input and output until either
// side ends.
func join(ctx context.Context, c *websocket.Conn, command []string) error {
	p := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the command of VHS; it is killed below
	p.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor")
	f, err := pty.Start(p)
	if err != nil {
		return err
	}
	defer func() { _ = p.Process.Kill() }()
	go func() {
		defer func() { _ = c.CloseNow() }()
		buf := make([]byte, 32<<10)
		for {
			n, err := f.Read(buf)
			if n > 0 && c.Write(ctx, websocket.MessageBinary, buf[:n]) != nil || err != nil {
				return
			}
		}
	}()
	for {
		kind, message, err := c.Read(ctx)
		if err != nil {
			return nil // the page was closed
		}
		if kind == websocket.MessageBinary {
			if _, err := f.Write(message); err != nil {
				return err
			}
			continue
		}
		var size struct{ Cols, Rows uint16 }
		if err := json.Unmarshal(message, &size); err != nil {
			return fmt.Errorf("the size of the terminal: %w", err)
		}
		if err := pty.Setsize(f, &pty.Winsize{Cols: size.Cols, Rows: size.Rows}); err != nil {
			return err
		}
	}
}
