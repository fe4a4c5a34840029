package discover

import (
	"path"
	"strconv"
	"strings"
)

// cronTables are files, or folders of files, that say what cron starts.
var cronTables = []string{
	"/etc/crontab", "/etc/cron.d", "/etc/cron.daily", "/etc/cron.weekly", "/var/spool/cron", "/var/spool/cron/crontabs",
	"/var/spool/cron/tabs",
}

// unitFolders are where the timers of systemd are.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// starter is what starts a client on the host: the first timer, or line of a cron table,
// that names it; "" for none that can be read. One that is there and switched off is told
// as well.
func (c *catch) starter(client string) string {
	if by, known := c.starters[client]; known {
		return by
	}
	by := c.timer(client)
	if by == "" {
		by = c.cron(client)
	}
	c.starters[client] = by
	return by
}

func (c *catch) timer(client string) string {
	if c.timers == nil {
		c.timers = []string{}
		for _, folder := range unitFolders {
			for _, e := range c.tree.dir(folder) {
				if strings.HasSuffix(e.Name, ".timer") {
					c.timers = append(c.timers, e.Name)
				}
			}
		}
	}
	for _, name := range c.timers {
		if strings.Contains(name, client) {
			return name
		}
	}
	return ""
}

// cronLine is a line of a cron table that starts something.
type cronLine struct{ source, text string }

func (c *catch) cron(client string) string {
	if c.cronLines == nil {
		c.cronLines = []cronLine{}
		for _, table := range cronTables {
			if c.tree.hasFile(table) {
				c.readCron(table)
				continue
			}
			for _, e := range c.tree.dir(table) {
				if e.Mode.IsRegular() {
					c.readCron(path.Join(table, e.Name))
				}
			}
		}
	}
	for _, l := range c.cronLines {
		if strings.Contains(l.text, client) {
			return l.source
		}
	}
	return ""
}

func (c *catch) readCron(file string) {
	data, err := c.tree.read(file)
	if err != nil { // it is of somebody else
		return
	}
	for n, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			c.cronLines = append(c.cronLines, cronLine{file + ":" + strconv.Itoa(n+1), line})
		}
	}
}
