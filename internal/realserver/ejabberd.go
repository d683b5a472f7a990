package realserver

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"
)

//go:embed ejabberd.yml.tmpl
var ejabberdConfig string

var ejabberdTemplate = template.Must(template.New("ejabberd").Funcs(template.FuncMap{"yaml": jsonString}).Parse(ejabberdConfig))

// The Erlang libraries, as ejabberdctl says, and the release among them.
var (
	ejabberdLibraries = regexp.MustCompile(`(?m)^\s*ERL_LIBS=['"]?([^'"\s]+)`)
	ejabberdRelease   = regexp.MustCompile(`ejabberd-([0-9][0-9.]*)`)
)

// ejabberdNames lets Erlang resolve nothing but itself: no DNS.
const ejabberdNames = "{lookup,[file]}.\n{host,{127,0,0,1},[\"localhost\"]}.\n"

// ejabberd is an installed ejabberd. Its Erlang node is started without
// distribution, so there is no epmd and no port beyond the configured ones;
// accounts are made through its HTTP interface.
type ejabberd struct {
	erl, libraries, release string
	sqlite                  bool
	api                     int // port of the HTTP interface
}

// StartEjabberd starts ejabberd in a new folder below dir, which has to exist
// and stays the caller's, and blocks until it answers. As root it runs as the
// user "ejabberd" if that one can reach dir. Not on this machine:
// [ErrNotInstalled].
func StartEjabberd(dir string, o Options) (*Server, error) {
	control, errControl := lookProgram("ejabberdctl")
	erl, errErl := lookProgram("erl")
	if errControl != nil || errErl != nil {
		return nil, fmt.Errorf("%w: Debian package ejabberd", ErrNotInstalled)
	}
	e := &ejabberd{erl: erl, release: "unknown"}
	// The script may be for root and the user ejabberd only; then the usual
	// places have to do.
	places := []string{"/usr/lib/*-linux-gnu", "/usr/lib", "/usr/local/lib", "/opt/ejabberd-*/lib"}
	if text, err := os.ReadFile(control); err == nil {
		if found := ejabberdLibraries.FindSubmatch(text); found != nil {
			places = append([]string{string(found[1])}, places...)
		}
	}
	for _, place := range places {
		matches, _ := filepath.Glob(filepath.Join(place, "ejabberd-*", "ebin", "ejabberd.app"))
		if len(matches) == 0 {
			continue
		}
		e.sqlite = hasLibrary("p1_sqlite3")
		e.libraries = filepath.Dir(filepath.Dir(filepath.Dir(matches[0])))
		if found := ejabberdRelease.FindStringSubmatch(matches[0]); found != nil {
			e.release = found[1]
		}
		return start(e, dir, o)
	}
	return nil, fmt.Errorf("%w: Debian package ejabberd (%s is there, its libraries are not)", ErrNotInstalled, control)
}

// hasLibrary tells whether Erlang has a library of Debian's.
func hasLibrary(name string) bool {
	matches, _ := filepath.Glob(filepath.Join("/usr/lib/erlang/lib", name+"-*", "ebin"))
	return len(matches) > 0
}

func (e *ejabberd) name() string    { return "ejabberd" }
func (e *ejabberd) user() string    { return "ejabberd" }
func (e *ejabberd) version() string { return e.release }

func (e *ejabberd) configure(s *Server) (err error) {
	if e.api, err = s.newPort(); err != nil {
		return err
	}
	sqlite := ""
	if e.sqlite {
		// The archive of a busy account is slow in ejabberd's own database, which reads all of it to add a message.
		sqlite = s.path("data", "archive.db")
	}
	var out strings.Builder
	err = ejabberdTemplate.Execute(&out, map[string]any{
		"Domain": s.Domain, "PEM": s.path("server.pem"), "CA": s.CAFile,
		"StartTLS": s.StartTLSPort, "DirectTLS": s.DirectTLSPort, "API": e.api,
		"StanzaLimit": s.options.StanzaLimit, "SASL2": s.options.SASL2, "Hash": e.hash(s.options.SCRAM), "SQLite": sqlite,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("inetrc"), []byte(ejabberdNames), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.path("ejabberd.yml"), []byte(out.String()), 0o600)
}

// hash returns ejabberd's name for a SCRAM hash: "SHA-1" is "sha".
func (e *ejabberd) hash(name string) string {
	switch name {
	case "":
		return "sha256"
	case "SHA-1":
		return "sha"
	default:
		return strings.ReplaceAll(strings.ToLower(name), "-", "")
	}
}

func (e *ejabberd) command(s *Server) *exec.Cmd {
	cmd := exec.Command(e.erl, "-noinput", "-mnesia", "dir", jsonString(s.path("data")), "-s", "ejabberd")
	cmd.Env = []string{
		"ERL_LIBS=" + e.libraries,
		"ERL_INETRC=" + s.path("inetrc"),
		"ERL_CRASH_DUMP=" + s.path("log", "crash.dump"),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"EJABBERD_CONFIG_PATH=" + s.path("ejabberd.yml"),
		"EJABBERD_LOG_PATH=" + s.path("log", "ejabberd.log"),
		"EJABBERD_PID_PATH=" + s.path("ejabberd.pid"),
	}
	return cmd
}

// addAccount calls the command "register" of ejabberd's HTTP interface.
func (e *ejabberd) addAccount(s *Server, user, password string) error {
	body, err := json.Marshal(map[string]string{"user": user, "host": s.Domain, "password": password})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	url := fmt.Sprintf("http://127.0.0.1:%d/api/register", e.api)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Host = s.Domain
	request.Header.Set("Content-Type", "application/json")
	// A transport of its own: no proxy of the environment, no idle connection.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusConflict:
		return errors.New("exists already")
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return fmt.Errorf("register: %s: %s", response.Status, text)
}

// jsonString quotes a string as JSON does, which YAML and Erlang read too.
func jsonString(s string) string {
	quoted, _ := json.Marshal(s) // a string always marshals
	return string(quoted)
}
