// Package conformance names the upstream suite, so that go.mod and go.sum hold all that building it needs.
package conformance

import _ "k8s.io/kubernetes/test/e2e"
