//go:build tools

// Package tools names the registry client that hack/parts builds.
package tools

import _ "github.com/google/go-containerregistry/cmd/crane"
