package ui

import (
	"certquay/ui/app"
	"certquay/ui/page/activity"
	"certquay/ui/page/deployments"
	"certquay/ui/page/forecast"
	"certquay/ui/page/hosting"
	"certquay/ui/page/overview"
)

// deploymentsTab is the index of the tab that lists watched endpoints.
const deploymentsTab = 2

// tabs lists the pages in the order of their keys. Titles are catalogue keys, the short
// ones for narrow screens.
var tabs = []struct {
	title, short string
	make         func(*app.Context) app.Page
}{
	{"tab.overview", "tab.overview", overview.New},
	{"tab.hosting", "tab.hosting.short", hosting.New},
	{"tab.deployments", "tab.deployments", deployments.New},
	{"tab.activity", "tab.activity", activity.New},
	{"tab.forecast", "tab.forecast", forecast.New},
}
