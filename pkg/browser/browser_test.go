package browser

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const url = "http://127.0.0.1:1234/csp/sys/UtilHome.csp?a=b&c"

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name   string
		system string
		env    map[string]string
		want   [][]string
	}{
		{"a desktop", "linux", map[string]string{"DISPLAY": ":0"}, [][]string{{"xdg-open", url}, {"x-www-browser", url}, {"www-browser", url}}},
		{"Wayland", "linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, [][]string{{"xdg-open", url}, {"x-www-browser", url}, {"www-browser", url}}},
		{"no display", "linux", nil, nil},
		{"WSL", "linux", map[string]string{"WSL_DISTRO_NAME": "Ubuntu"}, [][]string{{"wslview", url}, {"rundll32.exe", "url.dll,FileProtocolHandler", url}}},
		{"Windows", "windows", nil, [][]string{{"rundll32.exe", "url.dll,FileProtocolHandler", url}}},
		{"macOS", "darwin", nil, [][]string{{"open", url}}},
		{"the user's choice", "darwin", map[string]string{"BROWSER": "lynx -x"}, [][]string{{"lynx -x", url}, {"lynx", "-x", url}}},
		{"several", "linux", map[string]string{"BROWSER": "firefox:lynx"}, [][]string{{"firefox", url}, {"lynx", url}}},
		{"empty parts", "linux", map[string]string{"BROWSER": ": :lynx"}, [][]string{{"lynx", url}}},
		{"a drive's letter", "windows", map[string]string{"BROWSER": `C:\lynx.exe`}, [][]string{{`C:\lynx.exe`, url}}},
		{"with a place for the address", "linux", map[string]string{"BROWSER": "w3m %s -x"}, [][]string{{"w3m %s -x", url}, {"w3m", url, "-x"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := commands(c.system, func(name string) string { return c.env[name] }, url)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenWithoutBrowser(t *testing.T) {
	env := map[string]string{"BROWSER": "/nonexistent/browser"}
	if err := Open(url, func(name string) string { return env[name] }); err == nil {
		t.Error("no error")
	}
}
