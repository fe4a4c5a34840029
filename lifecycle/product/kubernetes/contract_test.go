package kubernetes_test

import "testing"

func TestContract(t *testing.T) { runContract(t, fakeCluster) }
