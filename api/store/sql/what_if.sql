-- What a what-if plays again, for COPY, which takes no parameters: values stand in the text (see what_if.py). Votes are
-- read from cards, not from the ledger: a card has the present state of its vote, weighed as in the sums of its stage
-- today, also where the month of the vote was archived.
--
-- A sample takes whole subjects: those whose number, spread by a fixed multiplication (Knuth's), lies below a threshold
-- of 2**32.

-- name: sizes
-- How many stages and votes the workflows have. A month of late votes is in it; votes on gold are not.
SELECT count(*) AS stages,
       coalesce(sum(n_yes + n_no + n_unsure + u_yes + u_no + u_unsure + late_count + audit_count), 0)::bigint AS votes
FROM stage WHERE workflow_id = ANY($1::int[]) AND state < 3;

-- name: stages
SELECT t.workflow_id, t.subject_id, t.version_id, t.state, t.answer, t.reason, t.prior, t.machine, t.draw
FROM stage t
WHERE t.workflow_id = ANY($1::int[]) AND t.state < 3
  AND (t.subject_id % 2147483648) * 2654435761 % 4294967296 < $2
ORDER BY t.workflow_id, t.subject_id;

-- name: votes
-- Votes in the order in which they were given on each subject; what was taken back has no card any more.
SELECT c.workflow_id, c.subject_id, c.person_id, c.answer, c.flag::int AS flag, c.bucket, c.if_yes, c.if_no
FROM card c
WHERE c.workflow_id = ANY($1::int[]) AND c.bucket IN (1, 2, 4, 5)
  AND (c.subject_id % 2147483648) * 2654435761 % 4294967296 < $2
ORDER BY c.workflow_id, c.subject_id, c.ordinal;

-- name: gold
-- The first answers to each training subject, with the truth that was told then and the one that is known now.
SELECT workflow_id, subject_id, person_id, answer, flag, told, truth
FROM (
    SELECT c.workflow_id, c.subject_id, c.person_id, c.answer, c.flag::int AS flag, c.truth AS told, g.truth,
           row_number() OVER (PARTITION BY c.workflow_id, c.subject_id ORDER BY c.received_at, c.person_id) AS place
    FROM card c
    JOIN workflow w ON w.id = c.workflow_id
    JOIN gold_standard g ON g.subject_id = c.subject_id AND g.workflow = w.name AND g.current
    WHERE c.workflow_id = ANY($1::int[]) AND c.bucket = 3
) given
WHERE place <= $2
ORDER BY workflow_id, subject_id, place;

-- name: skills
SELECT workflow_id, person_id, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, b_no_no, b_no_yes, b_no_unsure,
       b_yes_no, b_yes_yes, b_yes_unsure, drops
FROM skill WHERE workflow_id = ANY($1::int[])
ORDER BY workflow_id, person_id;

-- name: spoken
-- The stages that an expert has spoken about, and those on which a vote was taken back, with 1.
SELECT DISTINCT workflow_id, subject_id, 0 AS taken_back
FROM label WHERE workflow_id = ANY($1::int[]) AND (author IS NOT NULL OR revision > 1)
UNION ALL
SELECT DISTINCT workflow_id, subject_id, 1
FROM swipe_key WHERE retracted_at IS NOT NULL AND workflow_id = ANY($1::int[]) AND subject_id IS NOT NULL;

-- name: attributes
-- What conditions and machine priors look at.
SELECT s.id, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
                 WHERE c.subject_id = s.id), '{}')::text AS scores
FROM subject s
WHERE s.project_id = $1
  AND ((s.id % 2147483648) * 2654435761 % 4294967296 < $2
       OR (SELECT 1 FROM gold_standard g WHERE g.subject_id = s.id AND g.current LIMIT 1) IS NOT NULL);
