package rules

import (
	"testing"
	"time"
)

// spec: I8
func TestPublicLimitByTheDayOfIssue(t *testing.T) {
	for day, want := range map[string]int{
		"2026-03-14": 398, "2026-03-15": 200, "2027-03-14": 200, "2027-03-15": 100, "2029-03-14": 100, "2029-03-15": 47, "2035-01-01": 47,
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := publicLimit(at); got != time.Duration(want)*24*time.Hour {
			t.Errorf("on %s it is %s, want %d days", day, got, want)
		}
	}
	last := time.Date(2027, 3, 14, 23, 59, 59, 0, time.UTC)
	if publicLimit(last) != 200*24*time.Hour || publicLimit(last.Add(time.Second)) != 100*24*time.Hour {
		t.Error("the limit does not change at midnight UTC")
	}
}
