// Package logs brings the logs of many containers together: read.go takes lines
// from one container, through restarts and broken connections, without losing
// or doubling one; merge.go puts the lines of all in the order of their times;
// follow.go joins in containers that come. It knows no client: how a log is
// opened is handed in.
package logs
