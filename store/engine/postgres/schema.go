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

// createSQL makes the tables. Nobody has held the lease yet.
const createSQL = `
create table certquay (key bytea primary key, value bytea not null);
create table certquay_owner (
	one boolean primary key default true check (one),
	format integer not null, epoch bigint not null, batch bytea not null,
	holder text not null, since timestamptz not null, ends timestamptz not null);
insert into certquay_owner (format, epoch, batch, holder, since, ends) values (1, 0, '', '', 'epoch', 'epoch')`

// foreignSQL finds a table that is not certquay's in the schema that is used.
const foreignSQL = `
select relname from pg_class c where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
	and relname not in ('certquay', 'certquay_owner')
	and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by 1 limit 1`

// prepare checks the clock of the database and its tables, and makes these in a database
// without any.
func (e *Engine) prepare(ctx context.Context, create bool) error {
	asked := time.Now()
	var now time.Time
	if err := e.writes.QueryRow(ctx, `select clock_timestamp()`).Scan(&now); err != nil {
		return e.explain(err)
	}
	if by := skew(now, asked, time.Now()); by > 0 {
		return model.Fail("postgres.clock", "url", e.name, "by", by.Round(time.Second))
	}
	err := pgx.BeginFunc(ctx, e.writes, func(tx pgx.Tx) error {
		// Two processes that find an empty database follow each other.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('certquay'))`); err != nil {
			return err
		}
		var pairs, owner, foreign *string
		err := tx.QueryRow(ctx, `select to_regclass('certquay')::text, to_regclass('certquay_owner')::text, (`+foreignSQL+`)`).
			Scan(&pairs, &owner, &foreign)
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
	err := tx.QueryRow(ctx, `
		select case when (select count(*) from pg_attribute where attrelid = 'certquay'::regclass and attnum > 0
			and not attisdropped and atttypid = 'bytea'::regtype and attname in ('key', 'value')) = 2
			then format else 0 end from certquay_owner`).Scan(&has)
	pg := new(pgconn.PgError)
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pg) && pg.Code == "42703" /* undefined column */ || err == nil && has < 1 {
		return model.Fail("postgres.foreign", "url", e.name, "table", "certquay")
	}
	if err == nil && has > format {
		return model.Fail("postgres.newer", "url", e.name, "has", has, "knows", format).Wrapping(ErrNewer)
	}
	return err
}

// ErrNewer means that a newer certquay made the tables.
var ErrNewer = errors.New("the tables are of a newer version")
