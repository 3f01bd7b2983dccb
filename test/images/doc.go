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
// The web server has these pages, without a login, and a line that says whose it is at any
// other path:
//
//	/api/monitor/metrics        a few of IRIS's metrics, in the text format of Prometheus
//	/api/monitor/alerts         always none; who asks is counted, for nobody may
//	/csp/bin/mirror_status.cxw  200 SUCCESS on the primary, 503 FAILED elsewhere
//
// It writes "count N" five times a second. The command iris has list, qlist,
// session, stop, start, restart and force; waitISC.sh is the readiness probe that
// was seen in IKO's pods. The switches are the stand-in's own, and change what IRIS says
// and nothing that is true:
//
//	stand-in answer TYPE STATUS   the member type and status that IRIS says of itself, everywhere
//	stand-in state STATE          the state in iris list and iris qlist: running, down, inhibited
//	                              (sign-on inhibited), transition (sign-on inhibited:primary
//	                              transition), node (running on node ? (cache.ids missing)),
//	                              indeterminate, or any other text
//	stand-in line TEXT            iris list and iris qlist write this text instead of an answer
//	stand-in late DURATION        iris list and iris qlist take so long, at most a minute
//	stand-in hang                 the same for a minute
//	stand-in page late DURATION   the pages of the instance, and those of the web gateway that
//	                              ask it, take so long, at most a minute
//	stand-in page hang            the same for a minute
//	stand-in metric NAME VALUE    the value of a metric; none leaves it out, and "all none" has
//	                              /api/monitor/metrics not found
//	stand-in alerts               writes how often /api/monitor/alerts was read
//	stand-in reset                none of these
//	stand-in crash                end the container, and this command perhaps with it
//
// What the other members and the stand-in operator ask on 2188 is never late.
//
// # webgateway
//
// It listens on 80, or the port that WEBGATEWAY_PORT names.
//
//	/csp/sys/UtilHome.csp       a page that names pod, instance and the role that IRIS says
//	/csp/bin/mirror_status.cxw  200 SUCCESS beside the primary, 503 FAILED elsewhere
//	/api/…                      what the instance answers
//	/stand-in/echo              POST: the body comes back
//	/stand-in/sum               POST: the SHA-256 of the body, in hex
//	/stand-in/bytes?size=N      N bytes; the trailer Stand-In-Sha256 has their SHA-256
//
// WEBGATEWAY_APPLICATION_PATHS names application paths, separated by commas: /api is passed
// on to the instance only where one of them covers it, and not found elsewhere. So is the
// portal, unless none is named.
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
