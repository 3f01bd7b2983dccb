//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// article is the cluster of the article from which the project comes.
const article = "../standin/testdata/article/cluster.yaml"

// What the first and the second member are before and after a failover.
const (
	mirrorRole      = "intersystems.com/mirrorRole"
	first, second   = "simple-data-0-0", "simple-data-0-1"
	primary, backup = "Failover Primary", "Failover Backup"
)

func TestFailover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)

	// The cluster's own Service leads to the primary's sidecar, by all ways.
	c.expectMembers(primary, backup)
	c.expectPortal(portal{Pod: first, Instance: "IRIS", Role: primary})
	c.expectSuperserver(first)

	before := c.pod(first).UID
	start := time.Now()
	c.deletePod(first)
	c.eventuallyMember(second, primary)
	t.Logf("the other member is primary %s after the pod was deleted", time.Since(start).Round(10*time.Millisecond))

	// The Service follows the label, which follows IRIS.
	c.expectPortal(portal{Pod: second, Instance: "IRIS", Role: primary})
	c.expectSuperserver(second)
	c.eventuallyMember(first, backup)
	if after := c.pod(first).UID; after == before {
		t.Error("the pod was not replaced")
	}
	c.expectMembers(backup, primary) // no fail-back
}

func TestCrashOfTheInstance(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.iris(first, "iris", "force", "IRIS")
	c.eventuallyMember(second, primary)
	if line := c.iris(first, "iris", "qlist"); !strings.Contains(line, "^down, last used ") {
		t.Errorf("the crashed instance says %q", line)
	}
	c.iris(first, "iris", "start", "IRIS")
	c.eventuallyMember(first, backup)

	// Now the container of the new primary.
	if out, err := c.tryKubectl("exec", second, "-c", irisContainer, "--", "stand-in", "crash"); err != nil {
		t.Logf("the command has ended with the container: %s %v", out, err)
	}
	c.eventuallyMember(first, primary)
	c.eventuallyMember(second, backup)
}

func TestAnswerIsIndependentOfTheMirror(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.iris(second, "stand-in", "answer", "Failover", "In Trouble")
	c.expectMembers(primary, "Failover In Trouble")
	c.iris(second, "stand-in", "reset")
	c.expectMembers(primary, backup)
}

func TestDisasterRecoveryMember(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.annotate(standin.AnnotationAsync, "1")
	c.eventuallyMember("simple-data-0-2", "Disaster Recovery Connected")
}

func TestPlannedSwitch(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.annotate(standin.AnnotationPrimary, second)
	c.eventuallyMember(first, backup)
	c.expectMembers(backup, primary)
	c.expectPortal(portal{Pod: second, Instance: "IRIS", Role: primary})
}

func TestLabelsFrozen(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.annotate(standin.AnnotationLabels, "frozen")
	c.iris(first, "iris", "restart", "IRIS")
	c.eventuallyMember(first, backup)
	c.expectMembers(backup, primary)
	// The cluster's own Service follows the label, and leads to the backup now.
	c.expectPortal(portal{Pod: first, Instance: "IRIS", Role: backup})
	want := map[string]string{first: "primary", second: "backup"}
	got := map[string]string{first: c.pod(first).Labels[mirrorRole], second: c.pod(second).Labels[mirrorRole]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// expectMembers fails unless IRIS says so in both members.
func (c irisCluster) expectMembers(first0, second1 string) {
	c.t.Helper()
	got := []string{c.member(first), c.member(second)}
	if diff := cmp.Diff([]string{first0, second1}, got); diff != "" {
		c.t.Errorf("members (-want +got):\n%s", diff)
	}
}

// eventuallyMember waits until IRIS in the pod says so.
func (c irisCluster) eventuallyMember(pod, want string) {
	c.t.Helper()
	eventually(c.t, pod, func(context.Context) error {
		if got := c.member(pod); got != want {
			return fmt.Errorf("it says %q, want %q", got, want)
		}
		return nil
	})
}

// expectPortal waits until the cluster's own Service leads to that portal, by each
// of the ways that there have to be.
func (c irisCluster) expectPortal(want portal) {
	c.t.Helper()
	eventually(c.t, "the portal of the Service "+c.name, func(ctx context.Context) error {
		service, err := core.CoreV1().Services(c.namespace).Get(ctx, c.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		ways := addresses(service, 80)
		for _, way := range []string{"cluster IP", "node port", "load balancer"} {
			got, err := getPortal(ctx, ways[way])
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			if got != want {
				return fmt.Errorf("%s: %+v, want %+v", way, got, want)
			}
		}
		return nil
	})
}

// expectSuperserver fails unless the superserver of the pod answers at the
// cluster's own Service, and sends back what it gets.
func (c irisCluster) expectSuperserver(pod string) {
	c.t.Helper()
	conn, err := net.DialTimeout("tcp", joinPort(c.service(c.name).Spec.ClusterIP, 1972), requestTimeout)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // what was written has come back
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		c.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if want := "stand-in superserver of IRIS in " + pod + "\nhello\n"; err != nil || string(got) != want {
		c.t.Errorf("superserver: %q, %v; want %q", got, err, want)
	}
}
