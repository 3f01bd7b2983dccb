package iris

// A Fact is yes, no, or not known. What was not read or not answered is
// Unknown and never taken for No. The zero value is Unknown.
type Fact int8

// The values of a Fact.
const (
	Unknown Fact = iota
	Yes
	No
)

// FactOf returns Yes if is, else No: for what is known.
func FactOf(is bool) Fact {
	if is {
		return Yes
	}
	return No
}

// String returns yes, no or unknown.
func (f Fact) String() string {
	switch f {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "unknown"
}
