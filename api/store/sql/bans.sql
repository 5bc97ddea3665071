-- Bans, and the votes that they take out of the sums.

-- name: find
-- A project and a volunteer, who turns out to be nobody else until the transaction ends.
SELECT p.id AS project_id, v.person_id
FROM project p, volunteer v
WHERE p.slug = $1 AND v.id = $2
FOR SHARE OF v;

-- name: end_what_ran_out
UPDATE ban SET lifted_at = until, lifted_why = 'it ran out'
WHERE project_id = $1 AND person_id = $2 AND lifted_at IS NULL AND until <= now();

-- name: add
INSERT INTO ban (project_id, person_id, volunteer_id, why, by_volunteer_id, until, exclude_since)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (person_id, project_id) WHERE lifted_at IS NULL DO NOTHING
RETURNING id, project_id, person_id, volunteer_id, why, by_volunteer_id, since, until, exclude_since, excluded_at,
          votes_excluded, lifted_at, lifted_by, lifted_why;

-- name: in_force_until
SELECT until FROM ban WHERE project_id = $1 AND person_id = $2 AND lifted_at IS NULL;

-- name: lift
UPDATE ban SET lifted_at = now(), lifted_by = $3, lifted_why = $4
WHERE project_id = $1 AND person_id = $2 AND lifted_at IS NULL
RETURNING id, project_id, person_id, volunteer_id, why, by_volunteer_id, since, until, exclude_since, excluded_at,
          votes_excluded, lifted_at, lifted_by, lifted_why;

-- name: pending
-- The bans of which votes are still to be taken out; one that was lifted meanwhile still means it.
SELECT id, project_id, person_id, exclude_since
FROM ban WHERE exclude_since IS NOT NULL AND excluded_at IS NULL
ORDER BY id;

-- name: try_to_exclude
-- Held by the connection: one process takes out the votes of a ban at a time.
SELECT pg_try_advisory_lock(7236, $1);

-- name: stop_excluding
SELECT pg_advisory_unlock(7236, $1);

-- name: lock_votes
-- The next votes of a person that are in the sums of a project, locked in the order in which votes lock cards.
SELECT c.person_id, coalesce(c.ledger_person_id, c.person_id), c.volunteer_id, c.workflow_id, c.subject_id, c.client_id,
       c.attempt, c.answer, c.flag, c.bucket, c.if_yes, c.if_no, c.truth, c.received_at
FROM card c
WHERE c.person_id = $2::bigint AND c.workflow_id IN (SELECT id FROM workflow WHERE project_id = $1::int)
  AND c.bucket IN (1, 2, 4, 5) AND c.received_at >= $3::timestamptz
  AND (c.workflow_id, c.subject_id) > ($4::int, $5::bigint)
ORDER BY c.person_id, c.workflow_id, c.subject_id
LIMIT $6
FOR NO KEY UPDATE OF c;

-- name: count_excluded
UPDATE ban SET votes_excluded = votes_excluded + $2 WHERE id = $1;

-- name: mark_excluded
-- Note that all votes are out, if they are, and if the person is still who was looked at.
UPDATE ban b SET excluded_at = now()
WHERE b.id = $1 AND b.person_id = $2::bigint AND NOT EXISTS (
    SELECT FROM card c JOIN workflow w ON w.id = c.workflow_id AND w.project_id = b.project_id
    WHERE c.person_id = $2 AND c.bucket IN (1, 2, 4, 5) AND c.received_at >= b.exclude_since);
