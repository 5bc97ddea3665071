-- The statements of dealing: three for a new deck. Every probe of "has this person seen it" is a scalar subquery, which
-- always walks the primary key of `card`; NOT EXISTS may scan all cards of the person.

-- name: sit_down
-- Lock what a person has shown in a workflow (the decks of one person are dealt one after the other), and read what the
-- dealer must know: the workflow, the deck of the same key, and cards of the last decks that are open though the phone
-- does not hold them, because a reply was lost, or a phone.
WITH shown AS MATERIALIZED (
    SELECT dealt, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, informedness
    FROM skill WHERE person_id = $2 AND workflow_id = $1
    FOR NO KEY UPDATE
), lost AS MATERIALIZED (
    SELECT DISTINCT c.subject_id, c.gold
    FROM (SELECT subject_ids FROM deck WHERE person_id = $2 AND workflow_id = $1 ORDER BY id DESC LIMIT 4) recent
    CROSS JOIN unnest(recent.subject_ids) AS u (subject_id)
    JOIN card c ON c.person_id = $2 AND c.workflow_id = $1 AND c.subject_id = u.subject_id
    LEFT JOIN stage s ON s.workflow_id = $1 AND s.subject_id = u.subject_id
    WHERE c.client_id IS NULL AND c.accepted_until > now() AND NOT u.subject_id = ANY($4::bigint[])
      AND (c.gold OR s.state < 2)
    LIMIT $5
)
SELECT w.project_id, w.name, w.closed_at IS NOT NULL AS closed, p.version_id, coalesce(l.level, 1) AS level,
       t.contested_bar, d.workflow_id AS deck_workflow, d.subject_ids, d.version_id AS deck_version,
       ARRAY(SELECT subject_id FROM lost ORDER BY subject_id) AS lost_subjects,
       ARRAY(SELECT gold FROM lost ORDER BY subject_id) AS lost_gold,
       s.dealt, s.no_no, s.no_yes, s.no_unsure, s.yes_no, s.yes_yes, s.yes_unsure, s.informedness
FROM workflow w
JOIN project p ON p.id = w.project_id
LEFT JOIN shown s ON true
LEFT JOIN level_grant l ON l.person_id = $2 AND l.project_id = w.project_id
LEFT JOIN workflow_total t ON t.workflow_id = w.id
LEFT JOIN deck d ON d.person_id = $2 AND d.key = $3
WHERE w.id = $1;

-- name: begin_skill
INSERT INTO skill (person_id, workflow_id)
SELECT $1, id FROM workflow WHERE id = $2
ON CONFLICT DO NOTHING;

-- name: pick
-- Unseen gold of each truth, and unseen stages of each pile that want cards: from a random start and round the end,
-- within a window. The stages are reserved: one more card is on its way. One that is being decided right now is skipped.
-- When all reservations of a stage have run out, the count begins anew: cards that never came back do not block it.
WITH gold AS MATERIALIZED (
    SELECT ask.truth, picked.subject_id
    FROM unnest(ARRAY[0, 1]::smallint[]) AS ask (truth)
    CROSS JOIN LATERAL (
        SELECT near.subject_id
        FROM (
            (SELECT subject_id FROM gold_standard
             WHERE project_id = $3 AND workflow = $4 AND truth = ask.truth AND current AND draw >= $6
             ORDER BY draw LIMIT $7)
            UNION ALL
            (SELECT subject_id FROM gold_standard
             WHERE project_id = $3 AND workflow = $4 AND truth = ask.truth AND current AND draw < $6
             ORDER BY draw LIMIT $7)
        ) near
        WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = near.subject_id)
              IS NULL
        LIMIT $5
    ) picked
), picked AS MATERIALIZED (
    SELECT near.subject_id
    FROM unnest($8::smallint[], $9::int[], $10::int[]) AS ask (tier, wanted, start)
    CROSS JOIN LATERAL (
        SELECT d.subject_id
        FROM (
            (SELECT subject_id FROM dealable
             WHERE workflow_id = $2 AND tier = ask.tier AND draw >= ask.start ORDER BY draw LIMIT $7)
            UNION ALL
            (SELECT subject_id FROM dealable
             WHERE workflow_id = $2 AND tier = ask.tier AND draw < ask.start ORDER BY draw LIMIT $7)
        ) d
        WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = d.subject_id)
              IS NULL
          AND NOT d.subject_id = ANY($11::bigint[])
          AND (SELECT s.in_flight < s.need OR s.reserved_until < now()
               FROM stage s WHERE s.workflow_id = $2 AND s.subject_id = d.subject_id)
        LIMIT ask.wanted
    ) near
), free AS MATERIALIZED (
    SELECT s.subject_id
    FROM picked JOIN stage s ON s.workflow_id = $2 AND s.subject_id = picked.subject_id
    WHERE (s.state < 2 OR s.audit_open = 1) AND (s.in_flight < s.need OR s.reserved_until < now())
    ORDER BY s.subject_id
    FOR NO KEY UPDATE OF s SKIP LOCKED
), reserved AS (
    UPDATE stage s SET
        in_flight = CASE WHEN s.reserved_until < now() THEN 1 ELSE s.in_flight + 1 END,
        reserved_until = now() + $12::interval
    FROM free
    WHERE s.workflow_id = $2 AND s.subject_id = free.subject_id
    RETURNING s.subject_id
)
SELECT truth AS kind, subject_id FROM gold
UNION ALL
SELECT 2, subject_id FROM reserved;

-- name: anything_left
-- Why a deck is empty: whether anything is dealable at all, and whether this person has not seen some of it.
SELECT EXISTS (SELECT 1 FROM dealable WHERE workflow_id = $2 AND tier < 3) AS dealable,
       EXISTS (
           SELECT 1
           FROM unnest(ARRAY[0, 1]::smallint[]) AS pile (tier)
           CROSS JOIN LATERAL (SELECT subject_id FROM dealable WHERE workflow_id = $2 AND tier = pile.tier LIMIT $3) d
           WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = d.subject_id)
                 IS NULL
       ) AS unseen;

-- name: deal
-- Write the cards and the deck; a card that was dealt before and is open gets new times. Nothing is written, and no row
-- returned, when the key has just been used by another request.
WITH written AS (
    INSERT INTO deck (person_id, key, workflow_id, version_id, subject_ids) VALUES ($1, $8, $2, $9, $4::bigint[])
    ON CONFLICT DO NOTHING
    RETURNING 1
), counted AS (
    UPDATE skill SET dealt = dealt + $10 WHERE person_id = $1 AND workflow_id = $2
), cards AS (
    INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)
    SELECT $1, $2, q.subject_id, $3, q.gold, now() + $6::interval, now() + $7::interval
    FROM unnest($4::bigint[], $5::bool[]) AS q (subject_id, gold)
    ORDER BY q.subject_id
    ON CONFLICT (person_id, workflow_id, subject_id) DO UPDATE
        SET reserved_until = excluded.reserved_until, accepted_until = excluded.accepted_until
        WHERE card.client_id IS NULL
)
SELECT q.subject_id, now() + $6::interval AS reserved_until, now() + $7::interval AS accepted_until,
       s.metadata::text AS metadata, l.digest, l.blurhash, l.variants::text AS variants
FROM written
CROSS JOIN unnest($4::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN subject s ON s.id = q.subject_id
LEFT JOIN location l ON l.subject_id = q.subject_id
ORDER BY q.n, l.ordinal;

-- name: read_deck
-- The cards of a stored deck in its order, with their clocks and everything that a phone shows.
SELECT q.subject_id, c.reserved_until, c.accepted_until, s.metadata::text AS metadata, l.digest, l.blurhash,
       l.variants::text AS variants
FROM unnest($3::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN card c ON c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = q.subject_id
JOIN subject s ON s.id = q.subject_id
LEFT JOIN location l ON l.subject_id = q.subject_id
ORDER BY q.n, l.ordinal;

-- name: read_named
-- Which of the named subjects of a project can be dealt in a workflow, and which of them are gold there.
SELECT q.n::int, s.id, g.subject_id IS NOT NULL AS gold
FROM unnest($3::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN subject s ON s.id = q.subject_id AND s.project_id = $1
JOIN workflow w ON w.id = $2
LEFT JOIN gold_standard g ON g.subject_id = s.id AND g.workflow = w.name AND g.current
LEFT JOIN stage t ON t.workflow_id = $2 AND t.subject_id = s.id
WHERE g.subject_id IS NOT NULL OR t.subject_id IS NOT NULL;
