// Package house holds tests of the repository itself: what can be checked by a program is.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/gosmack/xmpp"
)

type file struct {
	path string // from the root, with slashes
	dir  string
	test bool
	ast  *ast.File
	set  *token.FileSet
}

func files(t *testing.T) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root {
			return filepath.SkipDir // another module, with peers among its imports
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := filepath.ToSlash(filepath.Dir(rel))
		all = append(all, file{rel, dir, strings.HasSuffix(rel, "_test.go"), f, set})
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 100, "the walk found the repository")
	return all
}

// allowed says which of our packages a package may import; "…" stands for everything below.
var allowed = map[string][]string{
	"internal/xmlstream":  {},
	"internal/ctxconn":    {},
	"internal/realserver": {},
	"internal/house":      {},
	"internal/latency":    {},
	"jid":                 {},
	"sasl":                {},
	"stanza":              {"internal/xmlstream", "jid"},
	"internal/sm":         {"stanza", "internal/xmlstream", "jid"},
	"internal/discover":   {"internal/ctxconn", "stanza", "jid"},
	"internal/stream":     {"internal/sm", "internal/ctxconn", "internal/xmlstream", "stanza", "jid", "sasl"},
	".":                   {"internal/sm", "internal/stream", "internal/discover", "internal/xmlstream", "stanza", "jid", "sasl"},
	"xep/…":               {".", "stanza", "jid", "xep/…"},
	"xmpptest":            {".", "internal/xmlstream", "stanza", "jid", "sasl"},
	"xmpptest/interop":    {},
	"xmpptest/hostile":    {},
	"xmpptest/faultproxy": {},
	"examples/…":          {".", "stanza", "jid", "sasl", "xmpptest", "xmpptest/faultproxy", "xep/…"},
}

func match(pattern, dir string) bool {
	if p, ok := strings.CutSuffix(pattern, "…"); ok {
		return strings.HasPrefix(dir, p)
	}
	return pattern == dir
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range files(t) {
		if f.test {
			continue
		}
		known := false
		for pattern, may := range allowed {
			if !match(pattern, f.dir) {
				continue
			}
			known = true
			for _, i := range f.ast.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				ours, ok := strings.CutPrefix(path, module)
				if !ok {
					continue
				}
				if ours = strings.TrimPrefix(ours, "/"); ours == "" {
					ours = "."
				}
				if !slices.ContainsFunc(may, func(p string) bool { return match(p, ours) }) {
					t.Errorf("%s imports %s", f.path, path)
				}
			}
		}
		if !known {
			t.Errorf("%s: say in the table what %s may import", f.path, f.dir)
		}
	}
}

func TestTheRootCarriesNothingHeavy(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module).Output()
	require.NoError(t, err)
	for dep := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(dep, "/")
		switch {
		case dep == "net/http", dep == "testing":
			t.Errorf("the root imports %s", dep)
		case strings.Contains(first, ".") && !strings.HasPrefix(dep, module) && !strings.HasPrefix(dep, "golang.org/x/net/") && !strings.HasPrefix(dep, "golang.org/x/text/"):
			t.Errorf("the root imports %s", dep)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, f := range files(t) {
		if f.test || strings.HasPrefix(f.dir, "examples") {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exported(d.Recv)) && !obvious[d.Name.Name] {
					t.Errorf("%s: %s has no comment", f.set.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					undocumented(t, f, d, s)
				}
			}
		}
	}
}

// obvious are the methods of the language's own interfaces.
var obvious = map[string]bool{"Error": true, "Unwrap": true, "String": true, "Is": true, "Format": true}

func exported(recv *ast.FieldList) bool {
	typ := recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

func undocumented(t *testing.T, f file, d *ast.GenDecl, s ast.Spec) {
	t.Helper()
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			t.Errorf("%s: type %s has no comment", f.set.Position(s.Pos()), s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: %s has no comment", f.set.Position(s.Pos()), n.Name)
			}
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	for _, f := range files(t) {
		if n := f.set.File(f.ast.Pos()).LineCount(); n > 500 {
			t.Errorf("%s has %d lines: one noun a file", f.path, n)
		}
	}
}

func TestExtensionsHaveOneShape(t *testing.T) {
	dirs, err := filepath.Glob(root + "/xep/*")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		name := filepath.Base(dir)
		for _, want := range []string{"doc.go", name + ".go", "payload.go", name + "_test.go", "example_test.go"} {
			if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
				t.Errorf("xep/%s has no %s", name, want)
			}
		}
	}
}
