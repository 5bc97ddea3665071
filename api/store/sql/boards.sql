-- Who did how much for a project in some days. Only who took part in them is read.

-- name: efforts
-- A person is willing if none of the volunteers that they are known as asked to be left out. Whoever is kept out of the
-- project is not shown either.
SELECT a.person_id, v.name, a.votes, a.days, coalesce(v.willing, false) AND b.id IS NULL AS willing
FROM (
    SELECT person_id, sum(votes)::int AS votes, count(*)::int AS days
    FROM activity_day
    WHERE project_id = $1 AND day BETWEEN $2 AND $3 AND votes > 0
    GROUP BY person_id
) a
CROSS JOIN LATERAL (
    SELECT (array_agg(name ORDER BY id) FILTER (WHERE name IS NOT NULL))[1] AS name, bool_and(on_boards) AS willing
    FROM volunteer
    WHERE person_id = a.person_id AND deleted_at IS NULL
) v
LEFT JOIN ban b ON b.person_id = a.person_id AND b.project_id = $1 AND b.lifted_at IS NULL
               AND (b.until IS NULL OR b.until > now());

-- name: seen
-- Whether a person stands on boards when they take part.
SELECT bool_and(on_boards) AND bool_or(name IS NOT NULL) FROM volunteer WHERE person_id = $1 AND deleted_at IS NULL;

-- name: wish
UPDATE volunteer SET on_boards = $2 WHERE person_id = $1 AND on_boards <> $2;
