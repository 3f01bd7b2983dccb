package instances

import (
	"context"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// A SessionCluster is what Session needs of the Kubernetes cluster.
type SessionCluster interface {
	TargetCluster
	// AskInstance asks IRIS in one pod, of any component, by iris qlist.
	AskInstance(ctx context.Context, pod iris.Pod) iris.Answer
}

// Session finds the command that runs a session with an instance.
type Session struct {
	action.Config
	Client  SessionCluster
	Request reach.Request
	// IRISNamespace is where the session begins, or "" for the user's default.
	IRISNamespace string
}

// A SessionCommand is a command to run in a container.
type SessionCommand struct {
	Namespace, Pod, Container string
	Command                   []string
}

// Prepare returns the command, and warns of an instance that is a backup or not up.
func (s Session) Prepare(ctx context.Context) (SessionCommand, error) {
	t, err := findTarget(ctx, s.Config, s.Client, s.Request)
	if err != nil {
		return SessionCommand{}, err
	}
	if component := t.pod.Component(); t.pod.IRIS == nil || component != iris.ComponentData && component != iris.ComponentCompute {
		return SessionCommand{}, problem.New("pod %q in namespace %q runs no IRIS instance", t.pod.Name, t.Namespace).
			Hint("kubectl iris status %s -n %s shows those that do", t.Cluster.Name, t.Namespace)
	}
	instance, err := s.instance(ctx, t)
	if err != nil {
		return SessionCommand{}, err
	}
	s.Notef("session with instance %s in %s", instance, t.who())
	command := []string{"iris", "session", instance}
	if s.IRISNamespace != "" {
		command = append(command, "-U", s.IRISNamespace)
	}
	return SessionCommand{t.Namespace, t.pod.Name, t.pod.IRIS.Name, command}, nil
}

// defaultInstance is the name of a container's instance unless it was given
// another.
const defaultInstance = "IRIS"

// instance returns the name of the instance in the target pod, as IRIS says.
func (s Session) instance(ctx context.Context, t target) (string, error) {
	pod := t.pod.Pod
	answer, asked := t.answers[pod.UID]
	if !asked {
		ctx, cancel := s.WithTimeout(ctx)
		defer cancel()
		answer = s.Client.AskInstance(ctx, pod)
	}
	for _, refusal := range answer.Refused {
		if refusal.Source == iris.FromQlist && refusal.Resource != "" {
			return "", problem.New("cannot run a session in pod %q in namespace %q: %s", pod.Name, pod.Namespace, refusal.Why).
				Hint("ask for the right to create pods/exec in namespace %q; kubectl auth can-i create pods --subresource=exec -n %s reports whether you have it", pod.Namespace, pod.Namespace)
		}
	}
	if answer.Role() == iris.MirrorBackup || pod.MirrorRole() == iris.MirrorBackup && !answer.Contradicts(iris.MirrorBackup) {
		s.Warnf("pod %q is a backup: running application code there is not supported by InterSystems (GHA_mirror_set), and writes to mirrored databases fail", pod.Name)
	}
	switch {
	case answer.Instance == nil:
		s.Warnf("the instance's name is not known, %s is assumed: %s", defaultInstance, answer.Why())
		return defaultInstance, nil
	case answer.Instance.Condition != iris.Running:
		s.Warnf("instance %s in pod %q is %s", answer.Instance.Name, pod.Name, answer.Instance.Status)
	}
	return answer.Instance.Name, nil
}
