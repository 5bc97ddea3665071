-- The statements of dealing. Every probe of "has this person seen it" is a scalar subquery, which always walks the
-- primary key of `card`; NOT EXISTS may scan all cards of the person.

-- name: lock_skill
-- Lock what a person has shown in a workflow; this also lets the decks of one person be dealt one after the other.
SELECT dealt, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, informedness
FROM skill WHERE person_id = $1 AND workflow_id = $2
FOR NO KEY UPDATE;

-- name: begin_skill
INSERT INTO skill (person_id, workflow_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: read_table
-- What the dealer must know of a workflow and a person, and the deck of the same key, if there is one.
SELECT w.project_id, w.name, w.closed_at IS NOT NULL AS closed, p.version_id, coalesce(l.level, 1) AS level,
       t.contested_bar, d.workflow_id AS deck_workflow, d.subject_ids, d.version_id AS deck_version
FROM workflow w
JOIN project p ON p.id = w.project_id
LEFT JOIN level_grant l ON l.person_id = $2 AND l.project_id = w.project_id
LEFT JOIN workflow_total t ON t.workflow_id = w.id
LEFT JOIN deck d ON d.person_id = $2 AND d.key = $3
WHERE w.id = $1;

-- name: read_lost_cards
-- Cards of this person's last decks that are open and that the phone does not hold: a reply was lost, or a phone.
SELECT DISTINCT c.subject_id, c.gold
FROM (SELECT subject_ids FROM deck WHERE person_id = $1 AND workflow_id = $2 ORDER BY id DESC LIMIT 4) recent
CROSS JOIN unnest(recent.subject_ids) AS u (subject_id)
JOIN card c ON c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = u.subject_id
LEFT JOIN stage s ON s.workflow_id = $2 AND s.subject_id = u.subject_id
WHERE c.client_id IS NULL AND c.accepted_until > now() AND NOT u.subject_id = ANY($3::bigint[])
  AND (c.gold OR s.state < 2)
LIMIT $4;

-- name: pick_gold
-- Unseen gold of each truth that was asked for, from a random start, round the end.
SELECT ask.truth, picked.subject_id
FROM unnest($4::smallint[], $5::int[], $6::int[]) AS ask (truth, wanted, start)
CROSS JOIN LATERAL (
    SELECT near.subject_id
    FROM (
        (SELECT subject_id, 0 AS lap, draw FROM gold_standard
         WHERE project_id = $2 AND workflow = $3 AND truth = ask.truth AND current AND draw >= ask.start
         ORDER BY draw LIMIT 200)
        UNION ALL
        (SELECT subject_id, 1, draw FROM gold_standard
         WHERE project_id = $2 AND workflow = $3 AND truth = ask.truth AND current AND draw < ask.start
         ORDER BY draw LIMIT 200)
    ) near
    WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $7 AND c.subject_id = near.subject_id)
          IS NULL
    ORDER BY near.lap, near.draw
    LIMIT ask.wanted
) picked;

-- name: pick_stages
-- Unseen stages that want cards: for each range of a pile that was asked for, within a window of it.
SELECT ask.place::int, picked.subject_id
FROM unnest($3::smallint[], $4::int[], $5::int[], $6::int[])
    WITH ORDINALITY AS ask (tier, wanted, low, high, place)
CROSS JOIN LATERAL (
    SELECT d.subject_id
    FROM (
        SELECT subject_id FROM dealable
        WHERE workflow_id = $2 AND tier = ask.tier AND draw >= ask.low AND draw <= ask.high
        ORDER BY draw LIMIT $7
    ) d
    WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = d.subject_id) IS NULL
      AND (SELECT 1 FROM stage s WHERE s.workflow_id = $2 AND s.subject_id = d.subject_id
           AND (s.in_flight < s.need OR s.reserved_until < now())) IS NOT NULL
    LIMIT ask.wanted
) picked;

-- name: reserve
-- Put one more card on its way for each stage that still wants one; a stage that is being decided right now is skipped.
-- When all reservations of a stage have run out, the count begins anew: cards that never came back do not block it.
UPDATE stage s SET
    in_flight = CASE WHEN s.reserved_until < now() THEN 1 ELSE s.in_flight + 1 END,
    reserved_until = now() + $3::interval
FROM (
    SELECT subject_id FROM stage
    WHERE workflow_id = $1 AND subject_id = ANY($2::bigint[]) AND (state < 2 OR audit_open = 1)
      AND (in_flight < need OR reserved_until < now())
    ORDER BY subject_id
    FOR NO KEY UPDATE SKIP LOCKED
) free
WHERE s.workflow_id = $1 AND s.subject_id = free.subject_id
RETURNING s.subject_id;

-- name: anything_left
-- Why a deck is empty: whether anything is dealable at all, and whether this person has not seen some of it.
SELECT EXISTS (SELECT 1 FROM dealable WHERE workflow_id = $2 AND tier <> 3) AS dealable,
       EXISTS (SELECT 1 FROM (SELECT subject_id FROM dealable WHERE workflow_id = $2 AND tier = 0 LIMIT 20000) d
               WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2
                      AND c.subject_id = d.subject_id) IS NULL)
       OR EXISTS (SELECT 1 FROM (SELECT subject_id FROM dealable WHERE workflow_id = $2 AND tier = 1 LIMIT 20000) d
               WHERE (SELECT 1 FROM card c WHERE c.person_id = $1 AND c.workflow_id = $2
                      AND c.subject_id = d.subject_id) IS NULL) AS unseen;

-- name: deal_cards
-- Write the cards; one that was dealt before and is still open only gets new times.
INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)
SELECT $1, $2, q.subject_id, $3, q.gold, now() + $6::interval, now() + $7::interval
FROM unnest($4::bigint[], $5::bool[]) AS q (subject_id, gold)
ORDER BY q.subject_id
ON CONFLICT (person_id, workflow_id, subject_id) DO UPDATE
    SET reserved_until = excluded.reserved_until, accepted_until = excluded.accepted_until
    WHERE card.client_id IS NULL;

-- name: write_deck
WITH counted AS (
    UPDATE skill SET dealt = dealt + $6 WHERE person_id = $1 AND workflow_id = $3
)
INSERT INTO deck (person_id, key, workflow_id, version_id, subject_ids) VALUES ($1, $2, $3, $4, $5::bigint[]);

-- name: read_cards
-- The cards of a deck in its order, with the clocks and everything that a phone shows.
SELECT q.subject_id, c.reserved_until, c.accepted_until, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_agg(jsonb_build_object('digest', l.digest, 'width', l.width, 'height', l.height,
                                                     'blurhash', l.blurhash, 'variants', l.variants)
                                  ORDER BY l.ordinal)
                 FROM location l WHERE l.subject_id = q.subject_id), '[]')::text AS locations
FROM unnest($3::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN card c ON c.person_id = $1 AND c.workflow_id = $2 AND c.subject_id = q.subject_id
JOIN subject s ON s.id = q.subject_id
ORDER BY q.n;

-- name: read_named
-- Which of the named subjects of a project can be dealt in a workflow, and which of them are gold there.
SELECT q.n::int, s.id, g.subject_id IS NOT NULL AS gold
FROM unnest($3::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN subject s ON s.id = q.subject_id AND s.project_id = $1
JOIN workflow w ON w.id = $2
LEFT JOIN gold_standard g ON g.subject_id = s.id AND g.workflow = w.name AND g.current
LEFT JOIN stage t ON t.workflow_id = $2 AND t.subject_id = s.id
WHERE g.subject_id IS NOT NULL OR t.subject_id IS NOT NULL;
