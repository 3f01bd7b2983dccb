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

// View is every kind that can be printed as an object.
type View interface {
	view.ClusterStatus | view.ClusterStatusList | view.ExposedService | view.ExposedServiceList | view.Version
}

// Object prints a view with one of kubectl's printers: -o json, yaml, kyaml,
// jsonpath and go-template show the view, -o name names what it is about
// (iriscluster.intersystems.com/NAME, service/NAME).
func Object[V View](w io.Writer, printer printers.ResourcePrinter, v V) error {
	if _, ok := printer.(*printers.NamePrinter); ok {
		for _, subject := range subjectsOf(v) {
			if err := Print(w, printer, subject); err != nil {
				return err
			}
		}
		return nil
	}
	object, err := objectOf(v)
	if err != nil {
		return err
	}
	return Print(w, printer, object)
}

// Print prints an object with one of kubectl's printers, in one write. It
// returns an error of w also with a printer that ignores it, as kubectl's
// printer for -o name does.
func Print(w io.Writer, printer printers.ResourcePrinter, object runtime.Object) error {
	var out bytes.Buffer
	failed := printer.PrintObj(object, &out)
	if _, err := out.WriteTo(w); err != nil {
		return err
	}
	return failed
}

// objectOf is a view as kubectl's printers take it.
func objectOf(v any) (runtime.Object, error) {
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

// fillLists puts [] where encoding/json put null: the views leave out every
// other field that has no value.
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

// subjectsOf are references to the objects that a view is about.
func subjectsOf(v any) []*unstructured.Unstructured {
	var subjects []*unstructured.Unstructured
	switch v := v.(type) {
	case view.ClusterStatus:
		subjects = append(subjects, reference(iris.APIVersion, iris.Kind, v.Metadata))
	case view.ClusterStatusList:
		for _, item := range v.Items {
			subjects = append(subjects, subjectsOf(item)...)
		}
	case view.ExposedService:
		subjects = append(subjects, reference("v1", "Service", v.Metadata))
	case view.ExposedServiceList:
		for _, item := range v.Items {
			subjects = append(subjects, subjectsOf(item)...)
		}
	}
	return subjects
}

func reference(apiVersion, kind string, m view.Metadata) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	return u
}
