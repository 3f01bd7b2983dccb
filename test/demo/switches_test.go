package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// The annotations that demo switches names are those of the stand-in.
func TestSwitches(t *testing.T) {
	t.Parallel()
	known := []string{
		standin.AnnotationLabels, standin.AnnotationLabelDelay, standin.AnnotationPrimary, standin.AnnotationAsync, standin.AnnotationAsyncLabel,
		standin.AnnotationMirrorMap, standin.AnnotationSidecarPorts, standin.AnnotationWebServer, standin.AnnotationPhase, standin.AnnotationReason,
		standin.AnnotationSync, standin.AnnotationPaused,
	}
	var named []string
	for _, found := range regexp.MustCompile(`(?:^|[ \n])([a-z-]+)=`).FindAllStringSubmatch(switches, -1) {
		named = append(named, "stand-in.kubectl-iris/"+found[1])
	}
	named = slices.DeleteFunc(named, func(name string) bool { return strings.HasSuffix(name, "/--tcp") })
	slices.Sort(named)
	slices.Sort(known)
	if !slices.Equal(known, named) {
		t.Errorf("named %v, want %v", named, known)
	}
}
