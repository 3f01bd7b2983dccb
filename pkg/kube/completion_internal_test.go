package kube

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Names are read from the metadata of objects, out of the server's cache.
func TestRequestsForNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		paths := map[string]string{
			"namespaces":   "/api/v1/namespaces",
			"pods":         "/api/v1/namespaces/iko/pods",
			"services":     "/api/v1/namespaces/iko/services",
			"irisclusters": "/apis/" + iris.GroupVersionResource().GroupVersion().String() + "/namespaces/iko/irisclusters",
		}
		for resource := range paths {
			server.Set(resource, func(r *http.Request) (*http.Response, error) {
				return kubetest.JSON(r, http.StatusOK, metav1.PartialObjectMetadataList{
					Items: []metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{Name: "one"}}},
				}), nil
			})
		}
		names := client.Names()
		namespaces, err := names.Namespaces(t.Context())
		if err != nil || strings.Join(namespaces, " ") != "one" {
			t.Errorf("namespaces: %q, %v", namespaces, err)
		}
		clusters, err := names.Clusters(t.Context(), "iko")
		if err != nil || strings.Join(clusters, " ") != "one" {
			t.Errorf("clusters: %q, %v", clusters, err)
		}
		if _, err := names.Pods(t.Context(), "iko", "simple"); err != nil {
			t.Error(err)
		}
		if _, err := names.MadeServices(t.Context(), "iko"); err != nil {
			t.Error(err)
		}
		for resource, path := range paths {
			requests := server.Requests(resource)
			if len(requests) != 1 {
				t.Errorf("%s: %d requests", resource, len(requests))
				continue
			}
			r := requests[0]
			if r.URL.Path != path || r.URL.Query().Get("resourceVersion") != "0" || !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
				t.Errorf("%s: %s, %q", resource, r.URL, r.Header)
			}
		}
	})
}
