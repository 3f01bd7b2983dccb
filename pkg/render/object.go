package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// printable lists the views that can be printed as objects.
type printable interface {
	view.ClusterStatus | view.ClusterStatusList | view.ExposedService | view.ExposedServiceList | view.Version
}

// Object prints a view with one of kubectl's printers. -o name prints what the
// view is about (iriscluster.intersystems.com/NAME, service/NAME), every other
// format the view itself.
func Object[V printable](w io.Writer, printer printers.ResourcePrinter, v V) error {
	object, err := objectOf(v)
	if err != nil {
		return err
	}
	if _, ok := printer.(*printers.NamePrinter); ok {
		setSubject(object.Object)
		if object.IsList() {
			list, err := object.ToList()
			if err != nil {
				return fmt.Errorf("cannot list the names: %w", err)
			}
			return Print(w, printer, list)
		}
	}
	return Print(w, printer, object)
}

// Print prints an object with one of kubectl's printers, in one write. It
// returns an error of w even if the printer ignores it, as kubectl's printer for
// -o name does.
func Print(w io.Writer, printer printers.ResourcePrinter, object runtime.Object) error {
	var out bytes.Buffer
	failed := printer.PrintObj(object, &out)
	if _, err := out.WriteTo(w); err != nil {
		return err
	}
	return failed
}

// objectOf returns a view as kubectl's printers take it.
func objectOf(v any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the view: %w", err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("cannot encode the view: %w", err)
	}
	fillLists(object.Object)
	return object, nil
}

// fillLists replaces null by []. Only lists are null in an encoded view: every
// other field is left out if it has no value.
func fillLists(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			if field == nil {
				value[key] = []any{}
			}
			fillLists(field)
		}
	case []any:
		for _, item := range value {
			fillLists(item)
		}
	}
}

// setSubject replaces the kind of an encoded view, and of its items, by the kind
// of what the view is about.
func setSubject(object map[string]any) {
	switch object["kind"] {
	case view.KindClusterStatus:
		object["apiVersion"], object["kind"] = iris.APIVersion, iris.Kind
	case view.KindExposedService:
		object["apiVersion"], object["kind"] = "v1", "Service"
	}
	items, _ := object["items"].([]any)
	for _, item := range items {
		setSubject(item.(map[string]any))
	}
}
