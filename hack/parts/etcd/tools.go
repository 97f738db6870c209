//go:build tools

// Package tools names the etcd server that hack/parts builds (its module has replace directives, which `go install` refuses).
package tools

import _ "go.etcd.io/etcd/server/v3"
