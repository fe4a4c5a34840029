package sshd

import "time"

// Limits bound what clients can take. Zero fields get the default.
type Limits struct {
	Connections int           // over the network, at once, authenticated; 256
	PerKey      int           // of those, of one key; 8
	Handshakes  int           // over the network, at once, not yet authenticated; 2048
	PerSource   int           // of those, of one address; 1024
	Attached    int           // connections to the socket; 256
	Channels    int           // sessions in one connection; 10
	Variables   int           // of the environment, in one session; 32
	EnvBytes    int           // of those, names and values; 8 KB
	Command     int           // bytes of a command over the network; 64 KB
	Greeting    time.Duration // until a client must have said its version; 2 s
	Handshake   time.Duration // until it must be done; 10 s
	NoSession   time.Duration // until a connection without a session is closed; 1 min
	Refusal     time.Duration // in which one for whom there is no place is told so; 5 s
	Probe       time.Duration // to answer, for one that another wants the place of; 2 s
	Recheck     time.Duration // between two looks whether a key may still be here; 1 s
	Silent      time.Duration // until a network connection without any answer is closed; 45 s
	Longest     time.Duration // life of a network connection; 24 h
	CutOff      time.Duration // until a session that was cut off must have ended; 3 s
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
