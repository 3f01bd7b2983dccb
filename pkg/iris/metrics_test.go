package iris_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func TestParseMetrics(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want *iris.Mirror
	}{
		"as an instance writes them": {
			`iris_cpu_usage 5
iris_db_size_mb{id="USER",dir="/usr/irissys/mgr/user/"} 11
iris_mirror_failover_ready 1
iris_mirror_member_type 3
iris_mirror_missing_databases 0
iris_mirror_status 2
`,
			&iris.Mirror{MemberType: "Failover", Status: "Primary"},
		},
		"with comments, labels and times": {
			"# HELP iris_mirror_status 9\n# TYPE iris_mirror_status gauge\n" +
				"iris_mirror_status{id=\"IRISMIRROR1 } x\"} 3 1712345678000\niris_mirror_member_type{} 3.0\n",
			&iris.Mirror{MemberType: "Failover", Status: "Backup"},
		},
		"the first values":         {"iris_mirror_member_type 1\niris_mirror_status 1\n", &iris.Mirror{MemberType: "Indeterminate", Status: "Not Initialized"}},
		"the last values":          {"iris_mirror_member_type 7\niris_mirror_status 9\n", &iris.Mirror{MemberType: "Read-Write Reporting", Status: "Crashed"}},
		"values that are unknown":  {"iris_mirror_member_type 8\niris_mirror_status 0\n", &iris.Mirror{MemberType: "8", Status: "0"}},
		"a name that is longer":    {"iris_mirror_status_total 2\n", nil},
		"not in a mirror":          {"iris_mirror_member_type 2\niris_mirror_status 1\n", &iris.Mirror{}},
		"without the member type":  {"iris_mirror_status 2\n", &iris.Mirror{Status: "Primary"}},
		"the member type alone":    {"iris_mirror_member_type 3\n", nil},
		"without the mirror":       {"iris_cpu_usage 5\n", nil},
		"no metrics":               {"<html>iris_mirror_status 2</html>", nil},
		"a value that is none":     {"iris_mirror_status NaN\n", nil},
		"a value of another kind":  {"iris_mirror_status 2.5\n", nil},
		"no value":                 {"iris_mirror_status\niris_mirror_status{\niris_mirror_status{}\n", nil},
		"lines that end otherwise": {"iris_mirror_status 2\r\niris_mirror_member_type 3\r\n", &iris.Mirror{MemberType: "Failover", Status: "Primary"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, iris.ParseMetrics(test.text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
