//go:build tools

// Package tools names the jq that the examples for pipelines are tested with.
package tools

import _ "github.com/itchyny/gojq/cmd/gojq"
