package render

import (
	"cmp"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Exposed prints a row for each Service that this tool created.
func Exposed(w io.Writer, list view.ExposedServiceList, o Options) error {
	return printTable(w, exposedColumns(o), list.Items, o)
}

func exposedColumns(o Options) []column[view.ExposedService] {
	var columns []column[view.ExposedService]
	if o.Namespaces {
		columns = append(columns, plain("NAMESPACE", func(s view.ExposedService) string { return s.Metadata.Namespace }))
	}
	columns = append(columns,
		plain("NAME", func(s view.ExposedService) string { return s.Metadata.Name }),
		plain("CLUSTER", func(s view.ExposedService) string { return cmp.Or(ptr.Deref(s.Target, view.Target{}).Cluster, unknown) }),
		plain("TARGET", func(s view.ExposedService) string { return target(s.Target) }),
		column[view.ExposedService]{"REACHES", func(s view.ExposedService) cell { return reaches(s.Service, o.Wide) }},
		plain("TYPE", func(s view.ExposedService) string { return s.Type }),
		column[view.ExposedService]{"ADDRESS", func(s view.ExposedService) cell { return address(s.Service) }},
		plain("PORTS", func(s view.ExposedService) string { return ports(s.Ports) }),
		plain(headerAge, func(s view.ExposedService) string { return age(s.Metadata.CreationTimestamp, o.Now) }),
	)
	if o.Wide {
		columns = append(columns,
			plain("URL", func(s view.ExposedService) string { return cmp.Or(strings.Join(s.URLs, ","), none) }),
			plain("MATCH-LABELS", func(s view.ExposedService) string { return labels.FormatLabels(s.Selector) }),
		)
	}
	return columns
}
