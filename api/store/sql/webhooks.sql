-- Webhooks: where a project's events are posted to, how far each has come, and what came of every attempt.

-- name: hold_project
-- Keep others from adding webhooks to a project. A statement of its own: the next one sees what was waited for.
SELECT id FROM project WHERE id = $1 FOR NO KEY UPDATE;

-- name: add
-- Add a webhook that begins behind what has happened so far, unless the project, which is held, has $6 of them.
INSERT INTO webhook (project_id, url, secret, kinds, form, position)
SELECT $1, $2, $3, $4, $5, (SELECT coalesce(max(position), 0) FROM outbox WHERE project_id = $1)
WHERE (SELECT count(*) FROM webhook WHERE project_id = $1) < $6
RETURNING id, project_id, url, secret, kinds, form, position, failures, next_at, created_at, paused_at, why_paused;

-- name: of_project
SELECT id, project_id, url, secret, kinds, form, position, failures, next_at, created_at, paused_at, why_paused
FROM webhook WHERE project_id = $1 ORDER BY id;

-- name: find
SELECT id, project_id, url, secret, kinds, form, position, failures, next_at, created_at, paused_at, why_paused
FROM webhook WHERE id = $1;

-- name: find_ready
SELECT id, project_id, url, secret, kinds, form, position, failures, next_at, created_at, paused_at, why_paused
FROM webhook WHERE id = $1 AND paused_at IS NULL AND next_at <= now();

-- name: remove
DELETE FROM webhook WHERE id = $1;

-- name: move
-- Begin anew behind a position, which is one of the project's or before them all; what failed is forgotten.
UPDATE webhook w SET failures = 0, next_at = now(),
    position = least($2::bigint, (SELECT coalesce(max(position), 0) FROM outbox WHERE project_id = w.project_id))
WHERE id = $1;

-- name: pause
UPDATE webhook SET paused_at = now(), why_paused = $2 WHERE id = $1 AND paused_at IS NULL;

-- name: resume
UPDATE webhook SET paused_at = NULL, why_paused = NULL, failures = 0, next_at = now() WHERE id = $1;

-- name: deliveries
SELECT id, first_position, last_position, events, attempt, sent_at, took_ms, status, error
FROM webhook_delivery WHERE webhook_id = $1 ORDER BY id DESC LIMIT $2;

-- name: due
-- Webhooks that have something to look at: the project has events behind their position, and it is time.
SELECT w.id FROM webhook w
WHERE w.paused_at IS NULL AND w.next_at <= now()
  AND w.position < (SELECT coalesce(max(position), 0) FROM outbox WHERE project_id = w.project_id)
ORDER BY w.id;

-- name: claim
-- Keep other workers from a webhook until it is let go, or this session ends; false if one of them is at it.
SELECT pg_try_advisory_lock($1, $2);

-- name: let_go
SELECT pg_advisory_unlock($1, $2);

-- name: failed_batch
-- The end of the batch that was tried last.
SELECT last_position FROM webhook_delivery WHERE webhook_id = $1 ORDER BY id DESC LIMIT 1;

-- name: log
-- The webhook may be gone meanwhile.
INSERT INTO webhook_delivery (webhook_id, first_position, last_position, events, attempt, took_ms, status, error,
    sent_at)
SELECT id, $2::bigint, $3::bigint, $4::int, $5::int, $6::int, $7::smallint, $8::text,
       clock_timestamp() - $6::int * interval '1 ms'
FROM webhook WHERE id = $1 FOR KEY SHARE
RETURNING id;

-- name: trim_log
-- Keep the newest $2 attempts.
DELETE FROM webhook_delivery WHERE webhook_id = $1
  AND id <= (SELECT id FROM webhook_delivery WHERE webhook_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1);

-- name: advance
-- The receiver has taken everything up to a position. Who was sent elsewhere meanwhile (replay) stays there.
UPDATE webhook SET position = $3, failures = 0, next_at = now() WHERE id = $1 AND position = $2;

-- name: postpone
-- The receiver has not taken what was sent; try again later, or, with a reason, not before somebody resumes it.
UPDATE webhook SET failures = failures + 1, next_at = now() + $3::float8 * interval '1 s',
    paused_at = CASE WHEN $4::text IS NULL THEN paused_at ELSE now() END, why_paused = coalesce($4, why_paused)
WHERE id = $1 AND position = $2;
