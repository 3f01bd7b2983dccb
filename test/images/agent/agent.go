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
}

// bound is how much of an answer is read, in bytes.
const bound = 1 << 16

// Ask asks the agent at the address, without a port.
func Ask(ctx context.Context, client *http.Client, address string) (Report, error) {
	url := "http://" + net.JoinHostPort(address, strconv.Itoa(Port)) + "/member"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Report{}, err
	}
	response, err := client.Do(request)
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
