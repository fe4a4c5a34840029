package wire

import (
	"errors"
	"io"
	"net/url"
)

// Code is a status of gRPC.
type Code int

// The codes that tell what to do.
const (
	InvalidArgument   Code = 3
	DeadlineExceeded  Code = 4
	NotFound          Code = 5
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Aborted           Code = 10
	OutOfRange        Code = 11
	Internal          Code = 13
	Unavailable       Code = 14
	Unauthenticated   Code = 16
)

// Error is what a server answers.
type Error struct {
	Code Code
	Text string
}

func (e *Error) Error() string { return e.Text }

// Is reports whether two errors have the same code and, as etcd tells them apart only by
// these, texts.
func (e *Error) Is(other error) bool {
	o, ok := other.(*Error)
	return ok && *o == *e
}

// Errors of etcd that share their code with others. Their texts are part of the protocol:
// etcd's own client finds errors by them.
var (
	ErrTooManyOperations = &Error{InvalidArgument, "etcdserver: too many operations in txn request"}
	ErrRequestTooLarge   = &Error{InvalidArgument, "etcdserver: request is too large"}
	ErrAuthFailed        = &Error{InvalidArgument, "etcdserver: authentication failed, invalid user ID or password"}
	ErrNoUser            = &Error{InvalidArgument, "etcdserver: user name is empty"}
	ErrOldAuth           = &Error{InvalidArgument, "etcdserver: revision of auth store is old"}
	ErrNoAuth            = &Error{9, "etcdserver: authentication is not enabled"}
	ErrCompacted         = &Error{OutOfRange, "etcdserver: mvcc: required revision has been compacted"}
	ErrFutureRevision    = &Error{OutOfRange, "etcdserver: mvcc: required revision is a future revision"}
	ErrNoSpace           = &Error{ResourceExhausted, "etcdserver: mvcc: database space exceeded"}
	ErrTooManyRequests   = &Error{ResourceExhausted, "etcdserver: too many requests"}
)

// ErrNotGRPC means that what answers is not etcd.
var ErrNotGRPC = errors.New("not an answer of gRPC")

// Temporary reports whether trying again, or on another node, may help: the server is not
// ready, or no answer came.
func Temporary(err error) bool {
	e := new(Error)
	if !errors.As(err, &e) {
		failed := new(url.Error) // no answer
		return errors.As(err, &failed) || errors.Is(err, io.ErrUnexpectedEOF)
	}
	switch e.Code {
	case Unavailable, DeadlineExceeded, Aborted, Internal, Unauthenticated:
		return true
	}
	return e.Is(ErrTooManyRequests) || e.Is(ErrOldAuth)
}
