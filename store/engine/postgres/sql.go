package postgres

import "certquay/store/engine"

// Settings of a connection on which the rules of a batch rest, however the server is
// configured.
var rules = map[string]string{"synchronous_commit": "on", "default_transaction_isolation": "read committed"}

// createSQL makes the tables. Nobody has held the lease yet.
const createSQL = `
create table certquay (key bytea primary key, value bytea not null);
create table certquay_owner (
	one boolean primary key default true check (one),
	format integer not null, epoch bigint not null, batch bytea not null,
	holder text not null, since timestamptz not null, ends timestamptz not null);
insert into certquay_owner (format, epoch, batch, holder, since, ends) values (1, 0, '', '', 'epoch', 'epoch')`

// What is asked when a database is opened: its clock; that nobody else makes tables
// meanwhile; which tables there are, certquay's and, in the schema that is used, another
// one that no extension brought along; and the version of certquay's, 0 if they are not.
const (
	clockSQL  = `select clock_timestamp()`
	lockSQL   = `select pg_advisory_xact_lock(hashtext('certquay'))`
	tablesSQL = `
select to_regclass('certquay')::text, to_regclass('certquay_owner')::text, (
	select relname from pg_class c where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
		and relname not in ('certquay', 'certquay_owner')
		and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by 1 limit 1)`
	formatSQL = `
select case when (
	select count(*) from pg_attribute where attrelid = 'certquay'::regclass and attnum > 0
	and not attisdropped and atttypid = 'bytea'::regtype and attname in ('key', 'value')) = 2
then format else 0 end from certquay_owner`
)

const sizeSQL = `select pg_total_relation_size('certquay')`

// applySQL writes a batch in one statement, so that no connection that breaks, and no
// owner that stops, leaves a transaction open. Its first part compares: the epoch, by
// which a deposed owner writes nothing; the batch before, by which a batch that was sent
// twice is written once; and what the caller compares. It locks the row of the owner, so
// that statements follow each other and a lease is not passed on in between.
const applySQL = `
with fence as (
	update certquay_owner set batch = $2
	where epoch = $1 and batch = $3 and ends > clock_timestamp() and not exists (
		select from unnest($4::bytea[], $5::bytea[]) as c(key, value) left join certquay p on p.key = c.key
		where p.value is distinct from c.value)
	returning 1),
put as (
	insert into certquay select p.key, p.value from fence, unnest($6::bytea[], $7::bytea[]) as p(key, value)
	on conflict (key) do update set value = excluded.value),
deleted as (
	delete from certquay p using fence where p.key = any($8::bytea[]))
select count(*) from fence`

// happenedSQL tells, after nothing was written, whether the lease is held, and whether the
// batch was written by an earlier attempt.
const happenedSQL = `select epoch = $1 and ends > clock_timestamp(), batch = $2 from certquay_owner`

// The lease, by the clock of the database.
const (
	acquireSQL = `
update certquay_owner set epoch = epoch + 1, holder = $1, since = clock_timestamp(), batch = $2,
	ends = clock_timestamp() + make_interval(secs => $3)
where ends <= clock_timestamp() returning epoch`
	holderSQL = `select holder, since from certquay_owner`
	renewSQL  = `
update certquay_owner set ends = clock_timestamp() + make_interval(secs => $2)
where epoch = $1 and ends > clock_timestamp()`
	releaseSQL = `update certquay_owner set ends = clock_timestamp() where epoch = $1`
)

// Reading. PostgreSQL takes the snapshot of a transaction with its first query, so one is
// sent along.
const (
	snapshotSQL = `begin isolation level repeatable read read only; select 1`
	endSQL      = `rollback`
	getSQL      = `select value from certquay where key = $1`
)

// scanSQL returns the query for the first $2 pairs of a range from $1 to $3, if it has an
// end.
func scanSQL(r engine.Range) string {
	query := `select key, value from certquay where key >= $1`
	if r.KeysOnly {
		query = `select key, null::bytea from certquay where key >= $1`
	}
	if r.To != "" {
		query += ` and key < $3`
	}
	query += ` order by key`
	if r.Reverse {
		query += ` desc`
	}
	return query + ` limit $2`
}
