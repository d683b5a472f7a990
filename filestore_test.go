package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestStores(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		xmpptest.TestStore(t, func() xmpp.Store { return xmpp.NewMemoryStore() })
	})
	t.Run("file", func(t *testing.T) {
		xmpptest.TestStore(t, func() xmpp.Store { return fileStore(t, t.TempDir()) })
	})
}

// fileStore opens a store that is closed with the test.
func fileStore(t testing.TB, dir string) *xmpp.FileStore {
	t.Helper()
	s, err := xmpp.NewFileStore(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestFileStoreLasts(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "new", "store"), t.Context()
	s := fileStore(t, dir)
	long := strings.Repeat("long ", 100)
	require.NoError(t, s.Put(ctx, "a", []byte("1")))
	require.NoError(t, s.Put(ctx, long, []byte("2")))
	for _, path := range []string{filepath.Dir(dir), dir} {
		require.Equal(t, fs.FileMode(0o700), must(os.Stat(path)).Mode().Perm(), path)
	}
	for _, file := range must(os.ReadDir(dir)) {
		require.Equal(t, fs.FileMode(0o600), must(file.Info()).Mode(), file.Name())
	}
	require.NoError(t, s.Close())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes of somebody"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "put-7.tmp"), []byte("torn"), 0o600))
	s = fileStore(t, dir)
	require.NoFileExists(t, filepath.Join(dir, "put-7.tmp"))
	require.FileExists(t, filepath.Join(dir, "notes of somebody"))
	require.Equal(t, []string{"a", long}, keys(t, s, ""))
	require.Equal(t, "1", string(must(s.Get(ctx, "a"))))
	require.Equal(t, "2", string(must(s.Get(ctx, long))))
}

func TestFileStoreIsOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := fileStore(t, dir)
	_, err := xmpp.NewFileStore(filepath.Join(dir, ".", "x", ".."))
	require.ErrorIs(t, err, xmpp.ErrStoreInUse)
	require.ErrorContains(t, err, dir)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	fileStore(t, dir)

	require.ErrorIs(t, s.Put(t.Context(), "a", nil), fs.ErrClosed)
	require.ErrorIs(t, s.Delete(t.Context(), "a"), fs.ErrClosed)
	_, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, fs.ErrClosed)
	for _, err := range s.Keys(t.Context(), "") {
		require.ErrorIs(t, err, fs.ErrClosed)
	}
}

func TestFileStoreRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := xmpp.NewFileStore(file)
	require.ErrorContains(t, err, "no directory")
	_, err = xmpp.NewFileStore(filepath.Join(file, "below"))
	require.ErrorContains(t, err, "below")
	require.NoError(t, os.Chmod(dir, 0o777))
	_, err = xmpp.NewFileStore(dir)
	require.ErrorContains(t, err, "everybody may write")

	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	s := fileStore(t, filepath.Join(dir, "store"))
	require.ErrorIs(t, s.Put(ctx, "a", nil), gone)
	require.Empty(t, keys(t, s, ""))
}

// Whatever one bit or a shorter or longer file makes of a value, it is an error that names the key.
func TestFileStoreFindsDamage(t *testing.T) {
	ctx := t.Context()
	for _, key := range []string{"romeo@localhost/pin", strings.Repeat("Long", 80)} {
		dir := t.TempDir()
		s := fileStore(t, dir)
		require.NoError(t, s.Put(ctx, key, []byte("the strongest login seen")))
		path := filepath.Join(dir, xmpp.FileName(key))
		good := must(os.ReadFile(path))
		damaged := func(data []byte, what string) {
			t.Helper()
			require.NoError(t, os.WriteFile(path, data, 0o600))
			value, err := s.Get(ctx, key)
			require.ErrorIs(t, err, xmpp.ErrStoreDamaged, what)
			require.ErrorContains(t, err, fmt.Sprintf("%q", key), what)
			require.Nil(t, value, what)
			for listed, err := range s.Keys(ctx, "") { // names what it still can, and nothing else
				require.True(t, listed == key && err == nil || errors.Is(err, xmpp.ErrStoreDamaged), what)
			}
		}
		for i := range len(good) * 8 {
			data := []byte(string(good))
			data[i/8] ^= 1 << (i % 8)
			damaged(data, fmt.Sprint("bit ", i))
		}
		for n := range good {
			damaged(good[:n], fmt.Sprint("cut at ", n))
		}
		damaged(append([]byte(string(good)), 0), "one byte more")
		require.NoError(t, s.Put(ctx, "another", nil))
		another := must(os.ReadFile(filepath.Join(dir, xmpp.FileName("another"))))
		require.NoError(t, s.Delete(ctx, "another"))
		damaged(another, "another key's file")

		require.NoError(t, s.Put(ctx, key, []byte("mended")))
		require.Equal(t, "mended", string(must(s.Get(ctx, key))))
	}
}

// Any two keys have two names, which tell the key or that it stands in the file, and lead nowhere else.
func FuzzFileNames(f *testing.F) {
	for _, seed := range []string{"", "..", "a/b", "CON", "\x00\xff", "É", strings.Repeat("x", 300), strings.Repeat("A", 60), strings.Repeat("A", 60) + "a"} {
		f.Add(seed, seed+"/")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, key := range []string{a, b} {
			name := xmpp.FileName(key)
			require.LessOrEqual(t, len(name), 200)
			require.Equal(t, strings.ToLower(name), name)
			require.Empty(t, strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.@%=~"))
			require.NotEqual(t, ".", strings.Trim(name, "."))
			require.Contains(t, "abcdef0123456789=", name[len(name)-1:])
			told, whole, known := xmpp.KeyOf(name)
			require.True(t, known)
			escaped := 0
			for i := range len(key) {
				if escaped++; strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789-_.@", key[i]) < 0 {
					escaped += 2
				}
			}
			require.Equal(t, escaped <= 180, whole)
			require.True(t, !whole || told == key)
		}
		require.Equal(t, a == b, xmpp.FileName(a) == xmpp.FileName(b))
	})
}

// While one directory is synchronized all others wait for the next turn, which serves them together.
func TestPutsShareTheDisk(t *testing.T) {
	const puts = 24 // fewer than are written at once
	var renamed, synced atomic.Int64
	release := make(chan struct{})
	s, err := xmpp.OpenFileStore(t.TempDir(), func(op, _ string) error {
		switch op {
		case "rename":
			if renamed.Add(1) == puts {
				close(release)
			}
		case "syncdir":
			synced.Add(1)
			<-release
		}
		return nil
	})
	require.NoError(t, err)
	defer s.Close()
	var wg sync.WaitGroup
	for i := range puts {
		wg.Go(func() {
			if err := s.Put(context.Background(), fmt.Sprint(i), []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, synced.Load(), int64(puts/2))
	t.Logf("%d puts, %d times the directory was synchronized", puts, synced.Load())
}

func BenchmarkFileStorePut(b *testing.B) {
	value := make([]byte, 1000)
	for _, parallel := range []int{1, 16} {
		b.Run(fmt.Sprint(parallel), func(b *testing.B) {
			s := fileStore(b, b.TempDir())
			b.SetParallelism(parallel)
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				key := fmt.Sprint(n.Add(1))
				for pb.Next() {
					if err := s.Put(context.Background(), key, value); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
