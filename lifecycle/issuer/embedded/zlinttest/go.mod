// A module of its own, so that zlint and what it needs stay out of certquay's.
// Run it with: cd lifecycle/issuer/embedded/zlinttest && go test ./...
module certquay/zlinttest

go 1.26.0

require (
	certquay v0.0.0
	github.com/zmap/zcrypto v0.0.0-20260906180147-3ed30b1e9340
	github.com/zmap/zlint/v3 v3.7.3
)

require (
	github.com/fxamacker/cbor/v2 v2.9.6 // indirect
	github.com/pavlo-v-chernykh/keystore-go/v4 v4.5.0 // indirect
	github.com/pelletier/go-toml v1.9.5 // indirect
	github.com/titanous/rocacheck v0.0.0-20171023193734-afe73141d399 // indirect
	github.com/weppos/publicsuffix-go v0.50.4-0.20260821095816-b0fdb5c2d345 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	software.sslmate.com/src/go-pkcs12 v0.7.4 // indirect
)

replace certquay => ../../../..

// zlint v3.7.3 asks for a later one that the module proxy does not serve.
replace github.com/weppos/publicsuffix-go => github.com/weppos/publicsuffix-go v0.50.3
