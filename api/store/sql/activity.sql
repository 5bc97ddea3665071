-- The fold of the ledger into answers by day.

-- name: claim
-- Keep other workers from the fold until the transaction ends; false if one of them is at it.
SELECT pg_try_advisory_xact_lock($1);

-- name: wait
-- The same, after whoever is at it.
SELECT pg_advisory_xact_lock($1);

-- name: begin
INSERT INTO activity_fold (id, folded_until) VALUES (1, 'epoch') ON CONFLICT DO NOTHING;

-- name: folded_until
SELECT folded_until FROM activity_fold WHERE id = 1 FOR UPDATE;

-- name: step
-- Where a step from $1 of about $3 rows ends, before $2 at the latest: a time of arrival is never divided.
SELECT count(*) AS rows, coalesce(max(r.received_at) FILTER (WHERE r.place = $3) + interval '1 microsecond', $2) AS until
FROM (
    SELECT received_at, row_number() OVER (ORDER BY received_at) AS place
    FROM classification WHERE received_at >= $1 AND received_at < $2
    ORDER BY received_at LIMIT $3
) r;

-- name: fold
-- Count what arrived from $1 and before $2. A retraction counts -1 on the day of its vote, which arrived within $3 of it:
-- before it, or a moment later while it waited. What does not count is taken back before it came (6), kept as imported
-- (9) or too fast (10). Answers with the source $4 are volunteers' own; others count too, unless an import of the project
-- has their source: by token, or under the names of elsewhere. Returns who took part in one of
-- the projects $6.
WITH entries AS (
    SELECT person_id, workflow_id, received_at, answered_at, utc_offset_minutes, source, exclusion, 1 AS votes
    FROM classification
    WHERE received_at >= $1 AND received_at < $2 AND kind = 0
    UNION ALL
    SELECT v.person_id, v.workflow_id, v.received_at, v.answered_at, v.utc_offset_minutes, v.source, v.exclusion, -1
    FROM classification r
    JOIN classification v ON v.person_id = r.person_id AND v.client_id = r.client_id
    WHERE r.received_at >= $1 AND r.received_at < $2 AND r.kind = 1
      AND v.received_at >= $1 - $3::interval AND v.received_at < $2 + $3::interval AND v.kind = 0
), counted AS MATERIALIZED (
    SELECT e.person_id, w.project_id, e.votes, (e.received_at AT TIME ZONE 'UTC')::date AS arrived,
           (least(greatest(e.answered_at, e.received_at - $5::interval), e.received_at) AT TIME ZONE 'UTC'
            + make_interval(mins => coalesce(e.utc_offset_minutes, 0)))::date AS day
    FROM entries e
    JOIN workflow w ON w.id = e.workflow_id
    WHERE e.exclusion NOT IN (6, 9, 10) AND (e.source = $4 OR (
        (SELECT 1 FROM token t
         WHERE t.scope = 'import' AND t.project_id = w.project_id AND t.source = e.source LIMIT 1) IS NULL
        AND (SELECT 1 FROM imported_volunteer i
             WHERE i.project_id = w.project_id AND i.source = e.source LIMIT 1) IS NULL
    ))
), newcomers AS (
    SELECT c.project_id, count(DISTINCT c.person_id) AS volunteers
    FROM counted c
    WHERE NOT EXISTS (SELECT FROM activity_day a WHERE a.person_id = c.person_id AND a.project_id = c.project_id)
    GROUP BY c.project_id
), days AS (
    INSERT INTO activity_day (person_id, project_id, day, votes)
    SELECT person_id, project_id, day, sum(votes) FROM counted GROUP BY person_id, project_id, day
    ON CONFLICT (person_id, project_id, day) DO UPDATE SET votes = activity_day.votes + excluded.votes
), arrivals AS (
    INSERT INTO project_day (project_id, day, votes)
    SELECT project_id, arrived, sum(votes) FROM counted GROUP BY project_id, arrived
    ON CONFLICT (project_id, day) DO UPDATE SET votes = project_day.votes + excluded.votes
), totals AS (
    INSERT INTO project_total (project_id, volunteers, votes)
    SELECT c.project_id, coalesce(n.volunteers, 0), c.votes
    FROM (SELECT project_id, sum(votes) AS votes FROM counted GROUP BY project_id) c
    LEFT JOIN newcomers n ON n.project_id = c.project_id
    ON CONFLICT (project_id) DO UPDATE SET volunteers = project_total.volunteers + excluded.volunteers,
        votes = project_total.votes + excluded.votes
)
SELECT DISTINCT project_id, person_id FROM counted WHERE project_id = ANY($6::int[]);

-- name: check
-- Let people be judged by what was counted. Votes wait for this, so it comes last.
INSERT INTO level_check (project_id, person_id)
SELECT project_id, person_id FROM unnest($1::int[], $2::bigint[]) AS q (project_id, person_id)
ORDER BY project_id, person_id
ON CONFLICT (project_id, person_id) DO UPDATE SET since = now(), taken_until = NULL;

-- name: mark
UPDATE activity_fold SET folded_until = $1 WHERE id = 1;
