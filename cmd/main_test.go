package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"certquay/cmd"
	keystores "certquay/lifecycle/bundle/decode"
	"certquay/lifecycle/notify"
)

// TestMain lets the test binary be certquay when it is run under that name, so
// that scripts start it as a program of its own: with the race detector when
// the tests have it.
func TestMain(m *testing.M) {
	keystores.RunIfChild()
	notify.RunIfChild()
	testscript.Main(suite{m}, map[string]func(){
		"certquay": func() { os.Exit(cmd.Main()) },
	})
}

// suite removes the built program at the end; testscript.Main never returns.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer func() {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
	}()
	return s.M.Run()
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// program builds certquay as a person does, once, and returns its path. It has
// no race detector: what is tested with it is what processes do to each other.
func program(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "certquay-program-"); built.err != nil {
			return
		}
		c := exec.Command("go", "build", "-o", filepath.Join(built.dir, "certquay"), "certquay")
		if out, err := c.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "certquay")
}

// maxProgram is how large certquay may be as go build makes it, with its symbols: 75 MB.
const maxProgram = 75_000_000

// A new dependency is paid by everybody who installs the program.
func TestTheProgramIsNotTooLarge(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(program(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	if info.Size() > maxProgram {
		t.Errorf("certquay has %d bytes, and %d are allowed; go version -m lists what is in it", info.Size(), maxProgram)
	}
}

// requireProgram skips a test if a program is missing; in CI that is a failure.
func requireProgram(t testing.TB, name string) {
	t.Helper()
	if missing, err := lacks(name); err != nil {
		t.Fatal(err)
	} else if missing {
		t.Skipf("%s is not installed", name)
	}
}

// lacks says whether a program, or a file when the name has slashes, is not
// there. On CI that is an error.
func lacks(name string) (bool, error) {
	var err error
	if strings.Contains(name, "/") {
		_, err = os.Stat(name)
	} else {
		_, err = exec.LookPath(name)
	}
	if err != nil && os.Getenv("CI") == "true" {
		return true, fmt.Errorf("%s must be installed on CI: %w", name, err)
	}
	return err != nil, nil
}

// home is what a person's environment is set to: an empty home directory, with
// the XDG directories in it.
func home(dir string) []string {
	return []string{
		"HOME=" + dir,
		"XDG_DATA_HOME=" + filepath.Join(dir, ".local", "share"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, ".config"),
		"XDG_STATE_HOME=" + filepath.Join(dir, ".local", "state"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, ".cache"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, ".run"),
		"LANG=C.UTF-8", "LC_ALL=", "TERM=dumb", "NO_COLOR=1",
	}
}

// raceScripts are run with the race detector in certquay itself when the tests
// have it. The others would take minutes that way, and add nothing to it.
var raceScripts = []string{"life", "revocation"}

// builtScripts need the DNS providers, which only the program as it is built has.
var builtScripts = []string{"issuer-dns"}

// raceEnabled reports whether the tests were built with the race detector.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// TestScripts runs the scripts of testdata/script, each with an empty home.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			dir := filepath.Join(e.WorkDir, "home")
			e.Vars = append(e.Vars, home(dir)...)
			e.Vars = append(e.Vars, "DATA="+filepath.Join(dir, ".local", "share", "certquay"))
			name := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
			if raceEnabled() && !slices.Contains(raceScripts, name) || slices.Contains(builtScripts, name) {
				e.Vars = append(e.Vars, "PATH="+filepath.Dir(program(t))+string(filepath.ListSeparator)+e.Getenv("PATH"))
			}
			return os.Mkdir(dir, 0o700)
		},
		Condition: func(cond string) (bool, error) {
			if name, ok := strings.CutPrefix(cond, "missing:"); ok {
				return lacks(name)
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: scriptCommands,
	})
}
