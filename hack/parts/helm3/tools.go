//go:build tools

// Package tools names the older major version of Helm that the chart is tested with, too. A module of its own: each Helm is built
// with the libraries that it was released with.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
