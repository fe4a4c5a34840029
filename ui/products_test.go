package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// TestAProductIsAddedByKeysAlone goes from the first screen to a product that is ready for
// deployments and has a tab of its own. spec: P1
func TestAProductIsAddedByKeysAlone(t *testing.T) {
	b := kittest.New()
	d := drive(t, b, 120, 40, asOwner)
	d.keys("3").sees("M products").keys("M").sees("SLB", "cn-hangzhou, ap-southeast-1", "in the configuration", "add a product")
	d.keys("a").sees("Each has a tab of its own").keys("ctrl+s").sees("it is the title of the tab")
	d.choose("driver", "server").fill("name", "Web").keys("ctrl+s").sees("Add Web by server", "SSH hosts", "server -s reload")
	d.fill("ssh", "deploy@web1, w 2").
		keys("tab").
		sees("must be a host as user@host or user@host:port").
		fill("ssh", "deploy@web1, deploy@web2")
	d.fill("reload", "sh -c 'oops").keys("tab").sees("has a quote that is not closed").fill("reload", "sh -c 'a b'")
	d.fill("conf", kittest.MissingConf).fill("token_file", "canary-token")
	if d.has("canary") {
		t.Fatalf("the secret stands on the screen:\n%s", d.screen())
	}
	d.keys("ctrl+s").sees("Web would not work yet", kittest.MissingConf+": there is no such file", "no permission to reload")
	d.keys("esc").sees("Web", "web1, web2", "added by ada", "given, not shown", "sh -c 'a b'").keys("G", "k", "e")
	d.sees("Web by server", "sh -c 'a b'").fill("conf", "/etc/other.conf").keys("ctrl+s").sees("Web is saved and ready for deployments")
	d.keys("T").sees("Web is ready for deployments").keys("enter", "]").sees("watch a server").keys("[")
	p, err := b.Access.Product("web")
	if err != nil || fmt.Sprint(p.Declared.Settings["reload"]) != "[sh -c a b]" || !slices.Equal(p.Regions, []string{"web1", "web2"}) ||
		p.Declared.Settings["conf"] != "/etc/other.conf" || !slices.Equal(p.Declared.SecretNames, []string{"token_file"}) {
		t.Errorf("%+v, %v", p, err)
	}
	d.keys("M", "G", "k", "ctrl+x").sees("Remove Web", "servers are left as they are").keys("y").sees("Web is removed").keys("esc")
	d.feed()
	if strings.Contains(d.screen(), "Web 0") {
		t.Errorf("the tab is there:\n%s", d.screen())
	}
	d.called("product Web", "product Web", "product Web")
}

// TestProductsOfTheConfigurationAreNotChanged refuses with the way out. spec: P1
func TestProductsOfTheConfigurationAreNotChanged(t *testing.T) {
	d := drive(t, kittest.New(), 120, 40, asOwner)
	d.keys("3", "M", "ctrl+x").sees("SLB is declared in the configuration", "edit the configuration file").keys("esc")
	d.keys("e").sees("SLB is declared in the configuration").keys("esc", "T").sees("SLB is ready for deployments")
	d = drive(t, kittest.New(), 120, 40)
	d.keys("3", "M", "a").sees("operator")
}
