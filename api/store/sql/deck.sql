-- The statements of dealing: three for a group of new decks. Every probe of "has this person seen it" is a scalar
-- subquery, which always walks the primary key of `card`; NOT EXISTS may scan all cards of the person.

-- name: hold_persons
-- Let nobody turn out to be another person until the transaction ends.
SELECT count(*) FROM (SELECT FROM person WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE) held;

-- name: begin_skills
-- Let there be a row to lock for each (person, workflow) that exists.
INSERT INTO skill (person_id, workflow_id)
SELECT coalesce(m.into_person_id, q.person_id), w.id
FROM unnest($1::bigint[], $2::int[]) AS q (person_id, workflow_id)
JOIN workflow w ON w.id = q.workflow_id
LEFT JOIN person_merge m ON m.from_person_id = q.person_id
ORDER BY 1, w.id
ON CONFLICT DO NOTHING;

-- name: sit_down
-- Lock what each person has shown in a workflow (the decks of one person are dealt one after the other), and read what
-- the dealer must know: the workflow, the deck of the same key, and the cards of the person's last decks that are open
-- and reserved. Whether their subjects have retired meanwhile is not asked: gold does not, and would be left over. Who
-- turned out to be another person sits in that person's place. A private project is there for its members, by a token
-- that is not bound to another, and for its own tokens; for the others its workflows are not found, as those that do not
-- exist.
WITH q AS MATERIALIZED (
    SELECT coalesce((SELECT into_person_id FROM person_merge WHERE from_person_id = k.person_id), k.person_id)
               AS person_id, k.workflow_id, k.key, k.bound_to, k.of_project, k.n
    FROM unnest($1::bigint[], $2::int[], $3::uuid[], $4::int[], $5::int[]) WITH ORDINALITY
        AS k (person_id, workflow_id, key, bound_to, of_project, n)
), shown AS MATERIALIZED (
    SELECT q.n, s.dealt, s.no_no, s.no_yes, s.no_unsure, s.yes_no, s.yes_yes, s.yes_unsure, s.informedness
    FROM q JOIN skill s ON s.person_id = q.person_id AND s.workflow_id = q.workflow_id
    ORDER BY s.person_id, s.workflow_id
    FOR NO KEY UPDATE OF s
)
SELECT q.n::int, w.project_id, w.name, w.closed_at IS NOT NULL AS closed, p.version_id, coalesce(l.level, 1) AS level,
       b.id IS NOT NULL AS banned,
       t.contested_bar, d.workflow_id AS deck_workflow, d.subject_ids, open.subjects, open.gold,
       s.dealt, s.no_no, s.no_yes, s.no_unsure, s.yes_no, s.yes_yes, s.yes_unsure, s.informedness, q.person_id
FROM q
JOIN workflow w ON w.id = q.workflow_id
JOIN project p ON p.id = w.project_id
    AND (p.visibility <> 'private' OR p.id = q.of_project OR (coalesce(q.bound_to, p.id) = p.id AND EXISTS (
        SELECT FROM member m WHERE m.project_id = p.id AND m.person_id = q.person_id)))
LEFT JOIN shown s ON s.n = q.n
LEFT JOIN LATERAL (SELECT max(level) AS level FROM level_grant
                   WHERE person_id = q.person_id AND project_id = w.project_id
                     AND (ends_at IS NULL OR ends_at > now())) l ON true
LEFT JOIN ban b ON b.person_id = q.person_id AND b.project_id = w.project_id AND b.lifted_at IS NULL
               AND (b.until IS NULL OR b.until > now())
LEFT JOIN workflow_total t ON t.workflow_id = w.id
LEFT JOIN deck d ON d.person_id = q.person_id AND d.key = q.key
CROSS JOIN LATERAL (
    SELECT array_agg(c.subject_id) AS subjects, array_agg(c.gold) AS gold
    FROM (SELECT subject_ids FROM deck WHERE person_id = q.person_id AND workflow_id = q.workflow_id
          ORDER BY id DESC LIMIT 2) recent
    CROSS JOIN unnest(recent.subject_ids) AS u (subject_id)
    JOIN card c ON c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = u.subject_id
    WHERE c.client_id IS NULL AND c.reserved_until > now()
) open
ORDER BY q.n;

-- name: pick
-- Deal unseen gold of the truths, and unseen stages of the piles that want cards: from a random start and round the
-- end, within a window. One more card of a stage is then on its way; one that is being decided right now is skipped.
-- Without anything on the piles there is no gold either: volunteers would be trained for nothing, and know it for gold.
-- When all reservations of a stage have run out, the count begins anew: cards that never came back do not block it.
WITH gold AS MATERIALIZED (
    SELECT ask.n, ask.person_id, ask.volunteer_id, ask.workflow_id, near.subject_id
    FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::text[], $7::smallint[], $8::int[],
                $9::int[])
        AS ask (n, person_id, volunteer_id, workflow_id, project_id, workflow, truth, wanted, start)
    CROSS JOIN LATERAL (
        SELECT g.subject_id
        FROM (
            (SELECT subject_id FROM gold_standard
             WHERE project_id = ask.project_id AND workflow = ask.workflow AND truth = ask.truth AND current
               AND draw >= ask.start
             ORDER BY draw LIMIT $16)
            UNION ALL
            (SELECT subject_id FROM gold_standard
             WHERE project_id = ask.project_id AND workflow = ask.workflow AND truth = ask.truth AND current
               AND draw < ask.start
             ORDER BY draw LIMIT $16)
        ) g
        WHERE (SELECT 1 FROM card c WHERE c.person_id = ask.person_id AND c.workflow_id = ask.workflow_id
               AND c.subject_id = g.subject_id) IS NULL
        LIMIT ask.wanted
    ) near
    WHERE (SELECT 1 FROM dealable WHERE workflow_id = ask.workflow_id LIMIT 1) IS NOT NULL
), picked AS MATERIALIZED (
    SELECT ask.n, ask.person_id, ask.volunteer_id, ask.workflow_id, near.subject_id
    FROM unnest($10::int[], $11::bigint[], $12::bigint[], $13::int[], $14::smallint[], $15::int[], $17::int[])
        AS ask (n, person_id, volunteer_id, workflow_id, tier, wanted, start)
    CROSS JOIN LATERAL (
        SELECT d.subject_id
        FROM (
            (SELECT subject_id FROM dealable
             WHERE workflow_id = ask.workflow_id AND tier = ask.tier AND draw >= ask.start ORDER BY draw LIMIT $16)
            UNION ALL
            (SELECT subject_id FROM dealable
             WHERE workflow_id = ask.workflow_id AND tier = ask.tier AND draw < ask.start ORDER BY draw LIMIT $16)
        ) d
        WHERE (SELECT 1 FROM card c WHERE c.person_id = ask.person_id AND c.workflow_id = ask.workflow_id
               AND c.subject_id = d.subject_id) IS NULL
          AND (SELECT s.in_flight < s.need OR s.reserved_until < now()
               FROM stage s WHERE s.workflow_id = ask.workflow_id AND s.subject_id = d.subject_id)
        LIMIT ask.wanted
    ) near
), free AS MATERIALIZED (
    SELECT p.n, p.person_id, p.volunteer_id, p.workflow_id, p.subject_id
    FROM (SELECT *, row_number() OVER (PARTITION BY workflow_id, subject_id ORDER BY n) AS place FROM picked) p
    JOIN stage s ON s.workflow_id = p.workflow_id AND s.subject_id = p.subject_id
    WHERE (s.state < 2 OR s.audit_open = 1)
      AND p.place <= s.need - CASE WHEN s.reserved_until < now() THEN 0 ELSE s.in_flight END
    ORDER BY s.workflow_id, s.subject_id
    FOR NO KEY UPDATE OF s SKIP LOCKED
), reserved AS (
    UPDATE stage s SET
        in_flight = CASE WHEN s.reserved_until < now() THEN f.cards ELSE s.in_flight + f.cards END,
        reserved_until = now() + $18::interval
    FROM (SELECT workflow_id, subject_id, count(*)::smallint AS cards FROM free GROUP BY workflow_id, subject_id) f
    WHERE s.workflow_id = f.workflow_id AND s.subject_id = f.subject_id
), cards AS (
    INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)
    SELECT person_id, workflow_id, subject_id, volunteer_id, gold, now() + $18::interval, now() + $19::interval
    FROM (SELECT *, true AS gold FROM gold UNION ALL SELECT *, false FROM free) dealt
    ORDER BY person_id, workflow_id, subject_id
)
SELECT n, subject_id, true AS gold FROM gold
UNION ALL
SELECT n, subject_id, false FROM free;

-- name: take_back
-- Take cards back that were dealt in this very transaction.
DELETE FROM card c
USING unnest($1::bigint[], $2::int[], $3::bigint[]) AS q (person_id, workflow_id, subject_id)
WHERE c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id;

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

-- name: deal_named
-- Deal exactly these subjects to one person; a card that expired unanswered is good again.
INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)
SELECT $1, $3, q.subject_id, $2, q.gold, now() + $6::interval, now() + $7::interval
FROM unnest($4::bigint[], $5::bool[]) AS q (subject_id, gold)
ORDER BY q.subject_id
ON CONFLICT (person_id, workflow_id, subject_id) DO UPDATE
    SET reserved_until = excluded.reserved_until, accepted_until = excluded.accepted_until
    WHERE card.client_id IS NULL AND card.accepted_until < now();

-- name: write_decks
-- Write the replies to the keys, and count the new cards; a key that was used at this very moment is left out.
WITH cards AS MATERIALIZED (
    SELECT * FROM unnest($6::int[], $7::bigint[]) WITH ORDINALITY AS c (n, subject_id, place)
), q AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::uuid[], $4::int[], $5::int[]) WITH ORDINALITY
        AS q (person_id, workflow_id, key, version_id, new, n)
), counted AS (
    UPDATE skill s SET dealt = s.dealt + q.new FROM q
    WHERE s.person_id = q.person_id AND s.workflow_id = q.workflow_id
)
INSERT INTO deck (person_id, key, workflow_id, version_id, subject_ids)
SELECT q.person_id, q.key, q.workflow_id, q.version_id,
       ARRAY(SELECT c.subject_id FROM cards c WHERE c.n = q.n ORDER BY c.place)
FROM q
ON CONFLICT DO NOTHING
RETURNING 1;

-- name: read_cards
-- Cards with their clocks and everything that a phone shows, in the order given; one row a location.
SELECT q.n, q.subject_id, c.reserved_until, c.accepted_until, s.metadata::text AS metadata, l.digest, l.blurhash,
       l.variants::text AS variants, l.video::text AS video
FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bigint[]) WITH ORDINALITY
    AS q (n, person_id, workflow_id, subject_id, place)
JOIN card c ON c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
JOIN subject s ON s.id = q.subject_id
LEFT JOIN location l ON l.subject_id = q.subject_id
ORDER BY q.place, l.ordinal;

-- name: read_named
-- Which of the named subjects of a project can be dealt in a workflow, and which of them are gold there.
SELECT q.n::int, s.id, g.subject_id IS NOT NULL AS gold
FROM unnest($3::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN subject s ON s.id = q.subject_id AND s.project_id = $1
JOIN workflow w ON w.id = $2
LEFT JOIN gold_standard g ON g.subject_id = s.id AND g.workflow = w.name AND g.current
LEFT JOIN stage t ON t.workflow_id = $2 AND t.subject_id = s.id
WHERE g.subject_id IS NOT NULL OR t.subject_id IS NOT NULL;
