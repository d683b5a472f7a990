package main

import (
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/bench/corpus"
)

// roster has as many contacts as the account's name says: roster1000 has a thousand.
func roster(user, id string) []byte {
	n, _ := strconv.Atoi(strings.TrimPrefix(user, "roster")) // others have none
	return corpus.Roster(id, n)
}
