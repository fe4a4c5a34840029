package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"certquay/model"
	"certquay/store/engine"
)

// format is the version of the tables below. What the store keeps in them has a version
// of its own.
const format = 1

// prepare checks the clock of the database and its tables, and makes these in a database
// without any.
func (e *Engine) prepare(ctx context.Context, create bool) error {
	asked := time.Now()
	var now time.Time
	if err := e.writes.QueryRow(ctx, clockSQL).Scan(&now); err != nil {
		return e.explain(err)
	}
	if by := skew(now, asked, time.Now()); by > 0 {
		return model.Fail("postgres.clock", "url", e.name, "by", by.Round(time.Second))
	}
	err := pgx.BeginFunc(ctx, e.writes, func(tx pgx.Tx) error {
		// Two processes that find an empty database follow each other.
		if _, err := tx.Exec(ctx, lockSQL); err != nil {
			return err
		}
		var pairs, owner, foreign *string
		err := tx.QueryRow(ctx, tablesSQL).Scan(&pairs, &owner, &foreign)
		switch {
		case err != nil:
			return err
		case pairs != nil && owner != nil:
			return e.checkFormat(ctx, tx)
		case pairs != nil, owner != nil:
			return model.Fail("postgres.foreign", "url", e.name, "table", "certquay")
		case foreign != nil:
			return model.Fail("postgres.foreign", "url", e.name, "table", *foreign)
		case !create:
			return model.Fail("postgres.empty", "url", e.name).Wrapping(engine.ErrMissing)
		}
		_, err = tx.Exec(ctx, createSQL)
		return err
	})
	if err == nil {
		return nil
	}
	return e.explain(err)
}

// maxSkew is by how much the clocks of this machine and of the database may differ. The
// lease does not depend on it; the times in certificates and events do.
const maxSkew = time.Minute

// skew returns by how much the clock of the database differs from that of this machine,
// which asked and got the answer at these times, or 0 if that is not too much.
func skew(now, asked, answered time.Time) time.Duration {
	behind, ahead := asked.Round(0).Sub(now), now.Sub(answered.Round(0))
	if by := max(behind, ahead); by > maxSkew {
		return by
	}
	return 0
}

// checkFormat checks that the tables are certquay's, of this version.
func (e *Engine) checkFormat(ctx context.Context, tx pgx.Tx) error {
	var has int
	err := tx.QueryRow(ctx, formatSQL).Scan(&has)
	pg := new(pgconn.PgError)
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pg) && pg.Code == "42703" /* undefined column */ || err == nil && has < 1 {
		return model.Fail("postgres.foreign", "url", e.name, "table", "certquay")
	}
	if err == nil && has > format {
		return model.Fail("postgres.newer", "url", e.name, "has", has, "knows", format)
	}
	return err
}
