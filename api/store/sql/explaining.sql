-- What is stored of one subject, to explain it.

-- name: find_subject
SELECT s.id, s.external_id, s.metadata::text AS metadata, p.id AS project_id, p.slug, p.version_id, p.pseudonym_key,
       coalesce((SELECT jsonb_object_agg(c.name, c.value) FROM score c WHERE c.subject_id = s.id), '{}')::text AS scores,
       coalesce((SELECT jsonb_object_agg(c.name, c.model) FROM score c WHERE c.subject_id = s.id), '{}')::text AS models
FROM subject s JOIN project p ON p.id = s.project_id
WHERE s.id = $1 AND (p.visibility <> 'private' OR $2::int[] IS NULL OR p.id = ANY($2));

-- name: known_answers
SELECT workflow, truth, explanation, set_at FROM gold_standard WHERE subject_id = $1 AND current ORDER BY workflow;

-- name: stages
-- Where the subject stands, the first workflow that it entered first; what follows the workflow is a STANDING.
SELECT t.workflow_id, w.name, w.question, w.calibration AS in_force, w.closed_at IS NOT NULL AS closed, t.entered_at,
       t.first_vote_at, t.retired_at, t.version_id, t.calibration, t.earlier, t.excluded, t.ordinal AS steps,
       t.state, t.answer, t.reason, t.prior, t.machine, t.if_yes, t.if_no, t.n_yes, t.n_no, t.n_unsure, t.unproven,
       t.u_yes, t.u_no, t.u_unsure, t.flags, t.late, t.late_count, t.audit, t.audit_count, t.audit_open, t.ordinal,
       t.decided_ordinal, t.draw
FROM workflow w JOIN stage t ON t.workflow_id = w.id AND t.subject_id = $1
WHERE w.project_id = $2
ORDER BY t.entered_at, t.workflow_id;

-- name: entries
-- The ledger's rows of a subject, found by the moments at which its cards say that votes came and went: the ledger has
-- an index on those alone. A vote that was taken back came within a window ($3) before; of one that was taken out for
-- another reason it is written when it came.
WITH cards AS MATERIALIZED (
    SELECT person_id, workflow_id, attempt, received_at, exclusion FROM card
    WHERE workflow_id = ANY($2::int[]) AND subject_id = $1::bigint
), taken AS MATERIALIZED (
    SELECT coalesce(k.ledger_person_id, k.person_id) AS person_id, k.client_id, k.retracted_at, k.voted_at
    FROM cards d
    JOIN swipe_key k ON k.person_id = d.person_id AND k.retracted_at IS NOT NULL
    WHERE (d.attempt > 0 OR d.exclusion = 11
           OR EXISTS (SELECT FROM person_merge m WHERE m.into_person_id = d.person_id))
      AND k.workflow_id = d.workflow_id AND k.subject_id = $1
), moments AS MATERIALIZED (
    SELECT received_at FROM cards WHERE received_at IS NOT NULL
    UNION
    SELECT retracted_at FROM taken
    UNION
    SELECT voted_at FROM taken WHERE voted_at IS NOT NULL
)
SELECT c.received_at, c.kind, c.person_id, c.volunteer_id, c.workflow_id, c.client_id, c.answer, c.flag, c.bucket,
       c.exclusion, c.ordinal, c.if_yes, c.if_no, c.skill_revision, c.version_id, c.calibration, c.truth
FROM moments m JOIN classification c ON c.received_at = m.received_at
WHERE c.subject_id = $1 AND c.workflow_id = ANY($2)
UNION
SELECT c.received_at, c.kind, c.person_id, c.volunteer_id, c.workflow_id, c.client_id, c.answer, c.flag, c.bucket,
       c.exclusion, c.ordinal, c.if_yes, c.if_no, c.skill_revision, c.version_id, c.calibration, c.truth
FROM taken t
JOIN classification c ON c.received_at >= t.retracted_at - $3::interval AND c.received_at < t.retracted_at
WHERE c.person_id = t.person_id AND c.client_id = t.client_id AND c.kind = 0 AND t.voted_at IS NULL
LIMIT $4;

-- name: entries_since
-- The same from the ledger alone, for what its cards do not lead to. It reads every vote since a moment.
SELECT c.received_at, c.kind, c.person_id, c.volunteer_id, c.workflow_id, c.client_id, c.answer, c.flag, c.bucket,
       c.exclusion, c.ordinal, c.if_yes, c.if_no, c.skill_revision, c.version_id, c.calibration, c.truth
FROM classification c
WHERE c.received_at >= $3 AND c.subject_id = $1 AND c.workflow_id = ANY($2::int[])
LIMIT $4;

-- name: rescores
SELECT workflow_id, ordinal, calibration, version_id, prior_before, prior, if_yes, if_no, unproven, log_odds, votes,
       flagged, rescored_at
FROM rescore WHERE workflow_id = ANY($2::int[]) AND subject_id = $1
ORDER BY workflow_id, ordinal;

-- name: labels
SELECT l.workflow_id, l.revision, l.answer, l.reason, l.log_odds, l.votes, l.version_id, v.number, l.calibration,
       l.routed_to, l.machine_score, l.author, l.why, l.retired_at
FROM label l JOIN cascade_version v ON v.id = l.version_id
WHERE l.workflow_id = ANY($2::int[]) AND l.subject_id = $1
ORDER BY l.workflow_id, l.revision;

-- name: gold_answers
-- What persons, as the ledger knows them, answered to training subjects of a workflow, in the order in which it was
-- learnt.
SELECT coalesce(c.ledger_person_id, c.person_id) AS person_id, c.truth, c.answer, c.received_at
FROM card c
WHERE c.person_id IN (SELECT unnest($2::bigint[])
                      UNION ALL SELECT into_person_id FROM person_merge WHERE from_person_id = ANY($2::bigint[]))
  AND coalesce(c.ledger_person_id, c.person_id) = ANY($2::bigint[])
  AND c.workflow_id = $1 AND c.bucket = 3 AND c.truth IS NOT NULL
ORDER BY 1, c.received_at, c.client_id;

-- name: fits
-- What calibrations have made of persons in a workflow, each where it changed.
SELECT person_id, calibration, revision, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, b_no_no, b_no_yes,
       b_no_unsure, b_yes_no, b_yes_yes, b_yes_unsure
FROM skill_fit WHERE workflow_id = $1 AND person_id = ANY($2::bigint[])
ORDER BY person_id, calibration;

-- name: versions
SELECT id, number FROM cascade_version WHERE project_id = $1;
