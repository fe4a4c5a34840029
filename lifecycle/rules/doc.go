// Package rules decides what may be done to a certificate, when, and why not: the
// transition table with its guards, the reasons of refusals, the periods and
// limits of issuers, the operator's policy, and the validation of typed values. It
// is pure: it reads no store, no clock and no network.
package rules
