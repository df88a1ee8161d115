// Asks a gate with Flagger's own code, the way its controller does.
//
// stdin: {"canary": CANARY, "template": METRIC_TEMPLATE}; with a template its query is rendered and
// run, and held to the range of the canary's first metric; without one the first webhook is called.
// stdout: {"proceeds", "message"}.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/controller"
	"github.com/fluxcd/flagger/pkg/metrics/observers"
	"github.com/fluxcd/flagger/pkg/metrics/providers"
)

type question struct {
	Canary   flaggerv1.Canary          `json:"canary"`
	Template *flaggerv1.MetricTemplate `json:"template"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	err := ask(asked)
	answer := map[string]any{"proceeds": err == nil, "message": ""}
	if err != nil {
		answer["message"] = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer)
}

func ask(asked question) error {
	if asked.Template == nil {
		hook := asked.Canary.Spec.Analysis.Webhooks[0]
		return controller.CallWebhook(asked.Canary, flaggerv1.CanaryPhaseProgressing, hook)
	}
	return measure(asked)
}

func measure(asked question) error {
	canary, metric := asked.Canary, asked.Canary.Spec.Analysis.Metrics[0]
	query, err := observers.RenderQuery(asked.Template.Spec.Query, flaggerv1.MetricTemplateModel{
		Name:      canary.Name,
		Namespace: canary.Namespace,
		Target:    canary.Spec.TargetRef.Name,
		Interval:  metric.Interval,
		Variables: metric.TemplateVariables,
	})
	if err != nil {
		return err
	}
	provider, err := providers.Factory{}.Provider(metric.Interval, asked.Template.Spec.Provider, nil)
	if err != nil {
		return err
	}
	value, err := provider.RunQuery(query)
	if err != nil {
		return err
	}
	within := metric.ThresholdRange
	if within.Min != nil && value < *within.Min {
		return fmt.Errorf("%.2f < %v", value, *within.Min)
	}
	if within.Max != nil && value > *within.Max {
		return fmt.Errorf("%.2f > %v", value, *within.Max)
	}
	return nil
}
