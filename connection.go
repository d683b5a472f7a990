package xmpp

import (
	"context"

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

	unnamed *MemoryStore   // in place of the configuration's store for logins without an address
	streams *stream.Config // never changes

	ctx      context.Context // ends with the connection; what handlers get derives from it
	cancel   context.CancelCauseFunc
	done     stream.Signal // closed with the connection
	stopping stream.Signal // closed when Close or Shutdown begins

	chats                               *ChatManager
	roster                              *Roster
	presence                            *PresenceManager
	life                                *sequence // of what follows
	states                              notifier[StateChange]
	slow                                notifier[SlowConsumer]
	messages                            Feed[messageEvent]
	bounces                             Feed[messageEvent]
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
	probe                               atomic.Pointer[string]  // the id of the request for a sign of life; nil: there was none
	storing                             queueLock               // of who stores the session
	onReceived, onUnchanged, onPresence func(context.Context)   // methods, made into values once

	mu         sync.Mutex // guards what follows; never held while waiting
	state      State
	err        error                   // why it is closed
	attached   bool                    // Connect was called: extensions are fixed
	extensions []Extension             // fixed with attached
	features   []string                // likewise
	steps      *steps                  // likewise
	expiring   bool                    // it is ending by itself, and what was received is being handled
	stopped    bool                    // stopping is closed
	working    bool                    // Connect or Login runs
	interrupt  func(error)             // ends that
	gates      []chan struct{}         // before the application's goroutine, while sessions are being set up
	running    bool                    // Run runs
	candidates *candidates             // where to connect, and what was tried
	transport  *stream.Transport       // secured, before the login
	session    *stream.Session         // bound, online or about to be
	live       *stream.Session         // online
	since      time.Time               // when live began
	owner      jid.JID                 // the account of the last login, also of one that failed
	nameless   bool                    // the last login had no address
	user       atomic.Pointer[jid.JID] // full, while bound; mu is held to change it
	suspect    uint64                  // stood first when the server ended a stream for a fault of ours
	claimed    jid.JID                 // the account that the store is claimed for
	inherited  jid.JID                 // whose suspended session was taken out of the store
	stored     []string                // the keys of that, while the store still has it
	lostAt     time.Time               // when the session before ended
	remnants   []remnant               // of a session that is over, until the next one is set up
	sessions   int                     // how many were online
	shut       *shutdown               // the Shutdown that is under way
	online     chan struct{}           // closed when it is online again; nil: nobody waits for that
	ready      atomic.Bool             // there was a login: sends are accepted
	maxBytes   atomic.Int64            // of a stanza, as the server says (XEP-0478); 0: not said
	hint       chan struct{}           // the network has changed; nil: it was never lost

	tries  int // in a row, of the supervisor alone
	ticket ticket
}

// A whole is a Connection and nearly all that lives as long as it, in one piece: among many small ones that come and go, as in a login, the memory of each
// would be kept by those that stay.
type whole struct {
	Connection
	chats       ChatManager
	roster      Roster
	presence    PresenceManager
	router, app stream.Line
	life        sequence
	inbound     stream.Inbound
	outbox      stream.Outbox
	pending     stream.Pending
	keys        sasl.MemoryKeys
	store       MemoryStore // unless the configuration has one
	streams     stream.Config
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
	all := new(whole)
	c := &all.Connection
	c.guarded = &guarded{cfg: *cfg}
	c.cfg.Address = cfg.Address.Clone()
	if err := c.cfg.check(); err != nil {
		return nil, err
	}
	if c.cfg.Store == nil {
		c.cfg.Store = &all.store
	}
	if c.cfg.Address.IsZero() {
		c.unnamed = NewMemoryStore()
	}
	c.streams = &all.streams
	if err := c.cfg.streams(c.streams); err != nil {
		return nil, err
	}
	c.log = c.cfg.Logger
	c.keys = &all.keys
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.router, c.app, c.life = &all.router, &all.app, &all.life
	stream.InitStages(c.ctx, c.router, c.app)
	c.outbox, c.pending, c.inbound = &all.outbox, &all.pending, &all.inbound
	c.acks.c, c.steps = c, &noSteps
	c.inbound.Init((*handler)(c))
	c.app.Rests = c.inbound
	c.outbox.Join(c.inbound)
	c.chats, c.roster, c.presence = &all.chats, &all.roster, &all.presence
	c.chats.c, c.roster.c, c.presence.c = c, c, c
	c.messages.c, c.bounces.c, c.chats.feed.c, c.chats.sent.c, c.presence.feed.c = c, c, c, c, c
	c.roster.changes.c, c.roster.presence.c, c.roster.requests.c = c, c, c
	c.roster.strangers = newStrangers(c.cfg.Limits.StrangersBytes)
	c.onReceived, c.onUnchanged, c.onPresence = c.route, c.handUnchanged, c.handPresence
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
	if user := c.bound(); !user.IsZero() {
		return user
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.account.address.IsZero() {
		return c.cfg.Address
	}
	return c.account.address
}

// bound is our full address as long as there is one.
func (c *Connection) bound() jid.JID {
	if user := c.user.Load(); user != nil {
		return *user
	}
	return jid.JID{}
}

// ChatManager hears and sends one-to-one messages.
func (c *Connection) ChatManager() *ChatManager { return c.chats }

// Roster is the account's contact list and the contacts' presence.
func (c *Connection) Roster() *Roster { return c.roster }

// PresenceManager is our own presence, and hears that of others.
func (c *Connection) PresenceManager() *PresenceManager { return c.presence }

// Store is the configuration's store, or the one in memory that stands in for it. From a login without an Address on it is one in memory: see
// ConnectionConfiguration.Store. So extensions ask for it when there is a session, and each time.
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
func (c *Connection) Done() <-chan struct{} { return c.done.C() }

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
			c.interrupt = cancel
			return ctx, func() {
				cancel(context.Canceled)
				c.mu.Lock()
				c.working, c.interrupt = false, nil
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
	case <-c.done.C():
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
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.hint <- struct{}{}:
	default:
	}
}
