// Package e2e holds the end-to-end tests: a real node, the stand-in operator, and
// real requests through real Services to the stand-in containers. They need Linux
// and root, and run only with the build tag e2e.
package e2e
