package notify

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/googlechat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/lark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/signal"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/teams"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/wecom"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/zulip"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/opsgenie"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/pagerduty"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/bark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ifttt"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/join"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushbullet"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/notifiarr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"certquay/model"
)

// sender is what is used of shoutrrr's types.Service. That interface has templates in
// it, and a program that can execute one is linked with every exported method there is:
// so neither it nor the library's router is used.
type sender interface {
	Initialize(u *url.URL, log types.StdLogger) error
	Send(message string, params *types.Params) error
}

// custom is a sender that understands addresses of webhooks as they are.
type custom interface {
	GetConfigURLFromCustom(u *url.URL) (*url.URL, error)
}

// senders make the services by the scheme of their channels: those of the library's
// router without smtp, since mail goes another way, and logger, which delivers nothing.
var senders = map[string]func() sender{
	"bark":       func() sender { return &bark.Service{} },
	"discord":    func() sender { return &discord.Service{} },
	"generic":    func() sender { return &generic{} },
	"gotify":     func() sender { return &gotify.Service{} },
	"googlechat": func() sender { return &googlechat.Service{} },
	"hangouts":   func() sender { return &googlechat.Service{} },
	"ifttt":      func() sender { return &ifttt.Service{} },
	"join":       func() sender { return &join.Service{} },
	"lark":       func() sender { return &lark.Service{} },
	"matrix":     func() sender { return &matrix.Service{} },
	"mattermost": func() sender { return &mattermost.Service{} },
	"notifiarr":  func() sender { return &notifiarr.Service{} },
	"ntfy":       func() sender { return &ntfy.Service{} },
	"opsgenie":   func() sender { return &opsgenie.Service{} },
	"pagerduty":  func() sender { return &pagerduty.Service{} },
	"pushbullet": func() sender { return &pushbullet.Service{} },
	"pushover":   func() sender { return &pushover.Service{} },
	"rocketchat": func() sender { return &rocketchat.Service{} },
	"signal":     func() sender { return &signal.Service{} },
	"slack":      func() sender { return &slack.Service{} },
	"teams":      func() sender { return &teams.Service{} },
	"telegram":   func() sender { return &telegram.Service{} },
	"wecom":      func() sender { return &wecom.Service{} },
	"zulip":      func() sender { return &zulip.Service{} },
}

// service makes the chat's service of a channel. A scheme such as generic+https has the
// service understand the address of a webhook as it is.
func service(u *url.URL) (sender, error) {
	base, _, _ := strings.Cut(u.Scheme, "+")
	mk := senders[base]
	switch {
	case base == "smtp":
		return nil, model.Fail("notify.mail-elsewhere")
	case mk == nil:
		return nil, model.Fail("notify.no-service", "services", slices.Sorted(maps.Keys(senders)))
	}
	s := mk()
	if u.Scheme != base {
		c, ok := s.(custom)
		if !ok {
			return nil, model.Fail("notify.no-custom", "service", base, "scheme", u.Scheme)
		}
		var err error
		if u, err = c.GetConfigURLFromCustom(u); err != nil {
			return nil, err
		}
	}
	return s, s.Initialize(u, nil)
}
