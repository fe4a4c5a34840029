package authority

// Credentials returns the kind of a declaration and all its secrets. Those of the
// configuration are read from their files when they are needed.
func (b *Book) Credentials(name string) (kind string, secrets Secrets, err error) {
	d, err := b.Get(name)
	if err != nil {
		return "", nil, err
	}
	if d.Configured {
		secrets, err = b.external(d)
		return d.Kind, secrets, err
	}
	secrets = Secrets{}
	for _, setting := range d.SecretNames {
		if secrets[setting], err = b.Secret(d.Name, setting); err != nil {
			return "", nil, err
		}
	}
	return d.Kind, secrets, nil
}
