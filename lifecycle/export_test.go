package lifecycle

import "certquay/model"

// Kick is kick, for jobs of which nothing is left.
func (e *Engine) Kick(id model.ID) { e.worker.kick(id, false) }
