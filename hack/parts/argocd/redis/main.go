// Command redis is the cache that Argo CD's two processes share: its protocol and commands, in memory, on one loopback address.
// Its library is the one that Argo CD's own tests run on.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Its clock stands still by itself, and Argo CD expects what it stores to expire.
	for range time.Tick(time.Second) {
		server.FastForward(time.Second)
	}
}
