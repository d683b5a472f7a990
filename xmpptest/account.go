package xmpptest

import (
	"crypto/rand"
	"fmt"

	"github.com/gosmack/xmpp/jid"
)

// account is one user of the server with everything the server keeps for it.
// The server's lock guards it.
type account struct {
	address  jid.JID // bare
	password string
	salt     []byte
	keys     map[string]scramKeys // by name of the hash; made at the first login that needs them
	roster   roster
	sessions map[string]*Conn // bound, by resource
	offline  []stored
	archive  []archived
	devices  map[string]*device // by the id of their <user-agent/>
}

// AddAccount creates an account, or gives an existing one a new password; the
// user is the local part of its address. It also serves as the account's
// bearer token (OAUTHBEARER). Its errors are those of [jid.New].
func (s *Server) AddAccount(user, password string) error {
	address, err := jid.New(user, s.domain, "")
	if err != nil {
		return fmt.Errorf("xmpptest: account %q: %w", user, err)
	}
	if address.Local() == "" {
		return fmt.Errorf("xmpptest: account: empty user")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addAccount(address, password)
	return nil
}

// addAccount does so with s.mu held.
func (s *Server) addAccount(address jid.JID, password string) *account {
	a := s.accounts[address]
	if a == nil {
		a = &account{address: address, roster: newRoster(), sessions: map[string]*Conn{}, devices: map[string]*device{}}
		s.accounts[address] = a
	}
	a.password, a.salt, a.keys = password, make([]byte, 16), map[string]scramKeys{}
	rand.Read(a.salt) // never fails, see its documentation
	return a
}

// Address returns the bare address of a user of this server, whether or not
// there is such an account. Like [jid.MustParse] it panics on a user that can
// be no local part.
func (s *Server) Address(user string) jid.JID {
	address, err := jid.New(user, s.domain, "")
	if err != nil {
		panic(fmt.Sprintf("xmpptest: user %q: %v", user, err))
	}
	return address
}

// Password returns the password of an account; an account that is missing is
// made, with a random password.
func (s *Server) Password(user string) string {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[address]; a != nil {
		return a.password
	}
	return s.addAccount(address, rand.Text()).password
}

// lookup finds an account by what a client calls itself when it logs in: the
// local part.
func (s *Server) lookup(user string) *account {
	address, err := jid.New(user, s.domain, "")
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[address]
}

// passwordOf returns what an account has to prove.
func (s *Server) passwordOf(a *account) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.password
}
