//go:build tools

// Package tools names Argo CD, of which hack/parts builds the one program that is its command line, its application controller and
// its repository server. go.mod repeats Argo CD's own replacements, and its limits on versions.
package tools

import _ "github.com/argoproj/argo-cd/v3/cmd"
