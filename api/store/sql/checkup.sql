-- What `chaffinch doctor` asks a database.

-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit, current_setting('TimeZone') AS timezone,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation, pg_is_in_recovery() AS is_standby,
       pg_database_size(d.oid) AS bytes, clock_timestamp() AS now, current_setting('shared_buffers') AS shared_buffers
FROM pg_database d WHERE d.datname = current_database();

-- name: has_revision
SELECT to_regclass('alembic_version') IS NOT NULL;

-- name: revision
SELECT version_num FROM alembic_version;

-- name: work
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'chaffinch-sequencing') AS workers,
       o.waiting, o.age_seconds, t.totals_age_seconds,
       (SELECT count(*) FROM workflow WHERE closed_at IS NULL) AS workflows,
       (SELECT count(*) FROM workflow w LEFT JOIN workflow_total t ON t.workflow_id = w.id
        WHERE w.closed_at IS NULL AND t.workflow_id IS NULL) AS uncounted
FROM (SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age_seconds
      FROM outbox WHERE position IS NULL) o,
     (SELECT coalesce(extract(epoch FROM now() - min(t.counted_at)), 0)::float8 AS totals_age_seconds
      FROM workflow_total t JOIN workflow w ON w.id = t.workflow_id WHERE w.closed_at IS NULL) t;

-- name: partitions
-- This month and the next ones that have a partition, and whether votes went to the default one.
SELECT to_regclass('classification_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')) IS NOT NULL AS has_this,
       to_regclass('classification_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM')) IS NOT NULL
           AS has_next,
       EXISTS (SELECT FROM classification_default) AS strays;

-- name: webhooks
SELECT p.slug, h.id, h.failures, h.paused_at IS NOT NULL AS paused, h.why_paused
FROM webhook h JOIN project p ON p.id = h.project_id
WHERE h.failures > 0 OR h.paused_at IS NOT NULL ORDER BY h.id;

-- name: push
-- Push services that have not taken a message for a day, with how many volunteers that concerns.
SELECT split_part(s.endpoint, '/', 3) AS host, count(*) AS messages, count(DISTINCT s.volunteer_id) AS volunteers,
       (array_agg(m.error ORDER BY m.next_at DESC))[1] AS error
FROM push_message m JOIN push_subscription s ON s.id = m.subscription_id
WHERE m.error IS NOT NULL AND m.created_at < now() - interval '1 day'
GROUP BY host ORDER BY count(*) DESC, host;

-- name: imports
SELECT p.slug, j.id, j.state, j.error, extract(epoch FROM now() - coalesce(j.started_at, j.created_at))::float8 AS age_seconds
FROM import_job j JOIN project p ON p.id = j.project_id
WHERE j.state IN ('waiting', 'running') OR (j.state = 'failed' AND j.finished_at > now() - interval '7 days')
ORDER BY j.id;

-- name: unfitted
-- Workflows with a subject that was voted on since the last refit, more than so many seconds ago.
SELECT w.id, w.name, extract(epoch FROM now() - c.fitted_at)::float8 AS age_seconds
FROM workflow w
LEFT JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
WHERE w.project_id = $1 AND w.closed_at IS NULL AND EXISTS (
    SELECT FROM stage t
    WHERE t.workflow_id = w.id AND t.last_vote_at > coalesce(c.fitted_at, '-infinity')
      AND t.last_vote_at < now() - make_interval(secs => $2)
)
ORDER BY w.id;

-- name: score_alarms
-- What the calibrations in force say has changed about machine scores.
SELECT w.name, a.alarm
FROM workflow w
JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
CROSS JOIN LATERAL jsonb_each(coalesce(c.report -> 'scores', '{}')) AS s (name, found)
CROSS JOIN LATERAL jsonb_array_elements_text(s.found -> 'alarms') AS a (alarm)
WHERE w.project_id = $1 AND w.closed_at IS NULL
ORDER BY w.id;

-- name: projects
SELECT p.id, p.slug, p.version_id, EXISTS (SELECT FROM subject s WHERE s.project_id = p.id) AS has_subjects
FROM project p ORDER BY p.id;

-- name: pictures
-- Some pictures, of the newest and of the oldest subjects, each with a width that must be there.
(SELECT digest, (variants -> 0 ->> 0)::int AS width, subject_id FROM location ORDER BY subject_id DESC, ordinal LIMIT $1)
UNION
(SELECT digest, (variants -> 0 ->> 0)::int, subject_id FROM location ORDER BY subject_id, ordinal LIMIT $1);
