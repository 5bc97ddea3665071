-- What is asked of the database when somebody looks at the metrics.

-- name: read
-- One row for each number: the metric, its labels, the value. Everything is counted already, short, or has an index.
-- Private projects are named only to whoever has shown a token ($1).
SELECT 'chaffinch_subjects', ARRAY[p.slug, w.name, w.id::text, s.state], s.subjects::float8
FROM workflow_total t
JOIN workflow w ON w.id = t.workflow_id
JOIN project p ON p.id = w.project_id AND (p.visibility <> 'private' OR $1),
LATERAL (VALUES ('open', t.open), ('contested', t.contested), ('retired', t.retired)) s (state, subjects)
WHERE w.closed_at IS NULL
UNION ALL
SELECT 'chaffinch_votes', ARRAY[p.slug, w.name, w.id::text], t.votes::float8
FROM workflow_total t
JOIN workflow w ON w.id = t.workflow_id
JOIN project p ON p.id = w.project_id AND (p.visibility <> 'private' OR $1)
WHERE w.closed_at IS NULL
UNION ALL
SELECT 'chaffinch_calibration_age_seconds', ARRAY[p.slug, w.name, w.id::text],
       extract(epoch FROM now() - c.fitted_at)::float8
FROM workflow w
JOIN project p ON p.id = w.project_id AND (p.visibility <> 'private' OR $1)
JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
WHERE w.closed_at IS NULL
UNION ALL
SELECT 'chaffinch_totals_age_seconds', '{}', extract(epoch FROM now() - min(counted_at))::float8
FROM workflow_total
HAVING count(*) > 0
UNION ALL
SELECT 'chaffinch_outbox_waiting', '{}', count(*)::float8 FROM outbox WHERE position IS NULL
UNION ALL
SELECT 'chaffinch_outbox_waiting_seconds', '{}', coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
FROM outbox WHERE position IS NULL
UNION ALL
SELECT 'chaffinch_outbox_position', '{}', coalesce(max(position), 0)::float8 FROM outbox
UNION ALL
SELECT 'chaffinch_webhook_lag', ARRAY[p.slug, h.id::text],
       greatest((SELECT coalesce(max(o.position), 0) FROM outbox o WHERE o.project_id = h.project_id) - h.position, 0)::float8
FROM webhook h JOIN project p ON p.id = h.project_id AND (p.visibility <> 'private' OR $1)
UNION ALL
SELECT 'chaffinch_webhook_failures', ARRAY[p.slug, h.id::text], h.failures::float8
FROM webhook h JOIN project p ON p.id = h.project_id AND (p.visibility <> 'private' OR $1)
UNION ALL
SELECT 'chaffinch_webhook_paused', ARRAY[p.slug, h.id::text], (h.paused_at IS NOT NULL)::int::float8
FROM webhook h JOIN project p ON p.id = h.project_id AND (p.visibility <> 'private' OR $1)
UNION ALL
SELECT 'chaffinch_import_jobs', ARRAY[s.state], count(j.id)::float8
FROM (VALUES ('waiting'), ('running'), ('failed')) s (state) LEFT JOIN import_job j ON j.state = s.state
GROUP BY s.state
UNION ALL
SELECT 'chaffinch_partitions_ahead', '{}', count(*)::float8
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'classification'::regclass
  AND c.relname > 'classification_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')
  AND c.relname ~ '^classification_\d{4}_\d{2}$'
UNION ALL
SELECT 'chaffinch_archived_months', '{}', count(*)::float8 FROM archived_month
UNION ALL
SELECT 'chaffinch_database_connections', ARRAY['used'], count(*)::float8
FROM pg_stat_activity WHERE backend_type = 'client backend'
UNION ALL
SELECT 'chaffinch_database_connections', ARRAY['allowed'], current_setting('max_connections')::float8
UNION ALL
SELECT 'chaffinch_database_bytes', '{}', pg_database_size(current_database())::float8;
