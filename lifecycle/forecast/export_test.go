package forecast

import "context"

// RunByEngine is [Run] with the engine doing everything, as it does what is not independent.
func RunByEngine(ctx context.Context, src Source, r Request) (*Report, error) {
	r.byEngine = true
	return Run(ctx, src, r)
}
