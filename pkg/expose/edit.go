package expose

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An Edit sets or removes a key of a Service's selector, labels or annotations.
type Edit struct {
	Key    string
	Value  string
	Remove bool
}

const editHint = "the form is KEY=VALUE to set a key, KEY- to remove it; it may be given several times"

// ParseEdit reads KEY=VALUE, which sets a key, and KEY-, which removes it. Any
// other form is a usage error.
func ParseEdit(s string) (Edit, error) {
	if key, value, ok := strings.Cut(s, "="); ok {
		return Edit{Key: key, Value: value}, nil
	}
	if key, ok := strings.CutSuffix(s, "-"); ok {
		return Edit{Key: key, Remove: true}, nil
	}
	return Edit{}, problem.Usage("must be KEY=VALUE or KEY-").Hint(editHint)
}

// ParseSelector is ParseEdit for a selector, whose keys and values are those of
// labels.
func ParseSelector(s string) (Edit, error) {
	e, err := ParseEdit(s)
	switch {
	case err != nil:
		return e, err
	case len(validation.IsQualifiedName(e.Key)) != 0:
		return Edit{}, problem.Usage("%q is not a label key", e.Key).Hint(editHint)
	case len(validation.IsValidLabelValue(e.Value)) != 0:
		return Edit{}, problem.Usage("%q is not a label value", e.Value).Hint(editHint)
	}
	return e, nil
}

// String returns the form that ParseEdit reads.
func (e Edit) String() string {
	if e.Remove {
		return e.Key + "-"
	}
	return e.Key + "=" + e.Value
}

// shown returns an edit for a message: without the value of an annotation, which may
// be secret.
func shown(field problem.Field, e Edit) string {
	if field == fieldAnnotation && !e.Remove {
		return e.Key + "=..."
	}
	return e.String()
}

// validateEdits returns a usage error for labels or annotations that no object can
// have, and for a key that is both set and removed.
func validateEdits(field problem.Field, edits []Edit) error {
	for _, e := range edits {
		switch {
		case isOwnLabel(e.Key) && (field == fieldLabel || e.Remove):
			return problem.Usage("invalid %s %q: this tool sets the label itself", field, e).
				Hint("the Service is recognised by it; choose another key")
		case len(validation.IsQualifiedName(strings.ToLower(e.Key))) != 0 || field == fieldLabel && len(validation.IsQualifiedName(e.Key)) != 0:
			return problem.Usage("invalid %s %q: %q is not a key", field, shown(field, e), e.Key).Hint("the form is KEY=VALUE or KEY-, for example example.com/team=blue")
		case field == fieldLabel && len(validation.IsValidLabelValue(e.Value)) != 0:
			return problem.Usage("invalid %s %q: %q is not a label value", field, e, e.Value).
				Hint("use up to 63 letters, digits, -, _ and ., with a letter or digit at both ends; %s takes any text", fieldAnnotation)
		case e.Remove && slices.ContainsFunc(edits, func(other Edit) bool { return other.Key == e.Key && !other.Remove }):
			return problem.Usage("%s %s and %s %s=... cannot be used together", field, e, field, e.Key).
				Hint("%s %s=VALUE alone replaces the value of the serviceTemplate", field, e.Key)
		}
	}
	return nil
}

// split returns what edits set, and the keys that they remove.
func split(edits []Edit) (set map[string]string, removed []string) {
	set = map[string]string{}
	for _, e := range edits {
		if e.Remove {
			removed = append(removed, e.Key)
		} else {
			set[e.Key] = e.Value
		}
	}
	return set, removed
}
