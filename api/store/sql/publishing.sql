-- name: begin_project
INSERT INTO project (slug) VALUES ($1) ON CONFLICT (slug) DO NOTHING;

-- name: lock_project
-- One publication at a time; whoever lets subjects enter (see hold_version) waits for it, and it for them.
SELECT id, version_id FROM project WHERE slug = $1 FOR NO KEY UPDATE;

-- name: hold_version
-- Read the version in force, and keep it in force until the end of the transaction.
SELECT version_id FROM project WHERE id = $1 FOR SHARE;

-- name: count_gold
SELECT workflow, count(*) FILTER (WHERE truth = 0) AS no, count(*) FILTER (WHERE truth = 1) AS yes
FROM gold_standard WHERE project_id = $1 AND current GROUP BY workflow;

-- name: read_editions
SELECT id, name, question, closed_at IS NOT NULL AS closed FROM workflow WHERE project_id = $1 ORDER BY id;

-- name: close_editions
UPDATE workflow SET closed_at = now() WHERE id = ANY($1::int[]);

-- name: begin_editions
INSERT INTO workflow (project_id, name, question, edition)
SELECT $1, q.name, q.question,
       1 + coalesce((SELECT max(w.edition) FROM workflow w WHERE w.project_id = $1 AND w.name = q.name), 0)
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS q (name, question, n)
ORDER BY q.n
RETURNING id, name;

-- name: add_version
WITH added AS (
    INSERT INTO cascade_version (project_id, number, digest, declaration, workflow_ids)
    SELECT $1, 1 + coalesce((SELECT max(number) FROM cascade_version WHERE project_id = $1), 0), $2, $3, $4::jsonb
    RETURNING id, number
)
UPDATE project SET version_id = added.id, title = $5 FROM added WHERE project.id = $1
RETURNING added.id, added.number;

-- name: unsettled
-- Projects whose subjects have not all followed the version in force.
SELECT p.id FROM project p JOIN cascade_version v ON v.id = p.version_id WHERE v.settled_at IS NULL ORDER BY p.id;

-- name: is_settled
SELECT settled_at IS NOT NULL FROM cascade_version WHERE id = $1;

-- name: mark_settled
UPDATE cascade_version SET settled_at = now() WHERE id = $1;

-- name: try_to_settle
SELECT pg_try_advisory_lock(7221, $1);

-- name: stop_settling
SELECT pg_advisory_unlock(7221, $1);

-- name: running_transactions
-- The transactions of this database that have written or locked anything and have not ended: each holds a lock on its
-- own number, which is given back after what it did has become visible.
SELECT l.transactionid::text
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
JOIN pg_database d ON d.oid = a.datid AND d.datname = current_database()
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid();

-- name: count_waiting
-- How many subjects will be looked at: an estimate, for the progress line.
SELECT (SELECT count(*) FROM subject WHERE project_id = $1)
     + (SELECT count(*) FROM stage s JOIN workflow w ON w.id = s.workflow_id
        WHERE w.project_id = $1 AND w.closed_at IS NOT NULL AND s.state < 2);

-- name: withdraw_stages
-- Withdraw a page of the undecided stages of a closed workflow. Of each subject, tell whether it has become gold, the
-- last label that it has, and what conditions look at.
WITH page AS (
    SELECT subject_id FROM stage
    WHERE workflow_id = $1 AND subject_id > $2 AND state < 2
    ORDER BY subject_id LIMIT $3
    FOR NO KEY UPDATE
), withdrawn AS (
    UPDATE stage s SET state = 3, need = 0 FROM page
    WHERE s.workflow_id = $1 AND s.subject_id = page.subject_id
    RETURNING s.subject_id
)
SELECT w.subject_id, (SELECT 1 FROM gold_standard g WHERE g.subject_id = w.subject_id AND g.current LIMIT 1) IS NOT NULL
           AS gold,
       l.workflow_id, l.answer, l.reason, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
                 WHERE c.subject_id = w.subject_id), '{}')::text
           AS scores
FROM withdrawn w
JOIN subject s ON s.id = w.subject_id
LEFT JOIN LATERAL (
    SELECT workflow_id, answer, reason FROM label
    WHERE workflow_id = ANY($4::int[]) AND subject_id = w.subject_id
    ORDER BY retired_at DESC, revision DESC LIMIT 1
) l ON true
ORDER BY w.subject_id;

-- name: clear_piles
-- Take some stages of closed workflows off the piles.
DELETE FROM dealable WHERE ctid = ANY(ARRAY(SELECT ctid FROM dealable WHERE workflow_id = ANY($1::int[]) LIMIT $2));

-- name: read_newcomers
-- A page of a project's subjects; `enters` are those that no workflow has had and that are not gold. The sum keeps the
-- planner from the index on (project_id, external_id), by which each page would sort all subjects.
WITH page AS (
    SELECT id, metadata FROM subject WHERE project_id + 0 = $1 AND id > $2 ORDER BY id LIMIT $3
), judged AS (
    SELECT id, metadata,
           (SELECT 1 FROM stage t WHERE t.workflow_id = ANY($4::int[]) AND t.subject_id = page.id LIMIT 1) IS NULL
           AND (SELECT 1 FROM gold_standard g WHERE g.subject_id = page.id AND g.current LIMIT 1) IS NULL AS enters
    FROM page
)
SELECT id, enters, CASE WHEN enters THEN metadata::text END AS metadata,
       CASE WHEN enters THEN
           coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
                     WHERE c.subject_id = judged.id), '{}')::text
       END AS scores
FROM judged ORDER BY id;

-- name: judge_everybody
-- Levels ask for something else: let everybody be judged who has answered training subjects.
INSERT INTO level_check (project_id, person_id)
SELECT DISTINCT w.project_id, s.person_id
FROM workflow w JOIN skill s ON s.workflow_id = w.id
WHERE w.project_id = $1 AND s.revision > 0
ORDER BY w.project_id, s.person_id
ON CONFLICT (project_id, person_id) DO UPDATE SET since = now(), taken_until = NULL;
