package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Documents prints a list of clusters, or one cluster, each time that it changes:
// one document per change. It must not be used concurrently.
type Documents struct {
	w       io.Writer
	printer printers.ResourcePrinter
	last    []byte
}

// NewDocuments returns Documents that print to w with one of kubectl's printers.
// Each document of JSON is one line, so that the stream can be read line by line.
func NewDocuments(w io.Writer, printer printers.ResourcePrinter) *Documents {
	return &Documents{w: w, printer: streaming(printer)}
}

// Clusters prints a list, unless it equals the last one.
func (d *Documents) Clusters(list view.ClusterStatusList) error { return show(d, list) }

// Cluster prints a cluster, unless it equals the last one.
func (d *Documents) Cluster(c view.ClusterStatus) error { return show(d, c) }

func show[V printable](d *Documents, v V) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode the view: %w", err)
	}
	if bytes.Equal(data, d.last) {
		return nil
	}
	d.last = data
	var out bytes.Buffer
	if err := Object(&out, d.printer, v); err != nil {
		return err
	}
	// A template may not end its last line; the next document must start on a new one.
	if out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteString("\n")
	}
	_, err = out.WriteTo(d.w)
	return err
}

// streaming returns a printer for a stream of documents. kubectl's printer for
// JSON is wrapped in one that omits managed fields, which views do not have.
func streaming(printer printers.ResourcePrinter) printers.ResourcePrinter {
	if omit, ok := printer.(*printers.OmitManagedFieldsPrinter); ok {
		printer = omit.Delegate
	}
	if _, ok := printer.(*printers.JSONPrinter); ok {
		return printers.ResourcePrinterFunc(func(object runtime.Object, w io.Writer) error {
			return json.NewEncoder(w).Encode(object)
		})
	}
	return printer
}
