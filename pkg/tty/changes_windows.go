package tty

import "time"

// poll is how often the size is read on a system that does not report changes.
const poll = 250 * time.Millisecond

// changes returns a channel that receives when the terminal's size may have changed.
func changes() (<-chan time.Time, func()) {
	ticker := time.NewTicker(poll)
	return ticker.C, ticker.Stop
}
