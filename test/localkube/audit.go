package localkube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// AuditRequest is a request that the API server has received, as its audit log
// tells.
type AuditRequest struct {
	// Verb is get, list, watch, create, update, patch, delete or
	// deletecollection; for a path that is no resource the HTTP method in lower case.
	Verb string
	// URI is the path and the query.
	URI string
	// User is who asked, by the certificate or token; impersonation does not show.
	User      string
	UserAgent string
	// Group, Resource, Subresource, Namespace and Name say what was asked for;
	// they are empty where they do not apply.
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	// Code is the HTTP status; 0 while there is none, as with an open watch. It
	// may be written a moment after the client has got it.
	Code     int
	Received time.Time
}

// ByUserAgent matches requests whose user agent begins with the prefix.
func ByUserAgent(prefix string) func(AuditRequest) bool {
	return func(r AuditRequest) bool { return strings.HasPrefix(r.UserAgent, prefix) }
}

// ByUser matches requests of the user.
func ByUser(name string) func(AuditRequest) bool {
	return func(r AuditRequest) bool { return r.User == name }
}

// AuditRequests lists the matching requests since the start of the cluster, in
// the order in which the API server received them. A request that has been
// answered is always among them. Those of the API server to itself and of the
// controllers are not recorded.
func (c *Cluster) AuditRequests(match func(AuditRequest) bool) ([]AuditRequest, error) {
	content, err := os.ReadFile(filepath.Join(c.Dir, auditLog))
	if err != nil {
		return nil, err
	}
	all, err := parseAudit(content)
	if err != nil {
		return nil, err
	}
	var matching []AuditRequest
	for _, r := range all {
		if match(r) {
			matching = append(matching, r)
		}
	}
	return matching, nil
}

// auditEvent is what is used of an audit.k8s.io/v1 Event. There is more than
// one for a request: it is logged before it is handled, and again after that.
type auditEvent struct {
	AuditID    string `json:"auditID"`
	RequestURI string `json:"requestURI"`
	Verb       string `json:"verb"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// parseAudit makes one request of the events that belong together.
func parseAudit(log []byte) ([]AuditRequest, error) {
	var requests []AuditRequest
	index := map[string]int{} // of the request, by audit ID
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // being written
		}
		var e auditEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		i, found := index[e.AuditID]
		if !found {
			i = len(requests)
			index[e.AuditID] = i
			requests = append(requests, AuditRequest{})
		}
		requests[i] = e.request()
	}
	return requests, nil
}

// request is what the event tells of its request.
func (e auditEvent) request() AuditRequest {
	return AuditRequest{
		Verb:        e.Verb,
		URI:         e.RequestURI,
		User:        e.User.Username,
		UserAgent:   e.UserAgent,
		Group:       e.ObjectRef.APIGroup,
		Resource:    e.ObjectRef.Resource,
		Subresource: e.ObjectRef.Subresource,
		Namespace:   e.ObjectRef.Namespace,
		Name:        e.ObjectRef.Name,
		Code:        e.ResponseStatus.Code,
		Received:    e.Received,
	}
}
