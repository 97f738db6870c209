//go:build tools

// Package tools names the name server of a node that hack/parts builds.
package tools

import _ "github.com/coredns/coredns"
