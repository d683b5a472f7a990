package xmpp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

// A file's name is its key, escaped so that no two keys meet on any file system: lower case, no separators, no
// dots in places that mean something. wholeMark ends it. What would be longer than nameLimit is cut there and
// told apart by a hash, behind hashMark; its key stands in the file.
const (
	wholeMark = "="
	hashMark  = "~"
	nameLimit = 180 // with mark and hash below the 255 that file systems take
	hashChars = 2 * sha256.Size
	hexDigits = "0123456789abcdef"
	plain     = "abcdefghijklmnopqrstuvwxyz0123456789-_.@"
)

func fileName(key string) string {
	var b strings.Builder
	for i := 0; i < len(key) && b.Len() <= nameLimit; i++ {
		if strings.IndexByte(plain, key[i]) >= 0 {
			b.WriteByte(key[i])
		} else {
			b.Write([]byte{'%', hexDigits[key[i]>>4], hexDigits[key[i]&15]})
		}
	}
	if b.Len() <= nameLimit {
		return b.String() + wholeMark
	}
	sum := sha256.Sum256([]byte(key))
	return b.String()[:nameLimit-hashChars] + hashMark + hex.EncodeToString(sum[:])
}

// keyOf returns the key that a file's name tells; not whole: it stands in the file; not known: the file is none of ours.
func keyOf(name string) (key string, whole, known bool) {
	if n := len(name) - hashChars - len(hashMark); n > 0 && strings.HasPrefix(name[n:], hashMark) {
		return "", false, true
	}
	escaped, ok := strings.CutSuffix(name, wholeMark)
	if !ok {
		return "", false, false
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' {
			b.WriteByte(escaped[i])
			continue
		}
		c, err := hex.DecodeString(escaped[i+1 : min(i+3, len(escaped))])
		if err != nil || len(c) != 1 {
			return "", false, false
		}
		b.Write(c)
		i += 2
	}
	key = b.String()
	return key, true, fileName(key) == name
}

// The format of a file: magic with the version, the key's length, the key, the value, the CRC-32C of all that.
const (
	recordMagic = "xmpp-kv\x01"
	recordSum   = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeRecord(key string, value []byte) []byte {
	b := make([]byte, 0, len(recordMagic)+binary.MaxVarintLen64+len(key)+len(value)+recordSum)
	b = append(b, recordMagic...)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = append(b, value...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeRecord returns the value that was put under key, in memory of data.
func decodeRecord(key string, data []byte) ([]byte, error) {
	stored, rest := cutKey(data)
	switch {
	case len(data) < recordSum || binary.BigEndian.Uint32(data[len(data)-recordSum:]) != crc32.Checksum(data[:len(data)-recordSum], castagnoli):
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrStoreDamaged)
	case stored != key || len(rest) < recordSum:
		return nil, fmt.Errorf("%w: the file is another key's", ErrStoreDamaged)
	}
	return rest[: len(rest)-recordSum : len(rest)-recordSum], nil
}

// cutKey returns the key that a file says it has, and what follows; nothing is checked.
func cutKey(data []byte) (key string, rest []byte) {
	if !strings.HasPrefix(string(data[:min(len(data), len(recordMagic))]), recordMagic) {
		return "", nil
	}
	rest = data[len(recordMagic):]
	n, length := binary.Uvarint(rest)
	if length <= 0 || n > uint64(len(rest)-length) {
		return "", nil
	}
	return string(rest[length : length+int(n)]), rest[length+int(n):]
}
