-- The ledger of promotions, the levels that are held by it, and the questions that are open.

-- name: project
SELECT id, slug, title, version_id FROM project WHERE slug = $1;

-- name: project_by_number
SELECT id, slug, title, version_id FROM project WHERE id = $1;

-- name: hold_person
-- One decision about a person after the other.
SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE;

-- name: grants
-- The levels of some persons, those too whose end has come (over).
SELECT g.person_id, g.level, g.granted_at, g.ends_at, g.probation_until,
       g.ends_at IS NOT NULL AND g.ends_at <= now() AS over,
       g.probation_until IS NOT NULL AND g.probation_until > now() AS on_probation, coalesce(p.made_by, 'operator')
FROM level_grant g
LEFT JOIN promotion p ON p.id = g.promotion_id
WHERE g.project_id = $1 AND g.person_id = ANY($2::bigint[])
ORDER BY g.person_id, g.level;

-- name: candidates_of
SELECT person_id, level, promotion_id, since, deferred_until
FROM candidate WHERE project_id = $1 AND person_id = ANY($2::bigint[]);

-- name: last_entries
-- The newest entry of each kind about each person and level.
SELECT DISTINCT ON (e.person_id, e.level, e.action)
       e.id, e.person_id, e.volunteer_id, v.name, e.level, e.action, e.made_by, e.by_volunteer_id, b.name, e.why,
       e.evidence::text, e.ends_at, e.probation_until, e.created_at
FROM promotion e
LEFT JOIN volunteer v ON v.id = e.volunteer_id
LEFT JOIN volunteer b ON b.id = e.by_volunteer_id
WHERE e.project_id = $1 AND e.person_id = ANY($2::bigint[])
ORDER BY e.person_id, e.level, e.action, e.id DESC;

-- name: entries
-- The ledger before an entry ($2; 0 for the newest), of some persons (null for all), one level (0) and one kind ('').
SELECT e.id, e.person_id, e.volunteer_id, v.name, e.level, e.action, e.made_by, e.by_volunteer_id, b.name, e.why,
       e.evidence::text, e.ends_at, e.probation_until, e.created_at
FROM promotion e
LEFT JOIN volunteer v ON v.id = e.volunteer_id
LEFT JOIN volunteer b ON b.id = e.by_volunteer_id
WHERE e.project_id = $1 AND ($2 = 0 OR e.id < $2) AND ($3::bigint[] IS NULL OR e.person_id = ANY($3))
  AND ($4 = 0 OR e.level = $4) AND ($5 = '' OR e.action = $5)
ORDER BY e.id DESC
LIMIT $6;

-- name: entries_of_each
-- The newest $3 entries of each person.
SELECT e.id, e.person_id, e.volunteer_id, v.name, e.level, e.action, e.made_by, e.by_volunteer_id, b.name, e.why,
       NULL::text, e.ends_at, e.probation_until, e.created_at
FROM unnest($2::bigint[]) AS q (person_id)
CROSS JOIN LATERAL (
    SELECT * FROM promotion WHERE person_id = q.person_id AND project_id = $1 ORDER BY id DESC LIMIT $3
) e
LEFT JOIN volunteer v ON v.id = e.volunteer_id
LEFT JOIN volunteer b ON b.id = e.by_volunteer_id
ORDER BY e.id DESC;

-- name: enter
INSERT INTO promotion (project_id, person_id, volunteer_id, level, action, made_by, by_volunteer_id, why, evidence,
                       ends_at, probation_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)
RETURNING id;

-- name: give
INSERT INTO level_grant (person_id, project_id, level, ends_at, probation_until, promotion_id)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (person_id, project_id, level) DO UPDATE SET granted_at = now(), ends_at = excluded.ends_at,
    probation_until = excluded.probation_until, promotion_id = excluded.promotion_id;

-- name: take
DELETE FROM level_grant WHERE person_id = $1 AND project_id = $2 AND level = $3;

-- name: ask
INSERT INTO candidate (project_id, person_id, level, promotion_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: put_off
UPDATE candidate SET deferred_until = $4 WHERE project_id = $1 AND person_id = $2 AND level = $3;

-- name: settle
DELETE FROM candidate WHERE project_id = $1 AND person_id = $2 AND level = $3;

-- name: announce
INSERT INTO outbox (project_id, kind, volunteer_id, detail)
VALUES ($1, 'volunteer.levelled', $2, jsonb_build_object('level', $3::int, 'before', $4::int, 'action', $5::text));

-- name: tell
-- Let a push message tell a person, wherever they are reached, of the level that they hold from now on.
INSERT INTO push_message (subscription_id, kind, payload)
SELECT s.id, 'level', $2::jsonb
FROM push_subscription s JOIN volunteer v ON v.id = s.volunteer_id
WHERE v.person_id = $1;

-- name: queue
-- Candidates in the order in which they were proposed, after an entry ($2); due, deferred or all; of one level or all (0).
SELECT c.person_id, c.level, c.promotion_id, c.since, c.deferred_until
FROM candidate c
WHERE c.project_id = $1 AND c.promotion_id > $2 AND ($3 = 0 OR c.level = $3)
  AND ($4 = 'all' OR ($4 = 'deferred') = (c.deferred_until IS NOT NULL AND c.deferred_until > now()))
ORDER BY c.promotion_id
LIMIT $5;

-- name: waiting
SELECT count(*) FROM candidate WHERE project_id = $1 AND (deferred_until IS NULL OR deferred_until <= now());

-- name: entries_named
SELECT e.id, e.person_id, e.volunteer_id, v.name, e.level, e.action, e.made_by, e.by_volunteer_id, b.name, e.why,
       e.evidence::text, e.ends_at, e.probation_until, e.created_at
FROM promotion e
LEFT JOIN volunteer v ON v.id = e.volunteer_id
LEFT JOIN volunteer b ON b.id = e.by_volunteer_id
WHERE e.id = ANY($1::bigint[]);

-- name: over
-- Persons with a level whose end has come.
SELECT DISTINCT project_id, person_id FROM level_grant WHERE ends_at <= now() ORDER BY project_id, person_id LIMIT $1;

-- name: shown_volunteer
-- As whom a person is named: by a volunteer with a name, if there is one.
SELECT id, person_id, name FROM volunteer WHERE person_id = $1
ORDER BY deleted_at IS NOT NULL, name IS NULL, id LIMIT 1;

-- name: volunteers
SELECT id, person_id, name FROM volunteer WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL;

-- name: volunteer_by_name
SELECT id, person_id, name FROM volunteer WHERE name_key = $1 AND deleted_at IS NULL;

-- name: take_up_checks
-- Take up persons to be judged, those first whose evidence changed first, and keep other workers from them for a while.
UPDATE level_check c SET taken_until = now() + interval '1 minute'
FROM (
    SELECT project_id, person_id FROM level_check
    WHERE taken_until IS NULL OR taken_until < now()
    ORDER BY since LIMIT $1
    FOR UPDATE SKIP LOCKED
) due
WHERE c.project_id = due.project_id AND c.person_id = due.person_id
RETURNING c.project_id, c.person_id, c.since;

-- name: done_checks
-- Forget the checks that were made, but for those whose evidence has changed meanwhile.
DELETE FROM level_check c
USING unnest($1::int[], $2::bigint[], $3::timestamptz[]) AS q (project_id, person_id, since)
WHERE c.project_id = q.project_id AND c.person_id = q.person_id AND c.since = q.since;

-- name: versions
SELECT id, version_id FROM project WHERE version_id IS NOT NULL;
