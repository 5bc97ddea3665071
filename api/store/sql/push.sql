-- Push messages: the key, who is reached where, wishes to be told of more, and the messages themselves.

-- name: read_key
SELECT private_key FROM push_key;

-- name: keep_key
-- The first process that needs a key makes it; all others use that one.
INSERT INTO push_key (id, private_key) VALUES (1, $1) ON CONFLICT DO NOTHING;

-- name: hold_volunteer
-- One after the other: what a volunteer subscribes to is counted.
SELECT FROM volunteer WHERE id = $1 FOR NO KEY UPDATE;

-- name: leave_others
-- The browser is somebody else's now, who shall not be told what was meant for the volunteer before.
DELETE FROM push_subscription WHERE endpoint = $1 AND volunteer_id <> $2;

-- name: subscribe
INSERT INTO push_subscription (id, volunteer_id, endpoint, p256dh, auth, language)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (endpoint) DO UPDATE SET volunteer_id = excluded.volunteer_id, p256dh = excluded.p256dh,
    auth = excluded.auth, language = excluded.language, renewed_at = now()
RETURNING id;

-- name: keep_newest
DELETE FROM push_subscription WHERE id IN (
    SELECT id FROM push_subscription WHERE volunteer_id = $1 ORDER BY renewed_at DESC, id DESC OFFSET $2
);

-- name: unsubscribe
DELETE FROM push_subscription WHERE id = $1 AND volunteer_id = $2 RETURNING id;

-- name: find_workflow
-- A workflow that is there for person $2, whose token may be bound to project $3, or be that of project $4 itself.
SELECT w.project_id, w.closed_at IS NOT NULL AS closed, p.version_id, coalesce(l.level, 1) AS level
FROM workflow w
JOIN project p ON p.id = w.project_id
LEFT JOIN LATERAL (SELECT max(level) AS level FROM level_grant
                   WHERE person_id = $2 AND project_id = w.project_id AND (ends_at IS NULL OR ends_at > now())) l ON true
WHERE w.id = $1
  AND (p.visibility <> 'private' OR p.id = $4::int OR (coalesce($3::int, p.id) = p.id AND EXISTS (
      SELECT FROM member m WHERE m.project_id = p.id AND m.person_id = $2)));

-- name: wish
-- Asking again changes nothing but how long the wish is kept.
INSERT INTO push_wish (person_id, workflow_id, expires_at, look_at)
VALUES ($1, $2, now() + $3::interval, now() + $4::interval)
ON CONFLICT (person_id, workflow_id) DO UPDATE SET expires_at = excluded.expires_at
RETURNING since;

-- name: lock_granting
-- One worker grants at a time, so that nobody is told twice.
SELECT pg_try_advisory_xact_lock($1);

-- name: wished_for
-- The workflows in which somebody waits for more, and something can be dealt.
SELECT w.id, p.version_id
FROM workflow w JOIN project p ON p.id = w.project_id
WHERE w.closed_at IS NULL
  AND (SELECT 1 FROM push_wish q WHERE q.workflow_id = w.id AND q.look_at <= now() LIMIT 1) IS NOT NULL
  AND (SELECT 1 FROM dealable d WHERE d.workflow_id = w.id AND d.tier < 2 LIMIT 1) IS NOT NULL
ORDER BY w.id;

-- name: grant_wishes
-- Look at the wishes in workflows $1 (for levels $2) that have waited longest for a look, with all other wishes of
-- these persons. One can be granted when something can be dealt that the person has no card for, as dealing would find
-- it: from a random start ($4), within a window ($3). Of a workflow as many are granted as it has subjects, so that one
-- new subject does not call everybody. The granted are deleted, and one message about all of them goes to each
-- subscription of the person; those that cannot be granted are looked at again later. Nobody is told twice within $6,
-- nor who has no subscription. Every probe of a card is a scalar subquery, which always walks the primary key.
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::int[], $2::int[]) AS a (workflow_id, level)
), persons AS MATERIALIZED (
    SELECT DISTINCT person_id FROM (
        SELECT q.person_id
        FROM asked a CROSS JOIN LATERAL (
            SELECT person_id, look_at FROM push_wish
            WHERE workflow_id = a.workflow_id AND look_at <= now() ORDER BY look_at LIMIT $5
        ) q
        ORDER BY q.look_at LIMIT $5
    ) longest
), due AS MATERIALIZED (
    SELECT w.person_id, w.workflow_id, w.since, w.expires_at, w.look_at, a.level, t.told_at + $6::interval AS quiet_until
    FROM persons
    JOIN push_wish w ON w.person_id = persons.person_id
    JOIN asked a ON a.workflow_id = w.workflow_id
    LEFT JOIN push_told t ON t.person_id = w.person_id
    WHERE w.since <= now() - $7::interval
    FOR UPDATE OF w SKIP LOCKED
), grantable AS MATERIALIZED (
    SELECT d.person_id, d.workflow_id, row_number() OVER (PARTITION BY d.workflow_id ORDER BY d.look_at) AS place
    FROM due d
    WHERE (d.quiet_until IS NULL OR d.quiet_until <= now()) AND d.expires_at > now()
      AND (SELECT coalesce((SELECT max(l.level) FROM workflow w JOIN level_grant l ON l.project_id = w.project_id
                            WHERE w.id = d.workflow_id AND l.person_id = d.person_id
                              AND (l.ends_at IS NULL OR l.ends_at > now())), 1)) >= d.level
      AND (SELECT p.visibility <> 'private' OR EXISTS (SELECT FROM member m WHERE m.project_id = p.id
                                                       AND m.person_id = d.person_id)
           FROM workflow w JOIN project p ON p.id = w.project_id WHERE w.id = d.workflow_id)
      AND (SELECT 1 FROM volunteer v JOIN push_subscription s ON s.volunteer_id = v.id
           WHERE v.person_id = d.person_id LIMIT 1) IS NOT NULL
      AND (SELECT 1
           FROM unnest(ARRAY[0, 1]::smallint[]) AS pile (tier)
           CROSS JOIN LATERAL (
               (SELECT subject_id FROM dealable
                WHERE workflow_id = d.workflow_id AND tier = pile.tier AND draw >= $4 ORDER BY draw LIMIT $3)
               UNION ALL
               (SELECT subject_id FROM dealable
                WHERE workflow_id = d.workflow_id AND tier = pile.tier AND draw < $4 ORDER BY draw LIMIT $3)
           ) near
           WHERE CASE WHEN (SELECT 1 FROM card c WHERE c.person_id = d.person_id AND c.workflow_id = d.workflow_id
                            AND c.subject_id = near.subject_id) IS NULL
                      THEN (SELECT s.in_flight < s.need OR s.reserved_until < now()
                            FROM stage s WHERE s.workflow_id = d.workflow_id AND s.subject_id = near.subject_id)
                 END
           LIMIT 1) IS NOT NULL
), granted AS MATERIALIZED (
    SELECT g.person_id, g.workflow_id
    FROM grantable g
    WHERE g.place <= (SELECT count(*) FROM (SELECT FROM dealable d WHERE d.workflow_id = g.workflow_id AND d.tier < 2
                                            LIMIT $5) few)
), gone AS (
    DELETE FROM push_wish w USING granted g WHERE w.person_id = g.person_id AND w.workflow_id = g.workflow_id
), later AS (
    UPDATE push_wish w
    SET look_at = greatest(d.quiet_until, now() + least(greatest((now() - w.since) / 20, $8::interval), $9::interval))
    FROM due d
    WHERE w.person_id = d.person_id AND w.workflow_id = d.workflow_id
      AND NOT EXISTS (SELECT FROM grantable g WHERE g.person_id = d.person_id AND g.workflow_id = d.workflow_id)
), told AS (
    INSERT INTO push_told (person_id) SELECT DISTINCT person_id FROM granted
    ON CONFLICT (person_id) DO UPDATE SET told_at = now()
), facts AS (
    SELECT g.person_id, jsonb_build_object('workflows', jsonb_agg(jsonb_build_object(
               'id', w.id, 'question', left(w.question, 300), 'slug', p.slug, 'title', left(p.title, 200)
           ) ORDER BY w.id)) AS payload
    FROM granted g
    JOIN workflow w ON w.id = g.workflow_id
    JOIN project p ON p.id = w.project_id
    GROUP BY g.person_id
), messages AS (
    INSERT INTO push_message (subscription_id, kind, payload)
    SELECT s.id, 'more', f.payload
    FROM facts f
    JOIN volunteer v ON v.person_id = f.person_id
    JOIN push_subscription s ON s.volunteer_id = v.id
    RETURNING 1
)
SELECT (SELECT count(*) FROM granted), (SELECT count(*) FROM messages);

-- name: take_up
-- Take up messages that are due, and keep them from other workers for a while; when we are killed, they get their turn.
UPDATE push_message m SET attempts = m.attempts + 1, next_at = now() + $2::interval
FROM (SELECT id FROM push_message WHERE next_at <= now() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED) due,
     push_subscription s
WHERE m.id = due.id AND s.id = m.subscription_id
RETURNING m.id, m.subscription_id, m.kind, m.payload::text, m.attempts,
          extract(epoch FROM now() - m.created_at)::float8 AS age_seconds, s.endpoint, s.p256dh, s.auth, s.language;

-- name: done
DELETE FROM push_message WHERE id = $1;

-- name: postpone
UPDATE push_message SET next_at = now() + $2::float8 * interval '1 s', error = $3 WHERE id = $1;

-- name: drop_subscription
DELETE FROM push_subscription WHERE id = $1;

-- name: forget
-- Wishes that are kept no longer, and when people were told if that matters no more.
WITH expired AS (
    DELETE FROM push_wish WHERE expires_at <= now()
)
DELETE FROM push_told WHERE told_at < now() - $1::interval;
