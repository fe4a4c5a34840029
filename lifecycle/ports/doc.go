// Package ports declares what the engine needs from outside: a store, a clock,
// issuers, products, a prober and a notifier, and the types they exchange. Every
// implementation passes the contract suite of its port. The guards here turn a
// panic of an implementation into the failure of one call.
package ports
