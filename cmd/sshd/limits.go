package sshd

import "time"

// Limits restrict the resources of clients. Zero fields have the defaults given below.
type Limits struct {
	Connections int           // network connections with an authenticated key; 256
	PerKey      int           // network connections of one key; 8
	Handshakes  int           // network connections in the handshake; 2048
	PerSource   int           // network connections in the handshake, of one address; 1024
	Attached    int           // connections to the socket; 256
	Channels    int           // sessions of one connection; 10
	Variables   int           // environment variables of a session; 32
	EnvBytes    int           // total size of their names and values, in bytes; 8 KB
	Command     int           // size of a command over the network, in bytes; 64 KB
	Greeting    time.Duration // until the client must have sent its version; 2 s
	Handshake   time.Duration // until the handshake must be complete; 10 s
	NoSession   time.Duration // until a connection without a session is closed; 1 min
	Refusal     time.Duration // for telling a client why it is refused; 5 s
	Probe       time.Duration // to answer a ping, before the connection is closed in favour of another; 2 s
	Recheck     time.Duration // between checks that the keys of sessions are still authorized; 1 s
	Silent      time.Duration // until a network connection without any answer is closed; 45 s
	Longest     time.Duration // maximum age of a network connection; 24 h
	CutOff      time.Duration // until an interrupted session must have ended; 3 s
}

func (l Limits) withDefaults() Limits {
	or := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	or(&l.Connections, 256)
	or(&l.PerKey, 8)
	or(&l.Handshakes, 2048)
	or(&l.PerSource, 1024)
	or(&l.Attached, 256)
	or(&l.Channels, 10)
	or(&l.Variables, 32)
	or(&l.EnvBytes, 8<<10)
	or(&l.Command, 64<<10)
	orTime(&l.Greeting, 2*time.Second)
	orTime(&l.Handshake, 10*time.Second)
	orTime(&l.NoSession, time.Minute)
	orTime(&l.Refusal, 5*time.Second)
	orTime(&l.Probe, 2*time.Second)
	orTime(&l.Recheck, time.Second)
	orTime(&l.Silent, 45*time.Second)
	orTime(&l.Longest, 24*time.Hour)
	orTime(&l.CutOff, 3*time.Second)
	return l
}
