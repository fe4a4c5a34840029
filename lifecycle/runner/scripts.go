package runner

// The file operations of hosts on which commands are all there is. Scripts are fixed; what
// varies are their positional parameters, and content is on standard input. They need a
// POSIX shell, Linux, and the tools of GNU coreutils and findutils. Those of busybox do too, but
// its mv replaces no link to a directory, which is an error that says so.

// Statuses by which a script says why it failed; others are those of a tool that failed.
const (
	statusNotExist   = 71
	statusPermission = 72
	statusExist      = 73
	statusNotDir     = 74
	statusNoFile     = 75
	statusNoLink     = 76
	statusCut        = 77 // less arrived than was sent
	statusCrossing   = 78 // from one file system to another
	statusBusybox    = 79 // a link to a directory cannot be replaced
)

// begin runs a program by a shell. It prints the mark, the first parameter, before it on
// both outputs, so that what login scripts print is told apart, and on standard output the
// process group or why there is no such program.
const begin = `PATH=$PATH:` + systemPath + ` LC_ALL=C
export PATH LC_ALL
case $2 in
*/*) [ -e "$2" ] || { echo "$1 none"; exit 127; }
     [ -x "$2" ] && [ ! -d "$2" ] || { echo "$1 denied"; exit 126; } ;;
*) command -v "$2" >/dev/null 2>&1 || { echo "$1 none"; exit 127; } ;;
esac
group=$$
[ ! -r /proc/$$/stat ] || read -r pid name state parent group rest </proc/$$/stat
echo "$1 $group"
echo "$1" >&2
shift
exec "$@"`

// end kills a process group.
const end = `kill -s TERM -- "-$1" || exit
sleep 1
kill -s KILL -- "-$1" 2>/dev/null
exit 0`

// common holds functions of the scripts below.
//
//   - reach PATH leaves with the reason if there is no such entry.
//   - follow PATH does so if a link leads to none.
//   - inside DIR leaves with the reason if DIR is no directory in which entries can change.
//   - put OLD NEW renames, and leaves with the reason if it cannot.
//   - abandoned BEGINNING removes old temporary files.
const common = `umask 077
parent() { dir=${1%/*}; dir=${dir:-/}; }
reach() {
  if [ -e "$1" ] || [ -L "$1" ]; then return; fi
  parent "$1"
  while [ ! -e "$dir" ] && [ ! -L "$dir" ]; do parent "$dir"; done
  [ -d "$dir" ] || exit 74
  [ -x "$dir" ] || exit 72
  exit 71
}
follow() {
  entry=$1 links=0
  while [ ! -e "$entry" ] && [ -L "$entry" ] && [ $links -lt 40 ]; do
    target=$(readlink "$entry") links=$((links+1))
    case $target in
    /*) entry=$target ;;
    *) entry=${entry%/*}/$target ;;
    esac
  done
  reach "$entry"
  [ -e "$entry" ] || exit 71
}
inside() {
  follow "$1"
  [ -d "$1" ] || exit 74
  [ -w "$1" ] && [ -x "$1" ] || exit 72
}
put() {
  if [ -d "$2" ] && [ ! -L "$2" ]; then
    [ -d "$1" ] && [ ! -L "$1" ] || exit 73
  fi
  mv -fT "$1" "$2" && return
  [ -L "$2" ] && [ -d "$2" ] && exit 79
  exit 70
}
abandoned() {
  for entry in "$1"*; do
    [ -z "$(find "$entry" -prune -mmin +60 2>/dev/null)" ] || rm -f "$entry"
  done
}
`

const statFormat = `'%f %s %u %g %Y'`

const (
	// path
	lstatScript = common + `reach "$1"; exec stat -c ` + statFormat + ` "$1"`
	statScript  = common + `follow "$1"; exec stat -L -c ` + statFormat + ` "$1"`
	// path; nothing follows the target
	readlinkScript = common + `reach "$1"; [ -L "$1" ] || exit 76; exec readlink -n "$1"`
	// path, how many bytes
	readScript = common + `follow "$1"
[ -f "$1" ] || exit 75
[ -r "$1" ] || exit 72
exec head -c "$2" "$1"`
	// path. Each entry ends with two slashes, which no name has, and the directory itself is
	// one. With the permissions that were looked for, an entry cannot be described only if it
	// has vanished meanwhile.
	readDirScript = common + `follow "$1"
[ -d "$1" ] || exit 74
[ -r "$1" ] && [ -x "$1" ] || exit 72
cd "$1" || exit
find . \( -name . -o -prune \) -exec stat -c '%f %s %u %g %Y %n//' {} + 2>/dev/null
exit 0`
	// path, temporary path, its beginning, mode, user:group or nothing, length of the content,
	// which is on standard input, seconds of its time or nothing. The file stays open from its creation on, so that the
	// content goes into no other.
	writeScript = common + `parent "$1"
inside "$dir"
abandoned "$3"
set -C
exec 9>"$2" || exit
set +C
trap 'rm -f "$2"' EXIT
trap 'exit 70' HUP INT TERM PIPE
[ -z "$5" ] || chown "$5" "$2" || exit
chmod "$4" "$2" || exit
cat >&9 || exit
exec 9>&-
[ "$(stat -c %s "$2")" = "$6" ] || exit 77
[ -z "$7" ] || touch -d "@$7" "$2" 2>/dev/null || :
sync "$2" || exit
put "$2" "$1"
trap - EXIT
exec sync "$dir"`
	// path, temporary path, its beginning, target
	symlinkScript = common + `parent "$1"
inside "$dir"
abandoned "$3"
ln -s -- "$4" "$2" || exit
trap 'rm -f "$2"' EXIT
trap 'exit 70' HUP INT TERM PIPE
put "$2" "$1"
trap - EXIT
exec sync "$dir"`
	// old path, new path. A move to another file system would be no renaming.
	renameScript = common + `reach "$1"
parent "$1"; from=$dir
parent "$2"; to=$dir
inside "$from"; inside "$to"
[ "$(stat -L -c %d "$from")" = "$(stat -L -c %d "$to")" ] || exit 78
put "$1" "$2"
exec sync "$to" "$from"`
	// path
	removeScript = common + `reach "$1"
parent "$1"; inside "$dir"
if [ -L "$1" ] || [ ! -d "$1" ]; then
  rm -f "$1" || exit
else
  rmdir "$1" || exit 73
fi
exec sync "$dir"`
	// path, mode, user:group or nothing
	mkdirScript = common + `make() {
  [ ! -d "$1" ] || return 0
  [ ! -e "$1" ] || exit 74
  parent "$1"
  make "$dir" "$2" "$3" || return
  parent "$1"
  inside "$dir"
  mkdir "$1" || { [ -d "$1" ]; return; }
  [ -z "$3" ] || chown "$3" "$1" || return
  chmod "$2" "$1" || return
  sync "$dir"
}
make "$1" "$2" "$3"`
)
