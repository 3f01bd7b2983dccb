package cluster_test

import (
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func TestSelects(t *testing.T) {
	pods := []iris.Pod{
		{Name: "both", Labels: map[string]string{"a": "1", "b": "2"}},
		{Name: "empty", Labels: map[string]string{"a": "1", "b": ""}},
		{Name: "bare"},
	}
	for name, test := range map[string]struct {
		selector map[string]string
		want     []string
	}{
		"one key":                           {map[string]string{"a": "1"}, []string{"both", "empty"}},
		"two keys":                          {map[string]string{"a": "1", "b": "2"}, []string{"both"}},
		"a missing key is no empty value":   {map[string]string{"b": ""}, []string{"empty"}},
		"another value":                     {map[string]string{"a": "2"}, nil},
		"a Service without a selector":      {nil, nil},
		"a Service with an empty selector":  {map[string]string{}, nil},
		"a key that no pod carries":         {map[string]string{"c": ""}, nil},
		"a key that is missing beside one":  {map[string]string{"a": "1", "c": ""}, nil},
		"a value that is too long to carry": {map[string]string{"a": string(make([]byte, 64))}, nil},
	} {
		var selected []string
		for _, pod := range cluster.Selected(test.selector, pods) {
			selected = append(selected, pod.Name)
		}
		equal(t, name, test.want, selected)
		for _, pod := range pods {
			equal(t, name+" of "+pod.Name, contains(test.want, pod.Name), cluster.Selects(test.selector, pod))
		}
	}
}
