package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A foreignClient is one that nobody here wrote.
type foreignClient struct {
	name    string
	install string // Debian packages
	check   func() error
	lacks   string // why it can't be used, after missingClients
}

var (
	slixmppClient = &foreignClient{name: "slixmpp", install: "python3-slixmpp", check: func() error {
		return exec.Command(python, "-c", "import slixmpp").Run()
	}}
	goSendxmppClient = &foreignClient{name: "go-sendxmpp", install: "go-sendxmpp", check: func() error {
		_, err := exec.LookPath("go-sendxmpp")
		return err
	}}
	libstropheClient = &foreignClient{name: "libstrophe", install: "libstrophe-dev, gcc", check: func() error {
		_, err := strophe()
		return err
	}}
)

const python = "/usr/bin/python3" // Debian's: slixmpp is a package of it

// strophe compiles the program that uses libstrophe, once, and returns its name.
var strophe = sync.OnceValues(func() (string, error) {
	program := filepath.Join(os.TempDir(), fmt.Sprintf("interop-strophe-%d", os.Getpid()))
	out, err := exec.Command("gcc", "-o", program, filepath.Join("testdata", "echo.c"), "-lstrophe").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, out)
	}
	return program, nil
})

// missingClients looks for the foreign clients, one line for each that is missing.
func missingClients() (missing []string) {
	for _, f := range []*foreignClient{slixmppClient, goSendxmppClient, libstropheClient} {
		if err := f.check(); err != nil {
			f.lacks = fmt.Sprintf("%s: not installed: Debian packages %s", f.name, f.install)
			missing = append(missing, f.lacks)
		}
	}
	return missing
}

// removePrograms removes what was compiled.
func removePrograms() {
	if program, err := strophe(); err == nil {
		_ = os.Remove(program)
	}
}

// need skips the scenario where the client is missing; what is missing is said when the tests end.
func (w *world) need(f *foreignClient) {
	if f.lacks != "" {
		w.Skip(f.lacks)
	}
}

// A program is a foreign client that runs.
type program struct {
	cmd    *exec.Cmd
	errors bytes.Buffer // until it has ended
	ended  chan error
}

// run starts a program. Its input is text, its output goes to out.
func (w *world) run(text string, out io.Writer, env []string, name string, args ...string) *program {
	ctx, cancel := context.WithCancel(w.ctx)
	p := &program{cmd: exec.CommandContext(ctx, name, args...), ended: make(chan error, 1)}
	p.cmd.Env = append(append(os.Environ(), "HOME="+w.TempDir()), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = strings.NewReader(text), out, &p.errors
	p.cmd.WaitDelay = 5 * time.Second
	require.NoError(w, p.cmd.Start())
	var waits sync.WaitGroup
	waits.Go(func() { p.ended <- p.cmd.Wait() })
	w.later(func() {
		cancel()
		waits.Wait()
		if w.Failed() {
			w.Logf("%s wrote: %s", name, &p.errors)
		}
	})
	return p
}

// plain is this world with mechanisms that the foreign clients know: slixmpp goes through all the in-process
// server's, each with a channel binding that nobody offers, and is shown out before it comes to a good one.
func (w *world) plain() {
	if w.name != inProcessName {
		return
	}
	s, stop, err := inProcessWith([]string{"SCRAM-SHA-1", "PLAIN"}, []string{})
	require.NoError(w, err)
	w.later(stop)
	w.server = s
}

// peer is our side of a conversation with a foreign client, and its account.
func (w *world) peer() (ours *xmpp.Connection, heard <-chan *stanza.Message, theirs jid.JID) {
	ours = w.connection(w.user())
	heard = ours.ChatManager().Messages(w.ctx)
	require.NoError(w, ours.Login(w.ctx, "", ""))
	return ours, heard, w.user()
}

// echoes are what a foreign client has to read and to write back.
var echoes = []string{"hello", "👩‍👩‍👧‍👦 ☃ \U00020000", "שלום مرحبا", "]]> <b>&amp;</b> ' \"", "one\ntwo\n", "   three before", strings.Repeat("long ", 10_000)}

// converse talks with a client that greets and echoes, by one of the programs in testdata.
func converse(w *world, f *foreignClient, name string, args ...string) {
	w.need(f)
	w.plain()
	ours, heard, theirs := w.peer()
	p := w.run("", io.Discard, nil, name, append(args, theirs.String(), passwordOf(theirs.Local()), "127.0.0.1",
		fmt.Sprint(w.startTLS), w.caFile, ours.User().Bare().String())...)
	hello := next(w, "the greeting", heard)
	require.Equal(w, "hello from "+f.name, hello.Body)
	require.Equal(w, theirs, hello.From.Bare())
	chat := ours.ChatManager().CreateChat(hello.From)
	for _, text := range echoes {
		require.NoError(w, chat.SendMessage(w.ctx, text))
		require.Equal(w, "echo: "+text, next(w, "the echo", heard).Body)
	}
	require.NoError(w, chat.SendMessage(w.ctx, "quit"))
	require.NoError(w, next(w, "its end", p.ended))
}

func slixmpp(w *world) {
	converse(w, slixmppClient, python, filepath.Join("testdata", "echo.py"))
}

func libstrophe(w *world) {
	program, _ := strophe() // need tells of its error
	converse(w, libstropheClient, program)
}

// go-sendxmpp sends what it reads and prints what it hears; it verifies the certificate like all Go programs.
func goSendxmpp(w *world) {
	w.need(goSendxmppClient)
	w.plain()
	ours, heard, theirs := w.peer()
	env := []string{"SSL_CERT_FILE=" + w.caFile}
	login := []string{"-u", theirs.String(), "-p", passwordOf(theirs.Local()), "-j", fmt.Sprintf("127.0.0.1:%d", w.startTLS)}
	if w.name == inProcessName {
		// It writes a newline behind <starttls/>, which RFC 6120 §5.3.1 forbids and only this server minds.
		login = append(login[:len(login)-1], fmt.Sprintf("127.0.0.1:%d", w.directTLS), "-t")
	}
	for _, text := range []string{"from the command line", "👩‍👩‍👧‍👦 ☃ ]]> & <b>"} {
		p := w.run(text, io.Discard, env, "go-sendxmpp", append(login, ours.User().Bare().String())...)
		got := next(w, "what it sent", heard)
		require.Equal(w, text, strings.TrimSpace(got.Body))
		require.Equal(w, theirs, got.From.Bare())
		require.NoError(w, next(w, "its end", p.ended))
	}
	// What came before its presence it doesn't print everywhere: another session of its account sees when it is there.
	watcher := w.connection(theirs)
	presence := watcher.Roster().PresenceChanges(w.ctx)
	require.NoError(w, watcher.PresenceManager().Set(w.ctx, &stanza.Presence{Priority: -1}))
	require.NoError(w, watcher.Login(w.ctx, "", ""))
	var out lines
	w.run("", &out, env, "go-sendxmpp", append(login, "-l")...)
	there := until(w, "its presence", presence, func(a xmpp.Availability) bool { return a.Available && a.Address != watcher.User() })
	require.NoError(w, ours.ChatManager().CreateChat(there.Address).SendMessage(w.ctx, "to the command line ☃ ]]>"))
	await(w, "its output", func() bool { return strings.Contains(out.String(), "to the command line ☃ ]]>") })
	require.Contains(w, out.String(), ours.User().Bare().String())
}

// lines is an output that can be looked at while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
