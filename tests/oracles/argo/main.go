// Measures one metric of an AnalysisTemplate with Argo Rollouts' own code.
//
// stdin: {"metric": METRIC, "args": {NAME: VALUE}}; stdout: {"phase", "value", "message"}.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/argoproj/argo-rollouts/metricproviders"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/utils/analysis"
	log "github.com/sirupsen/logrus"
)

type question struct {
	Metric v1alpha1.Metric   `json:"metric"`
	Args   map[string]string `json:"args"`
}

func main() {
	log.SetOutput(os.Stderr)
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	if err := analysis.ValidateMetrics([]v1alpha1.Metric{asked.Metric}); err != nil {
		fail(err)
	}
	var args []v1alpha1.Argument
	for name, value := range asked.Args {
		value := value
		args = append(args, v1alpha1.Argument{Name: name, Value: &value})
	}
	metric, err := analysis.ResolveMetricArgs(asked.Metric, args)
	if err != nil {
		fail(err)
	}
	factory := metricproviders.ProviderFactory{}
	provider, err := factory.NewProvider(*log.NewEntry(log.StandardLogger()), "default", *metric)
	if err != nil {
		fail(err)
	}
	measured := provider.Run(&v1alpha1.AnalysisRun{}, *metric)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"phase": string(measured.Phase), "value": measured.Value, "message": measured.Message,
	})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
