// Package rules says what is allowed to be done to a certificate, when, and why
// not: the transition table with its guards, the reasons of refusals, the periods
// and limits of issuers, what the operator has decided, and how texts are judged
// that people type. It is pure: it reads no store, no clock and no network.
package rules
