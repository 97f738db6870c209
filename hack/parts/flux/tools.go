//go:build tools

// Package tools names the controller of Flux that hack/parts builds. Its own go.mod replaces its API by a local folder, which the
// module's archive leaves out; the one here repeats the other replacements.
package tools

import _ "github.com/fluxcd/kustomize-controller"
