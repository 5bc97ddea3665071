-- Labels: the feed, and an expert's word.

-- name: find_project
SELECT id FROM project WHERE slug = $1 AND (visibility <> 'private' OR $2::int[] IS NULL OR id = ANY($2));

-- name: page
-- Labels of a project in the order of their announcement, after a position.
WITH page AS MATERIALIZED (
    SELECT position, workflow_id, subject_id, revision FROM outbox
    WHERE project_id = $1 AND position > $2 AND kind IN ('subject.retired', 'label.revised')
    ORDER BY position
    LIMIT $3
)
SELECT p.position, l.revision, l.subject_id, s.external_id, l.workflow_id, w.name, v.number, l.answer, l.reason,
       l.log_odds, l.votes, t.excluded, t.late_count, l.machine_score, t.first_vote_at, t.last_vote_at, t.retired_at,
       l.retired_at AS made_at, l.routed_to, l.author, l.why
FROM page p
JOIN label l ON l.workflow_id = p.workflow_id AND l.subject_id = p.subject_id AND l.revision = p.revision
JOIN stage t ON t.workflow_id = p.workflow_id AND t.subject_id = p.subject_id
JOIN subject s ON s.id = p.subject_id
JOIN workflow w ON w.id = p.workflow_id
JOIN cascade_version v ON v.id = l.version_id
ORDER BY p.position;

-- name: find_stage
-- The newest edition of a named workflow in which the subject has a place, the version that its stage was last under,
-- and the version in force, which stays so until the end of the transaction.
SELECT t.workflow_id, t.version_id, p.version_id AS in_force
FROM subject s
JOIN project p ON p.id = s.project_id
JOIN workflow w ON w.project_id = p.id AND w.name = $2
JOIN stage t ON t.workflow_id = w.id AND t.subject_id = s.id
WHERE s.id = $1 AND t.state <> 3
ORDER BY w.edition DESC
LIMIT 1
FOR SHARE OF p;

-- name: workflows_of_subject
-- The names of the workflows in which a subject has a place: one row with null if none, no row without a subject.
SELECT DISTINCT w.name
FROM subject s
LEFT JOIN (stage t JOIN workflow w ON w.id = t.workflow_id AND t.state <> 3)
    ON t.subject_id = s.id AND w.project_id = s.project_id
WHERE s.id = $1
ORDER BY w.name;

-- name: revise
-- Write an expert's word over a locked stage: the stage, the end of its dealing, the label, and the announcement.
WITH decided AS (
    UPDATE stage SET state = 2, answer = $3::smallint, reason = 6, audit_open = 0, need = 0, revision = revision + 1,
        version_id = $4::int, retired_at = coalesce(retired_at, now()),
        decided_ordinal = CASE WHEN state = 2 THEN decided_ordinal ELSE ordinal END
    WHERE workflow_id = $1::int AND subject_id = $2::bigint
    RETURNING revision, draw
), dealt AS (
    DELETE FROM dealable d USING decided
    WHERE d.workflow_id = $1 AND d.tier = ANY('{0,1,2,3}'::smallint[]) AND d.draw = decided.draw AND d.subject_id = $2
), labelled AS (
    INSERT INTO label (workflow_id, subject_id, revision, project_id, answer, reason, log_odds, votes, version_id,
        routed_to, machine_score, author, why)
    SELECT $1, $2, revision, $5::int, $3, 6, $6::bigint, $7::int, $4, $8::text, $9::float8, $10::text, $11::text
    FROM decided
), announced AS (
    INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)
    SELECT $5, $12::text, $1, $2, revision FROM decided
)
SELECT revision FROM decided;
