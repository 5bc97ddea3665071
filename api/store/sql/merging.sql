-- The statements by which two persons become one: $1 turned out to be $2. Their number does not depend on what they did.

-- name: hold_persons
-- Let neither be dealt anything new, take anything back, nor be merged by somebody else.
SELECT count(*) FROM (
    SELECT FROM person WHERE id IN ($1::bigint, $2::bigint) ORDER BY id FOR UPDATE
) held;

-- name: lock_cards
-- Lock all cards of the first, and those of the second of the same subjects, in the order in which votes lock cards.
SELECT count(*) FROM (
    SELECT FROM card c
    WHERE c.person_id = $1::bigint
       OR c.person_id = $2::bigint AND EXISTS (
           SELECT FROM card o
           WHERE o.person_id = $1 AND o.workflow_id = c.workflow_id AND o.subject_id = c.subject_id)
    ORDER BY c.person_id, c.workflow_id, c.subject_id
    FOR NO KEY UPDATE OF c
) locked;

-- name: lock_skills
-- Lock what both have shown, in the order in which votes do; while it is locked neither is dealt anything.
SELECT person_id, workflow_id, dealt, revision, unwatched
FROM skill WHERE person_id IN ($1::bigint, $2::bigint)
ORDER BY person_id, workflow_id
FOR NO KEY UPDATE;

-- name: answered_twice
-- Of the cards that both have answered the one that gives way, and whether its vote is out of the sums already: it came
-- later, or it had done nothing where the other one counted or was told what is right.
WITH answered AS MATERIALIZED (
    SELECT c.*, c.bucket = 0 AND c.truth IS NULL AS idle
    FROM card c WHERE c.person_id IN ($1::bigint, $2::bigint) AND c.client_id IS NOT NULL
), ranked AS (
    SELECT a.*, row_number() OVER (PARTITION BY a.workflow_id, a.subject_id
                                   ORDER BY a.idle, a.received_at, a.client_id, a.person_id = $1) AS place
    FROM answered a
)
SELECT r.person_id, coalesce(r.ledger_person_id, r.person_id), r.volunteer_id, r.workflow_id, r.subject_id, r.client_id,
       r.attempt, r.answer, coalesce(r.flag, false), r.bucket, coalesce(r.if_yes, 0), coalesce(r.if_no, 0), r.truth,
       r.received_at, k.retracted_at IS NOT NULL AS out
FROM ranked r
LEFT JOIN swipe_key k ON k.person_id = r.person_id AND k.client_id = r.client_id
WHERE r.place = 2
ORDER BY r.workflow_id, r.subject_id;

-- name: drop_cards
-- Of two cards one stays: the answered one, the one whose vote stays ($3 to $5 name the others), else the second's, which
-- is then good for as long as either was.
WITH out AS MATERIALIZED (
    SELECT * FROM unnest($3::bigint[], $4::int[], $5::bigint[]) AS q (person_id, workflow_id, subject_id)
), pair AS MATERIALIZED (
    SELECT a.workflow_id, a.subject_id,
           CASE WHEN o.person_id IS NOT NULL THEN o.person_id
                WHEN a.client_id IS NOT NULL THEN $2::bigint
                ELSE $1::bigint END AS loser,
           a.client_id IS NULL AND b.client_id IS NULL AS open,
           greatest(a.reserved_until, b.reserved_until) AS reserved_until,
           greatest(a.accepted_until, b.accepted_until) AS accepted_until, greatest(a.attempt, b.attempt) AS attempt
    FROM card a
    JOIN card b ON b.person_id = $2 AND b.workflow_id = a.workflow_id AND b.subject_id = a.subject_id
    LEFT JOIN out o ON o.workflow_id = a.workflow_id AND o.subject_id = a.subject_id
    WHERE a.person_id = $1
), prolonged AS (
    UPDATE card c SET reserved_until = p.reserved_until, accepted_until = p.accepted_until, attempt = p.attempt
    FROM pair p
    WHERE p.open AND c.person_id = $2 AND c.workflow_id = p.workflow_id AND c.subject_id = p.subject_id
)
DELETE FROM card c USING pair p
WHERE c.person_id = p.loser AND c.workflow_id = p.workflow_id AND c.subject_id = p.subject_id;

-- name: move_cards
-- Give the first's cards to the second; the ledger has their votes under the first.
WITH moved AS (
    UPDATE card SET person_id = $2::bigint,
        ledger_person_id = CASE WHEN client_id IS NOT NULL THEN coalesce(ledger_person_id, $1::bigint) END
    WHERE person_id = $1
    RETURNING workflow_id
)
SELECT workflow_id, count(*) FROM moved GROUP BY workflow_id;

-- name: move_keys
WITH moved AS (
    DELETE FROM swipe_key WHERE person_id = $1::bigint RETURNING *
)
INSERT INTO swipe_key (person_id, client_id, workflow_id, subject_id, retracted_at, exclusion, voted_at,
    ledger_person_id)
SELECT $2::bigint, client_id, workflow_id, subject_id, retracted_at, exclusion, voted_at,
       CASE WHEN subject_id IS NOT NULL THEN coalesce(ledger_person_id, $1) END
FROM moved ORDER BY client_id
ON CONFLICT DO NOTHING;

-- name: move_decks
WITH used AS (
    DELETE FROM deck d
    WHERE d.person_id = $1::bigint AND EXISTS (SELECT FROM deck o WHERE o.person_id = $2::bigint AND o.key = d.key)
    RETURNING id
)
UPDATE deck SET person_id = $2 WHERE person_id = $1 AND id NOT IN (SELECT id FROM used);

-- name: gold_answers
-- What a person has learnt from in some workflows, in the order in which it came.
SELECT workflow_id, truth, answer
FROM card
WHERE person_id = $1::bigint AND workflow_id = ANY($2::int[]) AND bucket = 3 AND truth IS NOT NULL
ORDER BY workflow_id, received_at, client_id;

-- name: write_skills
-- Write the skills of both as one, and remember at which revision they became that. What a refit has learnt of the second
-- stays until the next one; the rules of levels are held against the person anew.
WITH q AS MATERIALIZED (
    SELECT * FROM unnest($3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
                         $11::int[], $12::int[], $13::bigint[], $14::int[], $15::bigint[])
        AS q (workflow_id, dealt, revision, unwatched, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, cusum,
              drops, informedness)
), gone AS (
    DELETE FROM skill WHERE person_id = $1::bigint
), remembered AS (
    INSERT INTO skill_merge (workflow_id, from_person_id, into_person_id, revision, unwatched)
    SELECT workflow_id, $1, $2, revision, unwatched FROM q ORDER BY workflow_id
), due AS (
    INSERT INTO level_check (project_id, person_id)
    SELECT DISTINCT w.project_id, $2::bigint FROM q JOIN workflow w ON w.id = q.workflow_id ORDER BY 1
    ON CONFLICT DO NOTHING
)
INSERT INTO skill (person_id, workflow_id, dealt, revision, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure,
    cusum, drops, informedness)
SELECT $2, workflow_id, dealt, revision, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, cusum, drops,
       informedness
FROM q ORDER BY workflow_id
ON CONFLICT (person_id, workflow_id) DO UPDATE SET dealt = excluded.dealt, revision = excluded.revision,
    no_no = excluded.no_no, no_yes = excluded.no_yes, no_unsure = excluded.no_unsure, yes_no = excluded.yes_no,
    yes_yes = excluded.yes_yes, yes_unsure = excluded.yes_unsure, cusum = excluded.cusum, drops = excluded.drops,
    informedness = excluded.informedness;

-- name: move_favourites
WITH moved AS (DELETE FROM favourite WHERE person_id = $1::bigint RETURNING subject_id, since)
INSERT INTO favourite (person_id, subject_id, since)
SELECT $2::bigint, subject_id, since FROM moved ORDER BY subject_id
ON CONFLICT (person_id, subject_id) DO UPDATE SET since = least(favourite.since, excluded.since);

-- name: move_activity
-- Add up the answers by day; where both took part a project has one volunteer less.
WITH moved AS (
    DELETE FROM activity_day WHERE person_id = $1::bigint RETURNING project_id, day, votes
), once AS (
    UPDATE project_total t SET volunteers = t.volunteers - 1
    WHERE t.project_id IN (SELECT project_id FROM moved)
      AND EXISTS (SELECT FROM activity_day a WHERE a.person_id = $2::bigint AND a.project_id = t.project_id)
)
INSERT INTO activity_day (person_id, project_id, day, votes)
SELECT $2, project_id, day, votes FROM moved ORDER BY project_id, day
ON CONFLICT (person_id, project_id, day) DO UPDATE SET votes = activity_day.votes + excluded.votes;

-- name: move_wishes
WITH moved AS (
    DELETE FROM push_wish WHERE person_id = $1::bigint RETURNING workflow_id, since, expires_at, look_at
)
INSERT INTO push_wish (person_id, workflow_id, since, expires_at, look_at)
SELECT $2::bigint, workflow_id, since, expires_at, look_at FROM moved ORDER BY workflow_id
ON CONFLICT (person_id, workflow_id) DO UPDATE SET since = least(push_wish.since, excluded.since),
    expires_at = greatest(push_wish.expires_at, excluded.expires_at),
    look_at = least(push_wish.look_at, excluded.look_at);

-- name: move_told
WITH moved AS (DELETE FROM push_told WHERE person_id = $1::bigint RETURNING told_at)
INSERT INTO push_told (person_id, told_at) SELECT $2::bigint, told_at FROM moved
ON CONFLICT (person_id) DO UPDATE SET told_at = greatest(push_told.told_at, excluded.told_at);

-- name: move_grants
-- Of two grants of one level the one stays that ends later: without an end it never does.
WITH moved AS (
    DELETE FROM level_grant WHERE person_id = $1::bigint
    RETURNING project_id, level, granted_at, ends_at, probation_until, promotion_id
)
INSERT INTO level_grant (person_id, project_id, level, granted_at, ends_at, probation_until, promotion_id)
SELECT $2::bigint, project_id, level, granted_at, ends_at, probation_until, promotion_id
FROM moved ORDER BY project_id, level
ON CONFLICT (person_id, project_id, level) DO UPDATE SET granted_at = excluded.granted_at, ends_at = excluded.ends_at,
    probation_until = excluded.probation_until, promotion_id = excluded.promotion_id
WHERE coalesce(excluded.ends_at, 'infinity') > coalesce(level_grant.ends_at, 'infinity');

-- name: move_members
WITH moved AS (
    DELETE FROM member WHERE person_id = $1::bigint RETURNING project_id, role, added_by, since
)
INSERT INTO member (project_id, person_id, role, added_by, since)
SELECT project_id, $2::bigint, role, added_by, since FROM moved ORDER BY project_id, role
ON CONFLICT (project_id, person_id, role) DO UPDATE SET since = least(member.since, excluded.since);

-- name: move_candidates
WITH moved AS (
    DELETE FROM candidate WHERE person_id = $1::bigint RETURNING project_id, level, promotion_id, since, deferred_until
)
INSERT INTO candidate (project_id, person_id, level, promotion_id, since, deferred_until)
SELECT project_id, $2::bigint, level, promotion_id, since, deferred_until FROM moved ORDER BY project_id, level
ON CONFLICT DO NOTHING;

-- name: move_checks
WITH moved AS (DELETE FROM level_check WHERE person_id = $1::bigint RETURNING project_id, since)
INSERT INTO level_check (project_id, person_id, since)
SELECT project_id, $2::bigint, since FROM moved ORDER BY project_id
ON CONFLICT (project_id, person_id) DO UPDATE SET since = least(level_check.since, excluded.since);

-- name: join_bans
-- Where both are banned from a project one ban stays in force, until both have ended.
WITH pair AS MATERIALIZED (
    SELECT a.id AS ended, b.id AS stays, nullif(greatest(coalesce(a.until, 'infinity'), coalesce(b.until, 'infinity')),
                                                'infinity') AS until
    FROM ban a JOIN ban b ON b.project_id = a.project_id AND b.person_id = $2::bigint AND b.lifted_at IS NULL
    WHERE a.person_id = $1::bigint AND a.lifted_at IS NULL
), ended AS (
    UPDATE ban SET lifted_at = now(), lifted_why = 'another ban of the same person stays in force'
    FROM pair p WHERE ban.id = p.ended
)
UPDATE ban SET until = p.until FROM pair p WHERE ban.id = p.stays;

-- name: move_words
-- Bans, notes and reports are about the second from now on.
WITH bans AS (
    UPDATE ban SET person_id = $2::bigint WHERE person_id = $1::bigint
), notes AS (
    UPDATE note SET person_id = $2 WHERE person_id = $1
)
UPDATE report SET about_person_id = $2 WHERE about_person_id = $1;

-- name: write_merge
-- Both are one from now on, and whoever had turned out to be the first is the second too.
WITH volunteers AS (
    UPDATE volunteer SET person_id = $2::bigint WHERE person_id = $1::bigint
), before AS (
    UPDATE person_merge SET into_person_id = $2 WHERE into_person_id = $1
)
INSERT INTO person_merge (from_person_id, into_person_id) VALUES ($1, $2);
