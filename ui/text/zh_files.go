package text

// chineseFiles are what is said of files, names and pictures that are refused,
// in Chinese. See [phrases].
var chineseFiles = map[string]string{
	// Certificates.

	// Keys.

	// Signing requests.

	// Files with a password.

	// Documents.

	// Names.

}
