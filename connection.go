package xmpp

import (
	"context"
	"crypto/tls"

	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// A Connection is one account's connection to its server, across reconnections. Make one with
// [NewConnection], attach listeners and extensions, then Connect and Login, or Run. All its
// methods may be called from any goroutine, and from any callback unless they say otherwise.
//
// A busy connection has four goroutines. The reader owns the read side of the session's stream and
// completes requests. The router takes what was received, in order, through extensions, roster and
// IQ handlers. The application goroutine runs callbacks in the same order. The writer owns the
// write side. The last three exist only while they have something to do. While a connection is
// lost a supervisor dials and logs in again.
type Connection struct {
	*guarded
	log  *slog.Logger
	keys sasl.KeyCache

	unnamed *MemoryStore // in place of the configuration's store for logins without an address

	ctx      context.Context // ends with the connection; what handlers get derives from it
	cancel   context.CancelCauseFunc
	done     chan struct{} // closed with the connection
	stopping chan struct{} // closed when Close or Shutdown begins

	chats                               *ChatManager
	roster                              *Roster
	presence                            *PresenceManager
	states                              notifier[StateChange]
	slow                                notifier[SlowConsumer]
	messages                            *Feed[messageEvent]
	bounces                             *Feed[messageEvent]
	handlers                            handlerTable
	router                              *stream.Line
	app                                 *stream.Line
	inbound                             *stream.Inbound
	outbox                              *stream.Outbox
	pending                             *stream.Pending
	stats                               counters
	reports                             bucket
	deafOnce                            sync.Once
	epoch                               atomic.Int64    // streams begun
	unsent, unknown                     []stanza.Stanza // mu: what was left when the connection was closed
	acks                                acks
	doubles                             doubles                 // the router's
	journal                             atomic.Pointer[journal] // with Durable, from the first login on until it is closed
	probeID                             string                  // of the request for a sign of life
	storing                             chan struct{}           // has one while the session is being stored
	onReceived, onUnchanged, onPresence func(context.Context)   // methods, made into values once

	mu                                                      sync.Mutex // guards what follows; never held while waiting
	state                                                   State
	err                                                     error             // why it is closed
	attached                                                bool              // Connect was called: extensions are fixed
	extensions                                              []Extension       // fixed with attached
	features                                                []string          // likewise
	unwrapSteps, decryptSteps, incomingSteps, outgoingSteps []step            // likewise
	expiring                                                bool              // it is ending by itself, and what was received is being handled
	working                                                 bool              // Connect or Login runs
	running                                                 bool              // Run runs
	candidates                                              *candidates       // where to connect, and what was tried
	transport                                               *stream.Transport // secured, before the login
	session                                                 *stream.Session   // bound, online or about to be
	live                                                    *stream.Session   // online
	since                                                   time.Time         // when live began
	owner                                                   jid.JID           // the account of the last login, also of one that failed
	nameless                                                bool              // the last login had no address
	user                                                    jid.JID           // full, while bound
	suspect                                                 uint64            // stood first when the server ended a stream for a fault of ours
	disclaim                                                func()            // gives the store free for the account
	inherited                                               jid.JID           // whose suspended session was taken out of the store
	stored                                                  []string          // the keys of that, while the store still has it
	lostAt                                                  time.Time         // when the session before ended
	remnants                                                []remnant         // of a session that is over, until the next one is set up
	sessions                                                int               // how many were online
	shut                                                    *shutdown         // the Shutdown that is under way
	online                                                  chan struct{}     // closed while online, replaced when not
	ready                                                   atomic.Bool       // there was a login: sends are accepted
	maxBytes                                                atomic.Int64      // of a stanza, as the server says (XEP-0478); 0: not said
	hint                                                    chan struct{}     // the network has changed

	tries       int // in a row, of the supervisor alone
	ticketsOnce sync.Once
	ticketCache tls.ClientSessionCache
}

// guarded is what of a Connection has secrets in it. It stands behind a pointer of its own: where a verb doesn't fit, package fmt prints a value that
// holds a *Connection with all the Connection's fields and asks no method of theirs, but it follows no second pointer.
type guarded struct {
	cfg     ConnectionConfiguration // never changes
	account account                 // Connection.mu
	keep    kept                    // Connection.mu; the session that the server keeps for us
}

// An account is who logs in.
type account struct {
	address  jid.JID
	resource string
	password Secret
	ask      func(context.Context, CredentialsRequest) (Secret, error)
	typed    bool // the password was given to Login: it is to be tried, and no token in its place
	// Where address is zero the server says whose the login is; assigned is what it said to the first that was not ANONYMOUS.
	assigned jid.JID
}

// NewConnection checks the configuration, copies it and does nothing else. The error is a
// *ConfigError.
func NewConnection(cfg *ConnectionConfiguration) (*Connection, error) {
	if cfg == nil {
		return nil, &ConfigError{"configuration", "it is nil"}
	}
	c := &Connection{guarded: &guarded{cfg: *cfg}, done: make(chan struct{}), stopping: make(chan struct{}), online: make(chan struct{}), hint: make(chan struct{}, 1), storing: make(chan struct{}, 1)}
	if err := c.cfg.check(); err != nil {
		return nil, err
	}
	c.log, c.probeID = c.cfg.Logger, stanza.NewID()
	c.keys = sasl.NewKeyCache()
	if c.cfg.Address.IsZero() {
		c.unnamed = NewMemoryStore()
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.router, c.app = stream.NewStages(c.ctx)
	c.states.line, c.slow.line = stream.NewLine(context.Background()), stream.NewLine(context.Background())
	c.outbox, c.pending = &stream.Outbox{}, &stream.Pending{}
	c.acks.c = c
	c.inbound = &stream.Inbound{Outstanding: func() bool {
		return c.pending.Any() || c.acks.awaited.Load() > 0 || c.outbox.Wanting()
	}, Slow: c.slowed, Owe: c.outbox.Owe, Report: (*handler)(c).Report, Pausing: func() { c.router.Flush(); c.outbox.Poke() },
		Busy: c.app.Works}
	c.app.Rests = c.inbound.Poke
	c.outbox.Join(c.inbound)
	c.messages, c.bounces = NewFeed[messageEvent](c), NewFeed[messageEvent](c)
	c.chats = newChatManager(c)
	c.roster = newRoster(c)
	c.presence = newPresenceManager(c)
	c.onReceived, c.onUnchanged, c.onPresence = c.route, c.handUnchanged, c.handPresence
	c.handleCore()
	return c, nil
}

// Dial is NewConnection, Connect and Login for scripts: the account's address and its password.
func Dial(ctx context.Context, address string, password Secret) (*Connection, error) {
	a, err := jid.Parse(address)
	if err != nil {
		return nil, &ConfigError{"address", err.Error()}
	}
	c, err := NewConnection(&ConnectionConfiguration{Address: a, Password: password})
	if err != nil {
		return nil, err
	}
	if err := c.Login(ctx, "", ""); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// User is our full address, as the server gave it, from the first login on, also between sessions;
// else the account's.
func (c *Connection) User() jid.JID {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user.IsZero() {
		if c.account.address.IsZero() {
			return c.cfg.Address
		}
		return c.account.address
	}
	return c.user
}

// ChatManager hears and sends one-to-one messages.
func (c *Connection) ChatManager() *ChatManager { return c.chats }

// Roster is the account's contact list and the contacts' presence.
func (c *Connection) Roster() *Roster { return c.roster }

// PresenceManager is our own presence, and hears that of others.
func (c *Connection) PresenceManager() *PresenceManager { return c.presence }

// Store is the configuration's store, or the one in memory that stands in for it. After a login without an Address it is one in memory: see
// ConnectionConfiguration.Store. So extensions ask for it each time.
func (c *Connection) Store() Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nameless {
		return c.unnamed
	}
	return c.cfg.Store
}

// storeOf is where what concerns an account is kept.
func (c *Connection) storeOf(a account) Store {
	if a.address.IsZero() {
		return c.unnamed
	}
	return c.cfg.Store
}

// Logger is the configuration's logger, or one that discards.
func (c *Connection) Logger() *slog.Logger { return c.log }

// Done is closed when the connection is closed for good.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Err is why the connection is closed: nil while it is not, ErrClosed after Close and Shutdown,
// else the cause.
func (c *Connection) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Connect finds the server and opens a secured transport to it: DNS, TCP, and TLS with the
// certificate verified. Nobody is logged in yet and nothing of the secured stream is sent. It
// blocks until then or until ctx ends. Its errors are a *ConnectError, ErrState and ErrClosed; a
// failed Connect can be repeated.
func (c *Connection) Connect(ctx context.Context) error {
	ctx, done, err := c.begin(ctx, Disconnected)
	if err != nil {
		return err
	}
	defer done()
	t, err := c.dial(ctx, newCandidates(&c.cfg))
	return c.connected(t, err)
}

// begin claims the right to drive the connection and makes a context that also ends with it.
func (c *Connection) begin(ctx context.Context, from ...State) (context.Context, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == Closed || c.shut != nil || c.expiring:
		return nil, nil, ErrClosed
	case c.working:
		return nil, nil, ErrState
	}
	for _, s := range from {
		if c.state == s {
			c.working = true
			c.fix()
			ctx, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })
			return ctx, func() {
				stop()
				cancel(context.Canceled)
				c.mu.Lock()
				c.working = false
				c.mu.Unlock()
			}, nil
		}
	}
	return nil, nil, ErrState
}

// connected takes note of how dialing ended.
func (c *Connection) connected(t *stream.Transport, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.state == Closed {
		err = ErrClosed
		_ = t.Close()
	}
	if err != nil {
		c.setState(StateChange{State: Disconnected, Err: err})
		return err
	}
	c.transport = t
	c.setState(StateChange{State: Connected})
	return nil
}

// Login authenticates, binds a resource, loads the roster and sends the initial presence; on a
// connection that isn't connected it connects first. user is an address or just its local part; ""
// means the configuration's account. A password that is given here is tried; else a token of an earlier login may stand
// for it (see ConnectionConfiguration.DisableFAST). From then on the connection keeps itself online (unless
// DisableReconnection is set) until it is closed. It blocks until all that is done or ctx ends.
// Its errors are those of Connect; a refusal by the server is found by errors.As as a
// *sasl.Failure. A failed Login leaves the connection disconnected, to be tried again. It may be
// called from a callback of another connection.
func (c *Connection) Login(ctx context.Context, user string, password Secret) error {
	a, err := c.cfg.accountOf(user, password)
	if err != nil {
		return err
	}
	c.mu.Lock()
	running := c.running
	c.mu.Unlock()
	if running {
		return ErrState
	}
	return c.login(ctx, a)
}

// Run connects, logs in with the configuration's account and stays online until ctx ends or the
// connection is closed. A first login that fails ends it with that error, whatever it is; later
// only a terminal cause does. When ctx ends it shuts down, within 5 s, and returns what Shutdown
// does: nil, if nothing was left unsent. It blocks for all that time.
func (c *Connection) Run(ctx context.Context) error {
	a, err := c.cfg.accountOf("", "")
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.running || c.state == Online || c.state == Reconnecting {
		c.mu.Unlock()
		return ErrState
	}
	c.running = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
	}()
	if err := c.login(ctx, a); err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.Err()
	case <-ctx.Done():
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
		defer cancel()
		return c.Shutdown(limit)
	}
}

// NetworkChanged says that the machine's network may be a new one: a reconnection that waits tries
// at once.
func (c *Connection) NetworkChanged() {
	select {
	case c.hint <- struct{}{}:
	default:
	}
}
