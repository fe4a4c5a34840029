package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"certquay/cmd/session"
	"certquay/model"
)

// Interval returns the interval between backups.
func (b Backup) Interval() (time.Duration, error) {
	hours := map[string]int64{"h": 1, "d": 24}
	for unit, of := range hours {
		digits, ok := strings.CutSuffix(b.Every, unit)
		if n, err := strconv.ParseUint(digits, 10, 16); ok && err == nil && n > 0 && int64(n)*of <= 24*maxDays {
			return time.Duration(int64(n)*of) * time.Hour, nil
		}
	}
	return 0, model.Fail("config.no-interval", "value", b.Every)
}

// Recipient parses an age public key. SSH keys are not accepted, although age can use
// them, because they were not made for encryption.
func Recipient(key string) (age.Recipient, error) {
	all, err := age.ParseRecipients(strings.NewReader(key))
	if err != nil || len(all) != 1 || strings.TrimSpace(key) != key {
		return nil, model.Fail("config.no-recipient", "key", session.Escape(key, 80)) // age's message quotes the key
	}
	return all[0], nil
}

func (b Backup) check(d *decoder) {
	_, err := b.Interval()
	d.rule(err == nil, "backup.every", model.Say("config.interval", "most", maxDays), "1d")
	d.rule(b.Keep > 0 && b.Keep <= 10000, "backup.keep", model.Say("config.range", "from", 1, "to", 10000), "7")
	for n, r := range b.Recipients {
		_, err := Recipient(r)
		d.rule(err == nil, fmt.Sprintf("backup.recipients[%d]", n), model.Say("config.recipient"),
			model.Say("config.recipient.example"))
	}
	if b.Directory == "" {
		return
	}
	d.rule(len(b.Recipients) > 0 || b.PassphraseFile != "", "backup.directory",
		model.Say("config.backup-key"), "recipients: [age1...]")
	d.rule(len(b.Recipients) == 0 || b.PassphraseFile == "", "backup.passphrase_file",
		model.Say("config.backup-keys"), nil)
}
