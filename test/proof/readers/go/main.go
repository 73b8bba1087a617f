// The readers of docker compose and of docker run --env-file, unmodified.
//
// Each line of standard input is a JSON object {"reader","text"}. The answer to each is one line,
// {"values"} or {"error"}. If EVERY_VARIABLE is set, every variable that a reader looks up in the
// environment has its value. Otherwise none is set.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/sirupsen/logrus"
)

type question struct{ Reader, Text string }

type answer struct {
	Values map[string]string `json:"values,omitempty"`
	Error  string            `json:"error,omitempty"`
}

func environment(string) (string, bool) { return os.LookupEnv("EVERY_VARIABLE") }

func compose(text string) (map[string]string, error) {
	return dotenv.ParseWithLookup(strings.NewReader(text), environment)
}

func docker(text string) (map[string]string, error) {
	lines, err := kvfile.ParseFromReader(strings.NewReader(text), environment)
	values := make(map[string]string)
	for _, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		values[key] = value
	}
	return values, err
}

func read(asked question) answer {
	reader := map[string]func(string) (map[string]string, error){"compose": compose, "docker": docker}[asked.Reader]
	if reader == nil {
		return answer{Error: "no such reader"}
	}
	values, err := reader(asked.Text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Values: values}
}

func main() {
	logrus.SetLevel(logrus.PanicLevel)
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	output := bufio.NewWriter(os.Stdout)
	for input.More() {
		var asked question
		if err := input.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		line, err := json.Marshal(read(asked))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		output.Write(append(line, '\n'))
	}
	if err := output.Flush(); err != nil {
		os.Exit(1)
	}
}
