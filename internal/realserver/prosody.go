package realserver

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed prosody.cfg.lua.tmpl
var prosodyConfig string

var prosodyTemplate = template.Must(template.New("prosody").Funcs(template.FuncMap{"lua": luaString}).Parse(prosodyConfig))

// prosodySource finds where Prosody's program says its Lua code is.
var prosodySource = regexp.MustCompile(`(?m)^CFG_SOURCEDIR\s*=\s*['"]([^'"]+)['"]`)

// prosody is an installed Prosody.
type prosody struct{ program, source string }

// StartProsody starts Prosody in a new folder below dir, which has to exist and
// stays the caller's, and blocks until it answers. As root it runs as the user
// "prosody" if that one can reach dir. Not on this machine: [ErrNotInstalled].
func StartProsody(dir string, o Options) (*Server, error) {
	program, err := lookProgram("prosody")
	if err != nil {
		return nil, fmt.Errorf("%w: Debian package prosody", ErrNotInstalled)
	}
	p := &prosody{program: program}
	if text, err := os.ReadFile(program); err == nil {
		if found := prosodySource.FindSubmatch(text); found != nil {
			p.source = string(found[1])
		}
	}
	if o.SASL2 {
		if err := p.hasModules("sasl2", "sasl2_bind2", "sasl2_sm", "sasl2_fast"); err != nil {
			return nil, err
		}
	}
	return start(p, dir, o)
}

func (p *prosody) hasModules(names ...string) error {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(p.source, "modules", "mod_"+name)); err != nil {
			return fmt.Errorf("%w: module %s, Debian package prosody-modules", ErrNotInstalled, name)
		}
	}
	return nil
}

func (p *prosody) name() string { return "Prosody" }
func (p *prosody) user() string { return "prosody" }

func (p *prosody) version() string {
	text, err := os.ReadFile(filepath.Join(p.source, "prosody.version"))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

func (p *prosody) configure(s *Server) error {
	var out strings.Builder
	err := prosodyTemplate.Execute(&out, map[string]any{
		"AsRoot": os.Geteuid() == 0 && s.owner == nil, "Dir": s.Dir, "Domain": s.Domain,
		"StartTLS": s.StartTLSPort, "DirectTLS": s.DirectTLSPort,
		"StanzaLimit": s.options.StanzaLimit, "SASL2": s.options.SASL2, "SCRAM": s.options.SCRAM,
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.accounts(s), 0o700); err != nil {
		return err
	}
	return os.WriteFile(s.path("prosody.cfg.lua"), []byte(out.String()), 0o600)
}

func (p *prosody) command(s *Server) *exec.Cmd {
	return exec.Command(p.program, "-F", "--config", s.path("prosody.cfg.lua"))
}

func (p *prosody) accounts(s *Server) string {
	return s.path("data", encodeFileName(s.Domain), "accounts")
}

// addAccount writes the account's data file. Prosody reads it at each login and
// hashes the password at the first one, so neither its shell nor a connection
// is needed. The link makes the file appear whole, and only if there was none.
func (p *prosody) addAccount(s *Server, user, password string) error {
	file, err := os.CreateTemp(s.path("data"), "account-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = fmt.Fprintf(file, "return { [\"password\"] = %s };\n", luaString(password))
	if err := errors.Join(err, file.Close(), s.owner.give(file.Name())); err != nil {
		return err
	}
	err = os.Link(file.Name(), filepath.Join(p.accounts(s), encodeFileName(user)+".dat"))
	if errors.Is(err, fs.ErrExist) {
		return errors.New("exists already")
	}
	return err
}

// encodeFileName writes a name as Prosody's file storage does: all bytes but
// ASCII letters and digits as %xx.
func encodeFileName(name string) string {
	var out strings.Builder
	for _, c := range []byte(name) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02x", c)
		}
	}
	return out.String()
}

// luaString quotes any bytes as a Lua string.
func luaString(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&out, `\%03d`, c)
		} else {
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}
