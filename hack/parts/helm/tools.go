//go:build tools

// Package tools names the programs that hack/parts builds to test the chart with.
package tools

import (
	_ "github.com/yannh/kubeconform/cmd/kubeconform"
	_ "helm.sh/helm/v4/cmd/helm"
)
