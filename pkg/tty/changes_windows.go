package tty

import "time"

// poll is how often the size is looked at where nothing tells that it changed.
const poll = 250 * time.Millisecond

// changes tells when the terminal's size may have changed.
func changes() (<-chan time.Time, func()) {
	ticker := time.NewTicker(poll)
	return ticker.C, ticker.Stop
}
