// Package images holds the programs of the stand-in images: static binaries that
// stand in for InterSystems IRIS, its web gateway and its arbiter on the local
// node, so that tests and the demo have real processes behind real Services.
// None of them is, or holds, a product of InterSystems. Package localkube builds
// and packs them.
//
// # iris
//
// The container's process plays one instance, called IRIS. Its role comes from
// the mirror map in the file that ISC_CPF_MERGE_FILE names, as IKO writes it, and
// from the number at the end of the pod's name; without a map it is not a mirror
// member. The members look each other up at the API server, with the pod's own
// service account, and ask each other ten times a second: they agree on one
// primary, and the backup takes over after about a second when the primary's pod, its
// container or its instance goes.
//
//	port 1972   superserver: a line that says whose it is, then an echo
//	port 52773  web server, unless IRIS_WEB_PORT says otherwise (0: none)
//	port 2188   ISCAgent: GET /member, and POST /primary for a planned switch
//
// It writes "count N" five times a second. The command iris has list, qlist,
// session, stop, start, restart and force; waitISC.sh is the readiness probe that
// was seen in IKO's pods. The switches are the stand-in's own:
//
//	stand-in answer TYPE STATUS   what IRIS says of itself from now on, whatever is true
//	stand-in hang                 iris list and iris qlist give no answer for a minute
//	stand-in reset                neither of the two
//	stand-in crash                end the container, and this command perhaps with it
//
// # webgateway
//
// It listens on 80, or the port that WEBGATEWAY_PORT names.
//
//	/csp/sys/UtilHome.csp       a page that names pod, instance and the role that IRIS says
//	/csp/bin/mirror_status.cxw  200 SUCCESS beside the primary, 503 FAILED elsewhere
//	/stand-in/echo              POST: the body comes back
//	/stand-in/sum               POST: the SHA-256 of the body, in hex
//	/stand-in/bytes?size=N      N bytes; the trailer Stand-In-Sha256 has their SHA-256
//
// # arbiter
//
// It listens on 2188 and says what it is. The members agree without it: that an
// arbiter goes changes nothing.
package images

// Names of the images, which nobody else has: pods need the imagePullPolicy Never.
const (
	IRIS       = "localhost/stand-in-iris:1"
	WebGateway = "localhost/stand-in-webgateway:1"
	Arbiter    = "localhost/stand-in-arbiter:1"
	// Pause is for the sandboxes of pods.
	Pause = "localhost/pause:1"
)
