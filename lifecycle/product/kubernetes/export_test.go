package kubernetes

import "testing"

// SetServiceAccount moves the service account of a pod, for one test.
func SetServiceAccount(t *testing.T, dir string) {
	t.Helper()
	before := serviceAccount
	serviceAccount = dir
	t.Cleanup(func() { serviceAccount = before })
}
