// Package version implements XEP-0092 (Software Version) 1.1: it asks which
// software another entity runs, and answers that question.
//
// Left out: nothing. For contacts whose presence is received, entity
// capabilities (XEP-0115) tell the same without a request.
//
// What is dangerous: an answer tells an attacker which holes to try, and that
// somebody is online. So [Handle] answers only our own account, its server and
// contacts who may see our presence; to everybody else it is as if the protocol
// were unknown, unless [Options.Everybody] is set. The operating system is told
// only where [Options.OS] names it. What others tell is what they want to be
// taken for.
package version
