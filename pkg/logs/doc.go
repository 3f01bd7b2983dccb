// Package logs joins the logs of many containers: read.go reads the lines of one
// container, through restarts and broken connections, without losing or doubling
// one; merge.go puts the lines of all in the order of their times; follow.go adds
// containers that come later. It knows no client: how a log is opened is handed in.
package logs
