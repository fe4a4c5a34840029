// Package ports says what the engine needs from outside: a store, a clock, issuers,
// products, a prober and a notifier, and what is passed between them. Every
// implementation passes the contract suite of its port. The guards here make a
// panic of an implementation the failure of that one call.
package ports
