package aliyun

import (
	"context"
	"net/url"
	"time"

	"certquay/lifecycle/aliyun"
)

// attempts is how often a call is made while the service is busy.
const attempts = 4

// repeat makes a call, again while the service is busy or the reply is lost: every call that
// changes something says what is to be, so that a second one does no more. Its errors are
// those of the client.
func (d *Driver) repeat(ctx context.Context, service, region, action string, query, form url.Values, result any) error {
	for attempt := 1; ; attempt++ {
		err := d.once(ctx, service, region, action, query, form, result)
		if !mayRepeat(err) || attempt == attempts {
			return err
		}
		if err := d.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// ensure adds what is not found yet. Adding twice would make two, so it looks again before
// each attempt, and after the last.
func (d *Driver) ensure(ctx context.Context, find func() (bool, error), add func() error) error {
	for attempt := 1; ; attempt++ {
		if found, err := find(); err != nil || found {
			return err
		}
		err := add()
		if err == nil {
			return nil
		}
		if !mayRepeat(err) || attempt == attempts {
			if found, errFind := find(); errFind == nil && found {
				return nil
			}
			return err
		}
		if err := d.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// pause waits before the attempt after this one.
func (d *Driver) pause(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d.opt.Pause << (attempt - 1)):
		return nil
	}
}

// once makes a call once.
func (d *Driver) once(ctx context.Context, service, region, action string, query, form url.Values, result any) error {
	secret, err := d.opt.Secret()
	if err != nil {
		return permanent("aliyun.no-secret", "file", d.opt.Settings.AccessKeySecretFile, "cause", err)
	}
	client := aliyun.Client{
		Endpoint: d.opt.Settings.endpoint(
			service,
			region,
		),
		Version: apis[service].version,
		KeyID:   d.opt.Settings.AccessKeyID,
		Secret:  secret,
	}
	return client.Post(ctx, action, query, form, result)
}

// call is [Driver.repeat] with errors that say what to do.
func (d *Driver) call(ctx context.Context, service, region, action string, query, form url.Values, result any) error {
	return explain(ctx, service, region, action, d.repeat(ctx, service, region, action, query, form, result))
}
