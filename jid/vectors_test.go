package jid_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

// TestVectors reads jid.jsonl in the folder that XMPP_VECTORS names: addresses,
// valid or not, with their parts, and escapings.
func TestVectors(t *testing.T) {
	folder := os.Getenv("XMPP_VECTORS")
	if folder == "" {
		t.Log("XMPP_VECTORS is not set: only the tables of this package were tested")
		return
	}
	f, err := os.Open(filepath.Join(folder, "jid.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); cases++ {
		var v struct {
			JID, Escape             *string
			Valid                   bool
			Local, Domain, Resource string
			Want                    string
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v), lines.Text())
		if v.Escape != nil {
			require.Equal(t, v.Want, jid.Escape(*v.Escape), lines.Text())
			require.Equal(t, *v.Escape, jid.Unescape(v.Want), lines.Text())
			continue
		}
		require.NotNil(t, v.JID, lines.Text())
		j, err := jid.Parse(*v.JID)
		if !v.Valid {
			require.Error(t, err, lines.Text())
			continue
		}
		require.NoError(t, err, lines.Text())
		require.Equal(t, [3]string{v.Local, v.Domain, v.Resource}, [3]string{j.Local(), j.Domain(), j.Resource()})
		requireSound(t, j)
	}
	require.NotZero(t, cases)
	t.Logf("%d vectors", cases)
}
