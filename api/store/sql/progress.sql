-- What a project and its volunteers have reached. Nothing here reads all subjects or all cards of a project.

-- name: project
SELECT id, version_id FROM project WHERE slug = $1;

-- name: workflows
-- What the worker has counted of some workflows, in their order here; zeros where it has not counted one yet.
SELECT q.workflow_id, coalesce(t.open, 0) AS open, coalesce(t.contested, 0) AS contested,
       coalesce(t.retired, 0) AS retired, coalesce(t.retired_yes, 0) AS retired_yes,
       coalesce(t.retired_no, 0) AS retired_no, coalesce(t.votes, 0) AS votes, t.counted_at
FROM unnest($1::int[]) WITH ORDINALITY AS q (workflow_id, n)
LEFT JOIN workflow_total t ON t.workflow_id = q.workflow_id
ORDER BY q.n;

-- name: activity
-- What the worker has counted of a project's answers, those of a day in UTC, and up to when.
SELECT coalesce(t.volunteers, 0) AS volunteers, coalesce(t.votes, 0) AS votes, coalesce(d.votes, 0) AS votes_of_day,
       f.folded_until
FROM (SELECT $1::int AS project_id, $2::date AS day) q
LEFT JOIN project_total t ON t.project_id = q.project_id
LEFT JOIN project_day d ON d.project_id = q.project_id AND d.day = q.day
LEFT JOIN activity_fold f ON f.id = 1;

-- name: days
SELECT day, votes FROM activity_day WHERE person_id = $1 AND project_id = $2 AND votes > 0 ORDER BY day;

-- name: training
-- What a person was dealt and has shown in training in some workflows, in their order here.
SELECT coalesce(k.dealt, 0) AS dealt, coalesce(k.no_no, 0) AS no_no, coalesce(k.no_yes, 0) AS no_yes,
       coalesce(k.no_unsure, 0) AS no_unsure, coalesce(k.yes_no, 0) AS yes_no, coalesce(k.yes_yes, 0) AS yes_yes,
       coalesce(k.yes_unsure, 0) AS yes_unsure
FROM unnest($2::int[]) WITH ORDINALITY AS q (workflow_id, n)
LEFT JOIN skill k ON k.person_id = $1 AND k.workflow_id = q.workflow_id
ORDER BY q.n;

-- name: effect
-- What became of the subjects that a person has answered in some workflows: those decided yes and no, those not decided
-- yet, those decided on which the person said yes or no, and said what was decided. Cards without an answer are not
-- looked at, nor are training cards, nor answers that were too fast (10).
SELECT q.workflow_id, e.votes, e.yes, e.no, e.open, e.compared, e.agreed
FROM unnest($2::int[]) AS q (workflow_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS votes,
           count(*) FILTER (WHERE s.state = 2 AND s.answer = 1) AS yes,
           count(*) FILTER (WHERE s.state = 2 AND s.answer = 0) AS no,
           count(*) FILTER (WHERE s.state < 2) AS open,
           count(*) FILTER (WHERE s.state = 2 AND s.answer IN (0, 1) AND c.answer IN (0, 1)) AS compared,
           count(*) FILTER (WHERE s.state = 2 AND s.answer IN (0, 1) AND c.answer = s.answer) AS agreed
    FROM card c
    LEFT JOIN stage s ON s.workflow_id = c.workflow_id AND s.subject_id = c.subject_id
    WHERE c.person_id = $1 AND c.workflow_id = q.workflow_id AND c.client_id IS NOT NULL AND NOT c.gold
      AND c.exclusion <> 10
) e;

-- name: newest_effect
-- The same over the last $3 cards that the person was dealt in each workflow, by its decks.
SELECT q.workflow_id, e.votes, e.yes, e.no, e.open, e.compared, e.agreed
FROM unnest($2::int[]) AS q (workflow_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS votes,
           count(*) FILTER (WHERE s.state = 2 AND s.answer = 1) AS yes,
           count(*) FILTER (WHERE s.state = 2 AND s.answer = 0) AS no,
           count(*) FILTER (WHERE s.state < 2) AS open,
           count(*) FILTER (WHERE s.state = 2 AND s.answer IN (0, 1) AND c.answer IN (0, 1)) AS compared,
           count(*) FILTER (WHERE s.state = 2 AND s.answer IN (0, 1) AND c.answer = s.answer) AS agreed
    FROM (
        SELECT DISTINCT dealt.subject_id
        FROM (
            SELECT u.subject_id
            FROM (SELECT subject_ids FROM deck WHERE person_id = $1 AND workflow_id = q.workflow_id ORDER BY id DESC) d
            CROSS JOIN LATERAL unnest(d.subject_ids) AS u (subject_id)
            LIMIT $3
        ) dealt
    ) newest
    JOIN card c ON c.person_id = $1 AND c.workflow_id = q.workflow_id AND c.subject_id = newest.subject_id
        AND c.client_id IS NOT NULL AND NOT c.gold AND c.exclusion <> 10
    LEFT JOIN stage s ON s.workflow_id = c.workflow_id AND s.subject_id = c.subject_id
) e;
