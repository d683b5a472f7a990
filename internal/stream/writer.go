package stream

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
)

const (
	batchBytes = 64 << 10         // what is taken from the outbox at once, about
	writeLimit = 30 * time.Second // a peer that takes nothing for so long is gone (R21)
)

// A Writer owns a session's write side. Its goroutine exists only while there is
// something to write: what is queued meanwhile leaves in one write, and what comes
// alone leaves at once.
type Writer struct {
	conn   net.Conn
	gather *gatherer // below TLS; nil: there is none
	box    *Outbox
	tracer *Tracer
	fail   failer

	// box.mu
	start   func() // the method run
	running bool
	final   *[]byte // to be written last
	flush   bool    // … after everything that waits, not before
	ended   bool
	done    Signal // closed when final is written or never will be

	// the goroutine's own
	batch []Entry
	buf   []byte
}

// A failer is told once, when a write fails.
type failer interface{ fail(error) }

func (w *Writer) init(conn net.Conn, gather *gatherer, box *Outbox, tracer *Tracer, fail failer) {
	w.conn, w.gather, w.box, w.tracer, w.fail = conn, gather, box, tracer, fail
	w.start = w.run
}

func (w *Writer) run() {
	for {
		w.box.mu.Lock()
		if w.ended || w.box.writer != w {
			w.end()
			return
		}
		if w.batch == nil {
			w.batch = entryArrays.get()
		}
		if w.final == nil || w.flush {
			w.batch = w.box.take(w.batch[:0], batchBytes)
		}
		record := w.box.toRecord()
		if len(w.batch) == 0 && record == nil {
			if w.final != nil {
				final := *w.final
				if w.box.out.Enabled() && (string(final) == streamEnd || len(final) == 0) {
					final = append(sm.AppendAck(nil, w.box.in.H()), final...) // XEP-0198 §4
				}
				w.box.quiet()
				record := w.box.record
				w.box.mu.Unlock()
				if record == nil || record() == nil {
					w.last(final)
				}
				w.box.mu.Lock()
				w.end()
				return
			}
			w.running = false
			w.rest()
			w.box.mu.Unlock()
			return
		}
		for i := range w.batch {
			if r, ok := w.batch[i].Done.(*Request); ok {
				r.written.Store(true) // from here on nobody knows how much of it the peer gets
			}
		}
		counted := w.box.out.Enabled()
		w.box.mu.Unlock()
		if err := w.write(counted, record); err != nil {
			w.box.mu.Lock()
			w.end()
			w.fail.fail(err)
			return
		}
		clear(w.batch)
		w.batch = w.batch[:0]
	}
}

// rest gives memory back: an idle connection keeps no buffers. box.mu is held.
func (w *Writer) rest() {
	entryArrays.put(w.batch)
	w.batch = nil
	byteArrays.put(w.buf)
	w.buf = nil
	for lane := range w.box.queue {
		w.box.queue[lane].rest()
	}
	w.box.out.Rest()
}

// last writes the stream's end; nobody waits for it past a bound.
func (w *Writer) last(final []byte) {
	if w.tracer != nil {
		w.tracer.out(string(final))
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	_, _ = w.conn.Write(final)
}

// closeTLS ends TLS behind the last words (close_notify), if they were written; it waits only a
// moment.
func (w *Writer) closeTLS() {
	conn, ok := w.conn.(*tls.Conn)
	select {
	case <-w.done.C():
	default:
		return // somebody still writes
	}
	if !ok {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = conn.CloseWrite()
	}()
	moment := time.NewTimer(100 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-done:
	case <-moment.C: // closing the connection ends it
	}
}

// end is the writer's last act; box.mu is held and released.
func (w *Writer) end() {
	if !w.ended {
		w.ended = true
		w.done.Close()
	}
	// running stays true: nobody may start it again.
	w.running = true
	w.rest()
	w.box.mu.Unlock()
}

// write writes the batch as one, behind the record, if one is needed. Where it fails, nobody knows how much the peer got.
func (w *Writer) write(counted bool, record func() error) (err error) {
	if record != nil {
		err = record()
	}
	if err == nil && len(w.batch) > 0 {
		err = w.writeBatch()
	}
	for i := range w.batch {
		switch done := w.batch[i].Done; {
		case done == nil:
		case err == nil:
			done.Written(!counted || w.batch[i].Nonza)
		case !counted || w.batch[i].Nonza:
			w.batch[i].Fail(&lostError{err})
		}
	}
	if cap(w.buf) > 4*batchBytes {
		w.buf = nil
	}
	return err
}

// writeBatch makes TLS records that end with a stanza, as far as one holds it, and one write of them. What a broken connection has brought
// to the peer are whole stanzas then: nothing is left in a parser that a server may go on with when the session is resumed.
func (w *Writer) writeBatch() error {
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if w.buf == nil {
		w.buf = byteArrays.get()
	}
	w.buf = w.buf[:0]
	if w.gather != nil {
		w.gather.hold()
	}
	for i := range w.batch {
		if w.tracer != nil {
			w.tracer.out(string(w.batch[i].Data))
		}
		if w.gather != nil && len(w.buf) > 0 && len(w.buf)+len(w.batch[i].Data) > recordBytes {
			if _, err := w.conn.Write(w.buf); err != nil {
				return err
			}
			w.buf = w.buf[:0]
		}
		w.buf = append(w.buf, w.batch[i].Data...)
	}
	_, err := w.conn.Write(w.buf)
	if w.gather != nil && err == nil {
		err = w.gather.release()
	}
	return err
}

// finish asks for data to be written last, behind what waits if flush is set, and waits for that
// until ctx ends.
func (w *Writer) finish(ctx context.Context, data string, flush bool) {
	b := []byte(data)
	w.box.mu.Lock()
	if !w.ended && w.final == nil {
		w.final, w.flush = &b, flush
		w.box.wake()
	}
	w.box.mu.Unlock()
	select {
	case <-w.done.C():
	case <-ctx.Done():
	}
}

// A lostError is the end of what the peer may have got, some of it or all.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the connection broke: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// MaybeWritten tells that what failed with err may have reached the server.
func (e *lostError) MaybeWritten() bool { return true }
