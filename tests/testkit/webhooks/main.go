// Command verify answers each line {"secret", "headers", "body"} with "ok", or with what Standard
// Webhooks' library for Go says against it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type message struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Println(verify(lines.Bytes()))
	}
}

func verify(line []byte) string {
	var said message
	if err := json.Unmarshal(line, &said); err != nil {
		return err.Error()
	}
	webhook, err := standardwebhooks.NewWebhook(said.Secret)
	if err != nil {
		return err.Error()
	}
	headers := http.Header{}
	for name, value := range said.Headers {
		headers.Set(name, value)
	}
	if err := webhook.Verify([]byte(said.Body), headers); err != nil {
		return err.Error()
	}
	return "ok"
}
