// Command kstatus tells what Flux, and whoever else waits by kstatus, make of objects: it reads JSON objects, one after another, and
// writes for each a line of JSON with the status and the message that the library computes.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var object json.RawMessage
		err := in.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = judge(out, object)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func judge(out *json.Encoder, text []byte) error {
	var object unstructured.Unstructured // reads whole numbers as such, which the library asks for
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return err
	}
	return out.Encode(map[string]string{"status": result.Status.String(), "message": result.Message})
}
