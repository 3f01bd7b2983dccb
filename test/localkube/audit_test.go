package localkube

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseAudit(t *testing.T) {
	t.Parallel()
	const log = `{"stage":"RequestReceived","auditID":"1","requestURI":"/api/v1/namespaces/n/pods?watch=1","verb":"watch","user":{"username":"u"},"userAgent":"a/1","objectRef":{"resource":"pods","namespace":"n"},"requestReceivedTimestamp":"2026-11-22T15:33:33.163929Z"}
{"stage":"RequestReceived","auditID":"2","requestURI":"/apis/apps/v1/namespaces/n/statefulsets/s/status","verb":"patch","user":{"username":"u"},"userAgent":"a/1","objectRef":{"apiGroup":"apps","resource":"statefulsets","subresource":"status","namespace":"n","name":"s"},"requestReceivedTimestamp":"2026-11-22T15:33:34Z"}
{"stage":"ResponseComplete","auditID":"2","requestURI":"/apis/apps/v1/namespaces/n/statefulsets/s/status","verb":"patch","user":{"username":"u"},"userAgent":"a/1","objectRef":{"apiGroup":"apps","resource":"statefulsets","subresource":"status","namespace":"n","name":"s"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-22T15:33:34Z"}
{"stage":"RequestReceived","auditID":"3","reque`
	want := []AuditRequest{
		{
			Verb: "watch", URI: "/api/v1/namespaces/n/pods?watch=1", User: "u", UserAgent: "a/1",
			Resource: "pods", Namespace: "n", Received: time.Date(2026, 11, 22, 15, 33, 33, 163929000, time.UTC),
		},
		{
			Verb: "patch", URI: "/apis/apps/v1/namespaces/n/statefulsets/s/status", User: "u", UserAgent: "a/1",
			Group: "apps", Resource: "statefulsets", Subresource: "status", Namespace: "n", Name: "s",
			Code: 200, Received: time.Date(2026, 11, 22, 15, 33, 34, 0, time.UTC),
		},
	}
	got, err := parseAudit([]byte(log))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if _, err := parseAudit([]byte("no JSON\n")); err == nil {
		t.Error("a broken log is taken for a good one")
	}
}
