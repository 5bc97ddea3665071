-- What people have shown in a project: training, and counts.

-- name: training
-- Training answers that were learnt, by truth and answer, of persons in workflows.
SELECT person_id, workflow_id, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure
FROM skill WHERE person_id = ANY($1::bigint[]) AND workflow_id = ANY($2::int[]);

-- name: counts
-- Answers and days of persons in a project, and the last of these days.
SELECT person_id, greatest(sum(votes), 0), count(*) FILTER (WHERE votes > 0), max(day) FILTER (WHERE votes > 0)
FROM activity_day WHERE project_id = $1 AND person_id = ANY($2::bigint[])
GROUP BY person_id;

-- name: last_gold
-- The last $4 training answers that were learnt (3) of each person ($1) in each workflow, since a moment ($2) of theirs,
-- the newest first. Of whoever was dealt more than 5,000 cards, only those of the last 250 decks are looked at.
SELECT k.person_id, k.workflow_id, c.subject_id, c.truth, c.answer, c.received_at
FROM unnest($1::bigint[], $2::timestamptz[]) AS q (person_id, since)
JOIN skill k ON k.person_id = q.person_id AND k.workflow_id = ANY($3::int[])
CROSS JOIN LATERAL (
    SELECT g.subject_id, g.truth, g.answer, g.received_at, g.client_id
    FROM (
        SELECT o.subject_id, o.truth, o.answer, o.received_at, o.client_id
        FROM card o
        WHERE k.dealt <= 5000 AND o.person_id = k.person_id AND o.workflow_id = k.workflow_id
          AND o.gold AND o.exclusion = 3 AND o.received_at > q.since
        UNION ALL
        SELECT o.subject_id, o.truth, o.answer, o.received_at, o.client_id
        FROM (
            SELECT DISTINCT u.subject_id
            FROM (SELECT subject_ids FROM deck
                  WHERE k.dealt > 5000 AND person_id = k.person_id AND workflow_id = k.workflow_id
                  ORDER BY id DESC LIMIT 250) d
            CROSS JOIN LATERAL unnest(d.subject_ids) AS u (subject_id)
        ) dealt
        JOIN card o ON o.person_id = k.person_id AND o.workflow_id = k.workflow_id AND o.subject_id = dealt.subject_id
        WHERE o.gold AND o.exclusion = 3 AND o.received_at > q.since
    ) g
    ORDER BY g.received_at DESC, g.client_id DESC
    LIMIT $4
) c
ORDER BY k.person_id, k.workflow_id, c.received_at DESC, c.client_id DESC;

-- name: explanations
-- What the gold standard says about subjects, in workflows by name; current or not.
SELECT DISTINCT ON (g.subject_id, g.workflow) g.subject_id, g.workflow, g.explanation
FROM unnest($1::bigint[], $2::text[]) AS q (subject_id, workflow)
JOIN gold_standard g ON g.subject_id = q.subject_id AND g.workflow = q.workflow
ORDER BY g.subject_id, g.workflow, g.revision DESC;

-- name: pictures
-- Subjects with all that a phone shows; one row a location.
SELECT s.id, s.metadata::text, l.digest, l.blurhash, l.variants::text, l.video::text
FROM subject s LEFT JOIN location l ON l.subject_id = s.id
WHERE s.id = ANY($1::bigint[])
ORDER BY s.id, l.ordinal;
