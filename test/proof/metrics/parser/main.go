// Reads metrics from its input with Prometheus's own parser, and checks their names with the linter
// of `promtool check metrics`. It prints one JSON object with the samples and the problems. If the
// text is not valid, it exits with 1.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

type answer struct {
	// Types are the types of the metrics, by name.
	Types map[string]string `json:"types"`
	// Samples are the values by name and labels, in the notation of PromQL. A histogram has one for
	// each bucket. They are texts, because JSON has no NaN.
	Samples  map[string]string  `json:"samples"`
	Problems []promlint.Problem `json:"problems"`
}

func read(text []byte) (*answer, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		return nil, err
	}
	found := &answer{Types: map[string]string{}, Samples: map[string]string{}, Problems: problems}
	all := make([]*dto.MetricFamily, 0, len(families))
	for name, family := range families {
		found.Types[name] = family.GetType().String()
		all = append(all, family)
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, all...)
	if err != nil {
		return nil, err
	}
	for _, sample := range samples {
		found.Samples[sample.Metric.String()] = sample.Value.String()
	}
	return found, nil
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		var found *answer
		if found, err = read(text); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(found)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
