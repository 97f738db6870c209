//go:build tools

// Package tools names the Kubernetes programs that hack/parts and hack/node build. k8s.io/kubernetes replaces its
// staging modules by local folders, which `go install` refuses; go.mod repeats each replacement by version.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
