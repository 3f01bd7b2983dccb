// Package browser opens a URL in the user's web browser: that of $BROWSER, the
// desktop or, under WSL, Windows. The libraries for this ignore $BROWSER, and
// machines without a display.
package browser

import (
	"errors"
	"os/exec"
	"runtime"
	"strings"
)

// Open opens a URL. It does not wait for the browser, nor let it write to the
// program's own output. It returns an error if there is no browser.
func Open(url string, getenv func(string) string) error {
	for _, command := range commands(runtime.GOOS, getenv, url) {
		path, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		started := exec.Command(path, command[1:]...) //nolint:noctx // the browser outlives the program
		started.SysProcAttr = apart()
		if started.Start() == nil {
			go func() { _ = started.Wait() }()
			return nil
		}
	}
	return errors.New("no web browser found")
}

// commands returns the commands that may open a URL, the best first.
func commands(system string, getenv func(string) string, url string) [][]string {
	if chosen := getenv("BROWSER"); chosen != "" {
		return chosenCommands(system, chosen, url)
	}
	windows := []string{"rundll32.exe", "url.dll,FileProtocolHandler", url}
	switch system {
	case "windows":
		return [][]string{windows}
	case "darwin":
		return [][]string{{"open", url}}
	}
	if getenv("WSL_DISTRO_NAME") != "" {
		return [][]string{{"wslview", url}, windows}
	}
	if getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "" {
		return [][]string{{"xdg-open", url}, {"x-www-browser", url}, {"www-browser", url}}
	}
	return nil
}

// chosenCommands returns the commands in $BROWSER: several between colons, each the
// path of a program, which may have spaces, or a command line.
func chosenCommands(system, chosen, url string) [][]string {
	programs := []string{chosen}
	if system != "windows" {
		programs = strings.Split(chosen, ":")
	}
	var all [][]string
	for _, program := range programs {
		words := strings.Fields(program)
		if len(words) > 1 {
			all = append(all, []string{program, url})
		}
		if len(words) > 0 {
			all = append(all, withURL(words, url))
		}
	}
	return all
}

// withURL returns a command line with the URL in the place of %s, or at the end.
func withURL(command []string, url string) []string {
	var full []string
	placed := false
	for _, word := range command {
		placed = placed || strings.Contains(word, "%s")
		full = append(full, strings.ReplaceAll(word, "%s", url))
	}
	if !placed {
		full = append(full, url)
	}
	return full
}
