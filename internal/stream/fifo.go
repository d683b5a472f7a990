package stream

// A fifo is a queue that keeps its array.
type fifo struct {
	entries []Entry
	head    int
	bytes   int
}

func (f *fifo) len() int { return len(f.entries) - f.head }

func (f *fifo) push(e Entry) {
	if f.head > 0 && len(f.entries) == cap(f.entries) && f.head >= len(f.entries)/2 {
		n := copy(f.entries, f.entries[f.head:])
		clear(f.entries[n:])
		f.entries, f.head = f.entries[:n], 0
	}
	if f.entries == nil {
		f.entries = entryArrays.get()
	}
	f.entries = append(f.entries, e)
	f.bytes += len(e.Data)
}

// peek is the next entry; the queue must not be empty.
func (f *fifo) peek() *Entry { return &f.entries[f.head] }

func (f *fifo) pop() Entry {
	e := f.entries[f.head]
	f.entries[f.head] = Entry{}
	f.head++
	f.bytes -= len(e.Data)
	if f.head == len(f.entries) {
		f.entries, f.head = f.entries[:0], 0
	}
	return e
}

// rest gives the array of an empty queue back.
func (f *fifo) rest() {
	if len(f.entries) == 0 {
		entryArrays.put(f.entries)
		f.entries = nil
	}
}
