package interop_test

import "testing"

// The table. Scenarios run side by side, on all servers; the heavy ones, which measure, run before them, one at a time.
var scenarios = []struct {
	name  string
	alone bool
	play  func(*world)
}{
	{"TenThousand", true, tenThousand},
	{"Flood", true, flood},

	{"Mechanisms", false, mechanisms},
	{"Transports", false, transports},
	{"RoundTrips", false, roundTrips},
	{"ModernLogin", false, modernLogin},
	{"Accounts", false, accountForms},
	{"WrongPassword", false, wrongPassword},
	{"UnknownUser", false, unknownUser},
	{"WrongHost", false, wrongHost},
	{"RefusedPort", false, refusedPort},
	{"BlackHole", false, blackHole},
	{"Silence", false, silence},
	{"Certificates", false, certificates},

	{"BothWays", false, bothWays},
	{"Bodies", false, bodies},
	{"TooLarge", false, tooLarge},
	{"Resources", false, resources},
	{"Offline", false, offline},

	{"Subscription", false, subscription},
	{"Denial", false, denial},
	{"PreApproval", false, preApproval},
	{"DecisionHook", false, decisionHook},
	{"RosterEditing", false, rosterEditing},
	{"RosterVersions", false, rosterVersions},

	{"CustomIQ", false, customIQ},
	{"HandlerAsks", false, handlerAsks},
	{"HandlerBlocks", false, handlerBlocks},

	{"Archive", false, archive},
	{"CatchUp", false, catchUp},

	{"Close", false, closing},
	{"CloseFrom", false, closingFrom},
	{"Shutdown", false, shuttingDown},
	{"ShutdownFrom", false, shuttingDownFrom},
	{"BadConfiguration", false, badConfiguration},
	{"BadInput", false, badInput},

	{"Cuts", true, cuts},
	{"Restarts", true, restarts},

	{"Slixmpp", false, slixmpp},
	{"GoSendxmpp", false, goSendxmpp},
	{"Libstrophe", false, libstrophe},
}

func TestInterop(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			if !sc.alone {
				t.Parallel()
			}
			for _, s := range servers {
				t.Run(s.name, func(t *testing.T) {
					if !sc.alone {
						t.Parallel()
					}
					play(t, s, sc.play)
				})
			}
		})
	}
}
