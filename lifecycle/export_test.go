package lifecycle

import "certquay/model"

// Kick enqueues a job, also one whose record is gone.
func (e *Engine) Kick(id model.ID) { e.worker.enqueue(id, false) }
