-- Which subjects an expert might be asked about.

-- name: contested
-- Subjects that wait without a decision, from the pile of those.
SELECT subject_id FROM dealable WHERE workflow_id = $1 AND tier = 2 ORDER BY draw, subject_id LIMIT $2;

-- name: voices
-- The counted votes on some subjects that are not gold, not flagged and not decided by hand: from a place on and round
-- the end, $3 subjects at most. Of each vote its subject, the subject's log-odds, and what is known of the volunteer.
WITH page AS MATERIALIZED (
    SELECT subject_id, lean FROM (
        (SELECT subject_id, prior + if_yes - if_no + unproven AS lean, 0 AS part FROM stage
         WHERE workflow_id = $1 AND subject_id >= $2 AND state < 3 AND reason NOT IN (2, 6)
           AND n_yes + n_no + n_unsure + u_yes + u_no + u_unsure > 0
         ORDER BY subject_id LIMIT $3)
        UNION ALL
        (SELECT subject_id, prior + if_yes - if_no + unproven AS lean, 1 AS part FROM stage
         WHERE workflow_id = $1 AND subject_id < $2 AND state < 3 AND reason NOT IN (2, 6)
           AND n_yes + n_no + n_unsure + u_yes + u_no + u_unsure > 0
         ORDER BY subject_id LIMIT $3)
    ) round
    ORDER BY part, subject_id
    LIMIT $3
)
SELECT p.subject_id, p.lean,
       (s.no_no + s.no_yes + s.no_unsure + s.yes_no + s.yes_yes + s.yes_unsure)::int AS known, s.dealt
FROM page p
JOIN card c ON c.workflow_id = $1 AND c.subject_id = p.subject_id AND c.bucket IN (1, 2)
JOIN skill s ON s.person_id = c.person_id AND s.workflow_id = $1
WHERE (SELECT 1 FROM gold_standard g JOIN workflow w ON w.id = $1 AND w.name = g.workflow
       WHERE g.subject_id = p.subject_id AND g.current) IS NULL
ORDER BY p.subject_id, c.person_id;

-- name: last_subject
SELECT coalesce(max(subject_id), 0) FROM stage WHERE workflow_id = $1;

-- name: subjects
-- Some subjects of a workflow with their votes and their present answer, in the order given.
SELECT t.subject_id, x.external_id, t.n_yes + t.u_yes AS yes, t.n_no + t.u_no AS no, t.n_unsure + t.u_unsure AS unsure,
       t.answer
FROM unnest($2::bigint[]) WITH ORDINALITY AS q (subject_id, n)
JOIN stage t ON t.workflow_id = $1 AND t.subject_id = q.subject_id
JOIN subject x ON x.id = q.subject_id
ORDER BY q.n;

-- name: agreed_labels
-- The subjects that votes have retired with an answer from a workflow, and what they came to.
SELECT subject_id, answer FROM stage
WHERE workflow_id = $1 AND state = 2 AND reason = 4 AND answer >= 0
ORDER BY subject_id;
