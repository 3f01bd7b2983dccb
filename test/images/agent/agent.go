// Package agent is what an instance tells about itself on the stand-in's ISCAgent
// port: to the other members, to the web gateway beside it, and to the stand-in
// operator.
package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// Port is that of ISCAgent.
const Port = 2188

// Report is what GET /member answers, as JSON.
type Report struct {
	mirror.Member
	// Instance is the instance's name.
	Instance string
	// Type and Status are what IRIS says of itself, in the words of iris qlist;
	// both are empty if it is no mirror member.
	Type, Status string
	// Since is when the instance started, or stopped.
	Since time.Time
	// Late is how long pages about the instance take.
	Late time.Duration
	// AlertsRead is how often /api/monitor/alerts was read.
	AlertsRead int
}

// bound is how much of an answer is read, in bytes.
const bound = 1 << 16

// MirrorStatus writes the page that tells whether the instance is the primary. [S]
func MirrorStatus(w http.ResponseWriter, report Report) {
	if report.Up && report.Status == "Primary" {
		_, _ = io.WriteString(w, "SUCCESS") // the reader may have gone
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "FAILED")
}

// Get gets a page of the instance's REST API from the agent at the address, without a port.
func Get(ctx context.Context, client *http.Client, address, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(address, strconv.Itoa(Port))+path, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(request)
}

// Ask asks the agent at the address, without a port.
func Ask(ctx context.Context, client *http.Client, address string) (Report, error) {
	response, err := Get(ctx, client, address, "/member")
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	if response.StatusCode != http.StatusOK {
		return Report{}, fmt.Errorf("asking the agent at %s: %s", address, response.Status)
	}
	var report Report
	err = json.NewDecoder(io.LimitReader(response.Body, bound)).Decode(&report)
	return report, err
}
