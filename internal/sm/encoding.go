package sm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// The encoding: magic with the version, the fields in their order, the CRC-32C of all that. Numbers are
// varints, everything else is preceded by its length.
const (
	magic     = "xmpp-sm\x01"
	sumLength = 4
	maxQueue  = 64 * MaxStanzas
	maxState  = 256 << 20 // bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendBinary appends the state as bytes. The error names what is larger than any session's.
func (s *State) AppendBinary(dst []byte) ([]byte, error) {
	for _, f := range s.texts() {
		if len(*f.value) > maxID {
			return dst, fmt.Errorf("stream management: state: %s has %d bytes", f.name, len(*f.value))
		}
	}
	if len(s.Queue) > maxQueue {
		return dst, fmt.Errorf("stream management: state: %d stanzas in the queue", len(s.Queue))
	}
	start := len(dst)
	out := append(dst, magic...)
	for _, f := range s.texts() {
		out = appendBytes(out, *f.value)
	}
	out = binary.AppendUvarint(out, min(uint64(max(s.Max, 0)/time.Second), maxSeconds))
	out = binary.AppendVarint(out, s.Cut.UnixMilli())
	out = binary.AppendUvarint(out, s.Acked)
	out = binary.AppendUvarint(out, uint64(s.Handled))
	out = binary.AppendUvarint(out, uint64(len(s.Queue)))
	for i := range s.Queue {
		out = appendBytes(out, s.Queue[i].Data)
		out = appendBytes(out, s.Queue[i].Meta)
	}
	if n := len(out) - start; n > maxState-sumLength {
		return dst, fmt.Errorf("stream management: state: %d bytes", n)
	}
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out[start:], castagnoli)), nil
}

type text struct {
	name  string
	value *string
}

func (s *State) texts() [5]text {
	return [...]text{{"account", &s.Account}, {"domain", &s.Domain}, {"address", &s.Address}, {"id", &s.ID}, {"location", &s.Location}}
}

func appendBytes[T string | []byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// UnmarshalBinary reads what AppendBinary made and nothing else; the state owns its memory. With an
// error the state is as it was: a torn or foreign value, or one of a later version, is no session.
func (s *State) UnmarshalBinary(b []byte) error {
	switch {
	case len(b) > maxState:
		return fmt.Errorf("stream management: state: %d bytes", len(b))
	case len(b) < len(magic)+sumLength || string(b[:len(magic)-1]) != magic[:len(magic)-1]:
		return errors.New("stream management: state: these bytes are none")
	case b[len(magic)-1] != magic[len(magic)-1]:
		return fmt.Errorf("stream management: state: version %d is not known", b[len(magic)-1])
	}
	body, sum := b[:len(b)-sumLength], b[len(b)-sumLength:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(sum) {
		return errors.New("stream management: state: the checksum is wrong")
	}
	d := decoder{rest: slices.Clone(body[len(magic):])}
	read := d.state()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("end")
	}
	if d.err != nil {
		return d.err
	}
	*s = read
	return nil
}

// A decoder reads fields until one is wrong; after that it reads zeros.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(field string) {
	if d.err == nil {
		d.err = fmt.Errorf("stream management: state: %s is damaged", field)
	}
	d.rest = nil
}

func (d *decoder) state() (s State) {
	for _, f := range s.texts() {
		*f.value = string(d.bytes(f.name, maxID))
	}
	s.Max = time.Duration(d.number("max", maxSeconds)) * time.Second
	s.Cut = time.UnixMilli(d.signed("time"))
	s.Acked = d.number("acked", 1<<64-1)
	s.Handled = uint32(d.number("handled", 1<<32-1))
	for range d.number("queue", maxQueue) {
		e := Entry{Data: d.bytes("data", maxState), Meta: d.bytes("meta", maxState)}
		if d.err != nil {
			break
		}
		s.Queue = append(s.Queue, e)
	}
	return s
}

func (d *decoder) number(field string, limit uint64) uint64 {
	n, length := binary.Uvarint(d.rest)
	if length <= 0 || n > limit {
		d.fail(field)
		return 0
	}
	d.rest = d.rest[length:]
	return n
}

func (d *decoder) signed(field string) int64 {
	n, length := binary.Varint(d.rest)
	if length <= 0 {
		d.fail(field)
		return 0
	}
	d.rest = d.rest[length:]
	return n
}

// bytes returns a part of the decoder's own copy, nil for an empty one.
func (d *decoder) bytes(field string, limit uint64) []byte {
	n := d.number(field, limit)
	if n > uint64(len(d.rest)) {
		d.fail(field)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}
