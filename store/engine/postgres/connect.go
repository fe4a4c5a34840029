package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"certquay/model"
	"certquay/store/engine"
)

// Options of [Open].
type Options struct {
	// URL is postgres://USER@HOST/DATABASE, without a password. Its parameters are those
	// of libpq: sslmode, sslrootcert, sslcert, sslkey, passfile and so on.
	URL string
	// PasswordFile is a file of mode 0600 whose first line is the password; "" means that
	// the server wants none, or that the URL names a passfile. It is read for each
	// connection, so that a changed password takes effect.
	PasswordFile string
	Create       bool         // makes the tables in a database without any
	Logger       *slog.Logger // nil for none
}

// defaults are the parameters that a URL can change: how many snapshots there can be at
// the same time, how many seconds a connection may take, and after how many milliseconds
// the snapshots of a process that is stopped are ended.
const defaults = "pool_max_conns=40&connect_timeout=5&target_session_attrs=read-write" +
	"&application_name=certquay&idle_in_transaction_session_timeout=600000"

// Open connects to a database and checks that it is certquay's, or makes the tables in
// one that has none. What it cannot use it does not change. The errors say what is wrong
// and what to do.
func Open(ctx context.Context, o Options) (*Engine, error) {
	c, name, err := configOf(o)
	if err != nil {
		return nil, err
	}
	e := &Engine{name: name, log: o.Logger, outage: engine.NewOutage()}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.reads, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return nil, model.Fail("postgres.url", "url", name, "cause", err)
	}
	c = c.Copy()
	c.MaxConns, c.MinConns = 2, 0
	if e.writes, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		e.reads.Close()
		return nil, model.Fail("postgres.url", "url", name, "cause", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := e.prepare(ctx, o.Create); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// configOf checks the options and returns the configuration of a pool, and the name of
// the database in messages.
func configOf(o Options) (c *pgxpool.Config, name string, err error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, "", model.Fail("postgres.no-url") // the URL may contain a password
	}
	query := u.Query()
	shown := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User.Username() != "" {
		shown.User = url.User(u.User.Username())
	}
	name = shown.String()
	if _, set := u.User.Password(); set || query.Has("password") || query.Has("sslpassword") {
		return nil, name, model.Fail("postgres.password-in-url", "url", name)
	}
	if os.Getenv("PGPASSWORD") != "" {
		return nil, name, model.Fail("postgres.password-in-environment")
	}
	given := u.RawQuery
	with := func(parameters string) error {
		u.RawQuery = strings.TrimSuffix(parameters+"&"+given, "&") // the last of two counts
		if c, err = pgxpool.ParseConfig(u.String()); err != nil {
			return model.Fail("postgres.url", "url", name, "cause", rootOf(err))
		}
		return nil
	}
	if err := with(defaults); err != nil {
		return nil, name, err
	}
	if !query.Has("sslmode") && os.Getenv("PGSSLMODE") == "" && !local(&c.ConnConfig.Config) {
		if err := with(defaults + "&sslmode=verify-full"); err != nil { // rather than whatever the server offers
			return nil, name, err
		}
	}
	maps.Copy(c.ConnConfig.RuntimeParams, rules)
	if o.PasswordFile != "" {
		if _, err := engine.ReadPassword(o.PasswordFile); err != nil {
			return nil, name, err
		}
		c.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) (err error) {
			c.Password, err = engine.ReadPassword(o.PasswordFile)
			return err
		}
	}
	return c, name, nil
}

// local reports whether all hosts of a configuration are this machine.
func local(c *pgconn.Config) bool {
	hosts := []string{c.Host}
	for _, other := range c.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		ip := net.ParseIP(host)
		return !strings.HasPrefix(host, "/") && host != "localhost" && (ip == nil || !ip.IsLoopback())
	})
}

// codes are the messages for errors of the server.
var codes = map[string]string{
	"28P01": "postgres.credential", // invalid password
	"28000": "postgres.credential", // invalid authorization
	"3D000": "postgres.no-database",
	"42501": "postgres.rights",
	"53100": "postgres.full",
}

// explain says what an error of the server or the connection means, and what to do.
func (e *Engine) explain(err error) error {
	var (
		pg      = new(pgconn.PgError)
		said    = new(model.Error)
		chain   = new(tls.CertificateVerificationError)
		dial    = new(net.OpError)
		unknown = new(net.DNSError)
	)
	wrapping := []error{err}
	code, cause := "postgres.connection", any(rootOf(err))
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &pg):
		code, cause = cmp.Or(codes[pg.Code], "postgres.server"), model.Quoted("", pg.Message)
		if pg.Code == "53100" {
			wrapping = append(wrapping, engine.ErrNoSpace)
		}
		if temporary(err) { // it is starting, or is asked by too many
			wrapping = append(wrapping, engine.ErrUnreachable)
		}
	case errors.As(err, &chain):
		code, cause = "postgres.certificate", chain.Err
	case errors.As(err, &unknown):
		code, cause = "postgres.unreachable", unknown
	case errors.As(err, &dial):
		code, cause = "postgres.unreachable", dial
	}
	if code == "postgres.unreachable" || errors.Is(err, context.DeadlineExceeded) {
		wrapping = append(wrapping, engine.ErrUnreachable)
	}
	return model.Fail(code, "url", e.name, "cause", cause).Wrapping(wrapping...)
}

// rootOf returns the innermost cause of an error; of several, that of the last attempt.
func rootOf(err error) error {
	for {
		next := errors.Unwrap(err)
		if all, ok := err.(interface{ Unwrap() []error }); ok {
			next = all.Unwrap()[len(all.Unwrap())-1]
		}
		if next == nil {
			return err
		}
		err = next
	}
}
