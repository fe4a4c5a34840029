// Package lifecycle is the core of certquay: the transition table, the engine
// that carries out what the table allows, the scheduler, and the ports the
// engine needs. It knows no database, no terminal and no product.
package lifecycle
