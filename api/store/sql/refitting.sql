-- What a refit reads and writes. The first three are for COPY, which takes no parameters: values stand in the text (see
-- refitting.py). Votes are read from cards, not from the ledger: a card has the present state of its vote, also where
-- the month of the vote was archived.

-- name: votes
-- The votes that count in a workflow, and answers to training subjects, with the truth that was told then, and when they
-- came in microseconds.
SELECT c.person_id, c.subject_id, c.answer, c.bucket = 3 AS gold, coalesce(c.truth, -1)::smallint AS truth,
       coalesce(extract(epoch FROM c.received_at) * 1000000, 0)::bigint AS moment
FROM card c
WHERE c.workflow_id = $1 AND c.bucket IN (1, 2, 3);

-- name: gold
-- The known answers to a workflow's question.
SELECT g.subject_id, g.truth
FROM workflow w
JOIN gold_standard g ON g.project_id = w.project_id AND g.workflow = w.name AND g.current
WHERE w.id = $1;

-- name: scores
-- A machine's scores of a project's subjects, with the model's hash. The name stands in hexadecimal digits.
SELECT c.subject_id, c.value, coalesce(c.model, '') AS model
FROM score c
JOIN subject s ON s.id = c.subject_id AND s.project_id = (SELECT project_id FROM workflow WHERE id = $1)
WHERE c.name = convert_from('\x$2'::bytea, 'UTF8');

-- name: asked_workflows
-- Every workflow that is asked, with the calibration in force, how old that is, whether its votes have grown by three
-- tenths since, and the project's version in force.
SELECT p.id, p.slug, p.version_id, p.pseudonym_key, w.id, w.name, w.calibration, c.fitted_at,
       coalesce(t.votes >= 1.3 * c.votes + 50, false)
FROM project p
JOIN workflow w ON w.project_id = p.id AND w.closed_at IS NULL
LEFT JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
LEFT JOIN workflow_total t ON t.workflow_id = w.id
WHERE p.version_id IS NOT NULL AND ($1::text IS NULL OR p.slug = $1)
ORDER BY w.id;

-- name: find_project
SELECT id FROM project WHERE slug = $1 AND (visibility <> 'private' OR $2::int[] IS NULL OR id = ANY($2));

-- name: try_to_refit
-- Held by the connection: one refit of a workflow at a time.
SELECT pg_try_advisory_lock(7233, $1);

-- name: stop_refitting
SELECT pg_advisory_unlock(7233, $1);

-- name: inputs_in_force
-- The digest of what the calibration in force was made of.
SELECT c.report ->> 'inputs'
FROM workflow w JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
WHERE w.id = $1;

-- name: lock_skills
-- Lock everybody's skill in a workflow, in the order in which votes lock them.
SELECT count(*) FROM (
    SELECT FROM skill WHERE workflow_id = $1 ORDER BY person_id FOR NO KEY UPDATE
) locked;

-- name: write_skills
-- Write what a refit makes of everybody in a workflow (nothing, for those it does not name, and for those whose skill
-- dropped: see cascade.drift.trusted), and remember what is new of it: with the answers to training subjects as they are
-- now.
WITH fitted AS MATERIALIZED (
    SELECT s.person_id, s.revision, s.no_no, s.no_yes, s.no_unsure, s.yes_no, s.yes_yes, s.yes_unsure,
           coalesce(q.no_no, 0) AS b_no_no, coalesce(q.no_yes, 0) AS b_no_yes, coalesce(q.no_unsure, 0) AS b_no_unsure,
           coalesce(q.yes_no, 0) AS b_yes_no, coalesce(q.yes_yes, 0) AS b_yes_yes,
           coalesce(q.yes_unsure, 0) AS b_yes_unsure
    FROM skill s
    LEFT JOIN unnest($3::bigint[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[])
        AS q (person_id, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure)
        ON q.person_id = s.person_id AND s.drops = 0
    WHERE s.workflow_id = $1
), changed AS (
    UPDATE skill s SET b_no_no = f.b_no_no, b_no_yes = f.b_no_yes, b_no_unsure = f.b_no_unsure,
        b_yes_no = f.b_yes_no, b_yes_yes = f.b_yes_yes, b_yes_unsure = f.b_yes_unsure
    FROM fitted f
    WHERE s.workflow_id = $1 AND s.person_id = f.person_id
      AND (s.b_no_no, s.b_no_yes, s.b_no_unsure, s.b_yes_no, s.b_yes_yes, s.b_yes_unsure)
          <> (f.b_no_no, f.b_no_yes, f.b_no_unsure, f.b_yes_no, f.b_yes_yes, f.b_yes_unsure)
    RETURNING 1
), latest AS (
    SELECT DISTINCT ON (person_id) * FROM skill_fit WHERE workflow_id = $1 ORDER BY person_id, calibration DESC
), remembered AS (
    INSERT INTO skill_fit (workflow_id, person_id, calibration, revision, no_no, no_yes, no_unsure, yes_no, yes_yes,
        yes_unsure, b_no_no, b_no_yes, b_no_unsure, b_yes_no, b_yes_yes, b_yes_unsure)
    SELECT $1, f.person_id, $2, f.revision, f.no_no, f.no_yes, f.no_unsure, f.yes_no, f.yes_yes, f.yes_unsure,
           f.b_no_no, f.b_no_yes, f.b_no_unsure, f.b_yes_no, f.b_yes_yes, f.b_yes_unsure
    FROM fitted f
    LEFT JOIN latest l ON l.person_id = f.person_id
    WHERE (f.revision, f.b_no_no, f.b_no_yes, f.b_no_unsure, f.b_yes_no, f.b_yes_yes, f.b_yes_unsure)
        <> (coalesce(l.revision, 0), coalesce(l.b_no_no, 0), coalesce(l.b_no_yes, 0), coalesce(l.b_no_unsure, 0),
            coalesce(l.b_yes_no, 0), coalesce(l.b_yes_yes, 0), coalesce(l.b_yes_unsure, 0))
    RETURNING 1
)
SELECT (SELECT count(*) FROM remembered)::int;

-- name: write_calibration
-- Write a calibration, put it in force, and announce it.
WITH written AS (
    INSERT INTO calibration (workflow_id, revision, version_id, prior, prevalence, hard, accept, reject, votes, scores,
        report, proven)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12)
    RETURNING workflow_id, revision
), in_force AS (
    UPDATE workflow w SET calibration = c.revision FROM written c WHERE w.id = c.workflow_id
    RETURNING w.project_id, w.id, w.calibration
)
INSERT INTO outbox (project_id, kind, workflow_id, detail)
SELECT project_id, 'workflow.recalibrated', id, jsonb_build_object('calibration', calibration) FROM in_force;

-- name: dropped
-- Those whose record began anew after a sudden drop of skill, with what they have shown since.
SELECT person_id, drops, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure
FROM skill WHERE workflow_id = $1 AND drops > 0
ORDER BY drops DESC, person_id;

-- name: volunteers_of
-- The way in which persons took part in a workflow, where there are several the first.
SELECT person_id, min(volunteer_id) AS volunteer_id
FROM card WHERE workflow_id = $1 AND person_id = ANY($2::bigint[])
GROUP BY person_id;

-- name: page
-- The calibrations of a project before a place, newest first. A workflow has no two of one moment.
SELECT w.name, v.number, c.revision = w.calibration, c.fitted_at, c.votes, c.report::text, c.workflow_id, c.revision,
       c.prior, c.prevalence, c.hard, c.accept, c.reject, c.proven, c.scores::text
FROM calibration c
JOIN workflow w ON w.id = c.workflow_id AND w.project_id = $1
JOIN cascade_version v ON v.id = c.version_id
WHERE $2::timestamptz IS NULL OR (c.fitted_at, c.workflow_id) < ($2, $3::bigint)
ORDER BY c.fitted_at DESC, c.workflow_id DESC
LIMIT $4;
