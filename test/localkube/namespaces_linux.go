package localkube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// leftoverTimeout is how long the kernel may take to let go of what belonged to
// processes that have ended.
const leftoverTimeout = 5 * time.Second

// Supported says in one line why a node cannot run on this machine, or nil.
func Supported() error {
	if os.Geteuid() != 0 {
		return errors.New("a node needs root")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		return errors.New(`a node needs the program "nft": apt-get install nftables`)
	}
	if _, err := cgroupMounts(); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), "true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaceFlags}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("a node needs namespaces of its own, and this machine does not allow them: %w", err)
	}
	return nil
}

// namespaceFlags give a child mounts, a network and processes of its own, which
// end with it.
const namespaceFlags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID

// namespaces are what the programs of a cluster with a node run in. The first
// process in them is this program once more, see initNamespaces; it ends with
// this process, and everything in the namespaces with it.
type namespaces struct {
	init    *exec.Cmd
	pipe    io.WriteCloser
	replies *json.Decoder
}

// newNamespaces makes the namespaces, and connects them with this machine. The
// programs are to run in dir.
func newNamespaces(dir string) (_ programs, err error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	n, err := startInit(dir)
	if err != nil {
		return nil, err
	}
	if err := n.connect(); err != nil {
		// Where there is no such process any more, it has said why.
		if errors.Is(err, syscall.ESRCH) {
			if _, said := n.receive(); said != nil {
				err = said
			}
		}
		n.kill()
		return nil, err
	}
	// From here on, the interface says that this machine's node is ours.
	if err := n.prepare(); err != nil {
		n.end()
		return nil, err
	}
	return n, nil
}

// startInit starts the first process in the namespaces.
func startInit(dir string) (*namespaces, error) {
	cmd, err := selfCommand(roleInit)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, folderEnv+"="+dir)
	cmd.SysProcAttr = childAttr()
	cmd.SysProcAttr.Cloneflags = namespaceFlags
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	replies, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("making namespaces: %w", err)
	}
	return &namespaces{init: cmd, pipe: pipe, replies: json.NewDecoder(replies)}, nil
}

// connect joins the namespaces to this machine's network. That there is one
// interface of that name makes it one node per machine.
func (n *namespaces) connect() error {
	link := netlink.NewVeth(netlink.NewLinkAttrs())
	link.Name, link.PeerName, link.PeerNamespace = hostLink, nodeLink, netlink.NsPid(n.init.Process.Pid)
	err := netlink.LinkAdd(link)
	// The interface of a node that was killed goes a moment later than its processes.
	for deadline := time.Now().Add(leftoverTimeout); errors.Is(err, syscall.EEXIST) && time.Now().Before(deadline); {
		time.Sleep(poll)
		err = netlink.LinkAdd(link)
	}
	if errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("another cluster with a node is up on this machine (it has the interface %q): one at a time", hostLink)
	}
	if err != nil {
		return fmt.Errorf("making the interface %q: %w", hostLink, err)
	}
	return nil
}

// prepare sets addresses and routes on both sides, makes the node's cgroups, and
// waits for the first process.
func (n *namespaces) prepare() error {
	host := &netlink.Handle{}
	if err := setUp(host, hostLink, HostIP, NodeIP, append(serviceCIDRs(), podCIDR)); err != nil {
		return err
	}
	inside, err := netns.GetFromPid(n.init.Process.Pid)
	if err != nil {
		return err
	}
	defer func() { _ = inside.Close() }() // nothing was written
	node, err := netlink.NewHandleAt(inside)
	if err != nil {
		return err
	}
	defer node.Close()
	if lo, err := node.LinkByName("lo"); err != nil {
		return err
	} else if err := node.LinkSetUp(lo); err != nil {
		return err
	}
	// For the node's own processes there has to be some route to Services before
	// kube-proxy's rules lead it elsewhere.
	if err := setUp(node, nodeLink, NodeIP, HostIP, serviceCIDRs()); err != nil {
		return err
	}
	if err := makeCgroups(); err != nil {
		return err
	}
	_, err = n.receive()
	return err
}

// setUp gives the interface its address, and routes the networks to the peer.
func setUp(h *netlink.Handle, name, address, peer string, networks []string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding the interface %q: %w", name, err)
	}
	own, err := netlink.ParseAddr(address + "/30")
	if err != nil {
		return err
	}
	if err := h.AddrAdd(link, own); err != nil {
		return fmt.Errorf("giving the interface %q the address %s: %w", name, own.IPNet, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting the interface %q up: %w", name, err)
	}
	for _, network := range networks {
		_, destination, err := net.ParseCIDR(network)
		if err != nil {
			return err
		}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: destination, Gw: net.ParseIP(peer)}); err != nil {
			return fmt.Errorf("routing %s by way of the interface %q: %w", network, name, err)
		}
	}
	return nil
}

// handle implements programs: it passes the request on.
func (n *namespaces) handle(r request) reply {
	if err := json.NewEncoder(n.pipe).Encode(r); err != nil {
		return reply{Error: fmt.Sprintf("asking the node's first process: %v", err)}
	}
	answer, err := n.receive()
	if err != nil {
		return reply{Error: err.Error()}
	}
	return answer
}

// receive reads a reply from inside.
func (n *namespaces) receive() (reply, error) {
	var r reply
	if err := n.replies.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("reading from the node's first process: %w", err)
	}
	if r.Error != "" {
		return reply{}, errors.New(r.Error)
	}
	return r, nil
}

// kill ends all processes in the namespaces, and waits until they have ended.
func (n *namespaces) kill() {
	_ = n.init.Process.Kill() // fails only if it has ended
	_ = n.pipe.Close()
	_ = n.init.Wait() // killed
}

// end implements programs. Mounts went with the last process; the interface
// would go soon, and the routes with it, but nobody shall have to wait for that.
func (n *namespaces) end() {
	n.kill()
	if err := removeCgroups(); err != nil {
		fmt.Fprintln(os.Stderr, "localkube:", err)
	}
	if link, err := netlink.LinkByName(hostLink); err == nil {
		_ = netlink.LinkDel(link) // fails only if it is gone
	}
}

// initNamespaces is the first process in the namespaces: it prepares them,
// starts this program once more to run the cluster's programs, and waits for all
// that lose their parent, as the first process has to.
func initNamespaces() error {
	if err := hideMachine(os.Getenv(folderEnv)); err != nil {
		return fmt.Errorf("preparing the node's namespaces: %w", err)
	}
	inside, err := selfCommand(roleInside)
	if err != nil {
		return err
	}
	inside.Env = append(inside.Env, folderEnv+"="+os.Getenv(folderEnv))
	inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := inside.Start(); err != nil {
		return err
	}
	// When that one ends, the asker is gone, and with this process the rest goes.
	for pid := 0; pid != inside.Process.Pid; {
		pid, err = syscall.Wait4(-1, nil, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
	return nil
}

// hidden are the folders of this machine that the node's programs write to. They
// get empty ones instead, in memory.
func hidden() []string { return []string{"/run", "/var/lib", "/var/log"} }

// tunables are what a kubelet sets for the whole machine, and to what. It finds
// them set, and leaves the machine's own alone.
func tunables() map[string]string {
	return map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	}
}

// mount is what mount(2) is asked.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do() error {
	if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mounting %q: %w", m.target, err)
	}
	return nil
}

// hideMachine mounts what the node's programs see in place of this machine's.
func hideMachine(dir string) error {
	for _, path := range hidden() {
		if strings.HasPrefix(dir, path+"/") {
			return fmt.Errorf("the folder %q is in %q, which the node's programs do not see: choose another", dir, path)
		}
	}
	const flags = syscall.MS_NOSUID | syscall.MS_NODEV
	mounts := []mount{
		{target: "/", flags: syscall.MS_REC | syscall.MS_PRIVATE}, // nothing gets out
		{source: "proc", target: "/proc", kind: "proc", flags: flags | syscall.MS_NOEXEC},
	}
	for _, path := range hidden() {
		mounts = append(mounts, mount{source: "tmpfs", target: path, kind: "tmpfs", flags: flags, data: "mode=755"})
	}
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	if err := pinTunables("/run/localkube-tunables"); err != nil {
		return err
	}
	if err := os.Symlink(dir, nodeDir); err != nil {
		return err
	}
	// A kubelet wants what it mounts to be seen in containers.
	if err := (mount{target: "/", flags: syscall.MS_REC | syscall.MS_SHARED}).do(); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// pinTunables covers the tunables with files in the folder that hold what the
// kubelet wants.
func pinTunables(dir string) error {
	for name, value := range tunables() {
		file, target := filepath.Join(dir, name), filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue // the kernel was built without it
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o444); err != nil {
			return err
		}
		if err := (mount{source: file, target: target, flags: syscall.MS_BIND}).do(); err != nil {
			return err
		}
	}
	return nil
}
