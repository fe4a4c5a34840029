package attach

import "context"

// Attach attaches once, as [Run] does again and again.
func Attach(ctx context.Context, dir string, o Options) (int, error) {
	o.defaults()
	return attachOnce(ctx, dir, o)
}
