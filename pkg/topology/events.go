package topology

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// An eventKey is a type of event and the object that it is about, with its uid: a
// StatefulSet recreates its pods under the same names.
type eventKey struct {
	eventType, kind string
	types.NamespacedName
	uid types.UID
}

// eventIndex has the newest event of each type for each object.
type eventIndex map[eventKey]*corev1.Event

func newEventIndex(all []corev1.Event) eventIndex {
	index := eventIndex{}
	for i := range all {
		event, object := &all[i], all[i].InvolvedObject
		index.add(eventKey{event.Type, object.Kind, types.NamespacedName{Namespace: object.Namespace, Name: object.Name}, object.UID}, event)
	}
	return index
}

func (index eventIndex) add(about eventKey, event *corev1.Event) {
	if old := index[about]; old == nil || compareEvents(old, event) < 0 {
		index[about] = event
	}
}

// compareEvents orders events by time. Times are in whole seconds; within one, names
// decide, which end in the time too.
func compareEvents(a, b *corev1.Event) int {
	return cmp.Or(EventTime(*a).Compare(EventTime(*b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

// EventTime returns when an event last happened. Which of its times are set
// depends on who wrote it.
func EventTime(event corev1.Event) time.Time {
	times := []time.Time{event.CreationTimestamp.Time, event.LastTimestamp.Time, event.EventTime.Time}
	if event.Series != nil {
		times = append(times, event.Series.LastObservedTime.Time)
	}
	return slices.MaxFunc(times, time.Time.Compare)
}

// text returns what the newest event of a type about an object says, as one line of
// bounded length; "" if there is none. An event without a uid is about any object of
// the name.
func (index eventIndex) text(eventType, kind string, object types.NamespacedName, uid types.UID) string {
	event := cmp.Or(index[eventKey{eventType, kind, object, uid}], index[eventKey{eventType, kind, object, ""}])
	if event == nil {
		return ""
	}
	return text.Excerpt(event.Reason + ": " + event.Message)
}

// A refusal is the newest Warning that a StatefulSet or ReplicaSet could not create a
// pod.
type refusal struct {
	*corev1.Event
	// controller names the StatefulSet or ReplicaSet: statefulset simple-data-0.
	controller string
	// why is the cause, without the names of pod and controller.
	why string
}

const (
	kindStatefulSet = "StatefulSet"
	kindReplicaSet  = "ReplicaSet"
	// reasonNotCreated is the event's reason if a pod was refused: by a quota, Pod
	// Security admission, a webhook, or for its name.
	reasonNotCreated = "FailedCreate"
)

// newestRefusals returns the refusals by namespace, in order of name.
func newestRefusals(all []corev1.Event) map[string][]refusal {
	newest := eventIndex{}
	for i := range all {
		event, object := &all[i], all[i].InvolvedObject
		if event.Type == corev1.EventTypeWarning && event.Reason == reasonNotCreated &&
			(object.Kind == kindStatefulSet || object.Kind == kindReplicaSet) {
			newest.add(eventKey{"", object.Kind, types.NamespacedName{Namespace: object.Namespace, Name: object.Name}, ""}, event)
		}
	}
	refusals := map[string][]refusal{}
	for of, event := range newest {
		_, why, isLong := strings.Cut(event.Message, " failed error: ")
		if !isLong {
			why = event.Message
		}
		refusals[of.Namespace] = append(refusals[of.Namespace], refusal{
			Event:      event,
			controller: strings.ToLower(of.kind) + " " + text.OneLine(of.Name),
			why:        text.Excerpt(event.Reason + ": " + why),
		})
	}
	for _, list := range refusals {
		slices.SortFunc(list, func(a, b refusal) int {
			return cmp.Or(cmp.Compare(a.InvolvedObject.Name, b.InvolvedObject.Name), cmp.Compare(a.InvolvedObject.Kind, b.InvolvedObject.Kind))
		})
	}
	return refusals
}
