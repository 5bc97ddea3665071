-- Files that researchers send in chunks, and the imports that the worker does of them.

-- name: begin_upload
-- The same file again is the same upload.
INSERT INTO upload (id, project_id, name, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (project_id, sha256, name) DO NOTHING;

-- name: find_upload
SELECT id, project_id, name, size_bytes, sha256, received, completed_at IS NOT NULL AS complete
FROM upload WHERE project_id = $1 AND sha256 = $2 AND name = $3;

-- name: read_upload
SELECT id, project_id, name, size_bytes, sha256, received, completed_at IS NOT NULL AS complete
FROM upload WHERE id = $1;

-- name: lock_upload
SELECT id, project_id, name, size_bytes, sha256, received, completed_at IS NOT NULL AS complete
FROM upload WHERE id = $1
FOR NO KEY UPDATE;

-- name: advance_upload
UPDATE upload SET received = $2, received_at = now(), completed_at = CASE WHEN $2 = size_bytes THEN now() END
WHERE id = $1;

-- name: reset_upload
-- What was sent is gone: it may be sent again from the start.
UPDATE upload SET received = 0, received_at = now(), completed_at = NULL WHERE id = $1;

-- name: abandoned_uploads
-- Nobody imports them, and nothing of them has come for days. How old the row is does not count: the same file may be
-- sent again long after it was imported.
SELECT u.id FROM upload u
WHERE u.received > 0 AND u.received_at < now() - make_interval(days => $1)
  AND NOT EXISTS (SELECT 1 FROM import_job j WHERE j.upload_id = u.id AND j.state IN ('waiting', 'running'))
ORDER BY u.id
LIMIT 100;

-- name: begin_import
INSERT INTO import_job (project_id, kind, upload_id, url, options)
VALUES ($1, $2, $3, $4, $5::text::jsonb)
RETURNING id;

-- name: read_import
SELECT id, project_id, kind, upload_id, url, options::text AS options, state, line, lines, report::text AS report,
       problems::text AS problems, error, created_at, started_at, finished_at, furthest, taken_up
FROM import_job WHERE id = $1;

-- name: due_imports
SELECT id FROM import_job WHERE state IN ('waiting', 'running') ORDER BY id LIMIT 100;

-- name: claim_import
-- Held as long as the connection lives: what a killed worker held is free for the next one.
SELECT pg_try_advisory_lock($1, $2);

-- name: let_go
-- Whoever took it up has lived through it.
UPDATE import_job SET taken_up = 0 WHERE id = $1 AND taken_up > 0;

-- name: release_import
SELECT pg_advisory_unlock($1, $2);

-- name: start_import
UPDATE import_job SET state = 'running', started_at = coalesce(started_at, now()), problems = '[]', report = NULL,
       line = 0, taken_up = taken_up + 1
WHERE id = $1 AND state IN ('waiting', 'running')
RETURNING id;

-- name: write_progress
-- Whoever comes further than all before is the first to have taken it up from there.
UPDATE import_job SET line = $2, lines = $3, report = $4::text::jsonb, problems = $5::text::jsonb,
       furthest = greatest(furthest, $2), taken_up = CASE WHEN $2 > furthest THEN 1 ELSE taken_up END
WHERE id = $1;

-- name: end_import
UPDATE import_job SET state = $2, error = $3, finished_at = now() WHERE id = $1;

-- name: project_slug
SELECT slug FROM project WHERE id = $1;

-- name: project_number
SELECT id FROM project WHERE slug = $1 AND (visibility <> 'private' OR $2::int[] IS NULL OR id = ANY($2));

-- name: is_wanted
-- Whether an import that has not ended needs an upload.
SELECT EXISTS (SELECT 1 FROM import_job WHERE upload_id = $1 AND state IN ('waiting', 'running'));
