-- What the replay reads.

-- name: read_stages
SELECT t.workflow_id, t.subject_id, t.state, t.answer, t.reason, t.prior, t.machine, t.if_yes, t.if_no, t.n_yes, t.n_no,
       t.n_unsure, t.unproven, t.u_yes, t.u_no, t.u_unsure, t.flags, t.late, t.late_count, t.audit, t.audit_count,
       t.audit_open, t.ordinal, t.decided_ordinal, t.draw
FROM stage t JOIN workflow w ON w.id = t.workflow_id
WHERE w.project_id = $1
ORDER BY t.workflow_id, t.subject_id;

-- name: read_earlier
-- The stages on which steps were weighed by an earlier engine.
SELECT t.workflow_id, t.subject_id
FROM stage t JOIN workflow w ON w.id = t.workflow_id
WHERE w.project_id = $1 AND t.earlier > 0;

-- name: read_unwatched
SELECT s.person_id, s.workflow_id, s.unwatched
FROM skill s JOIN workflow w ON w.id = s.workflow_id
WHERE w.project_id = $1 AND s.unwatched > 0
UNION ALL
SELECT m.from_person_id, m.workflow_id, m.unwatched
FROM skill_merge m JOIN workflow w ON w.id = m.workflow_id
WHERE w.project_id = $1 AND m.unwatched > 0;

-- name: read_skill_merges
SELECT m.workflow_id, m.from_person_id, m.into_person_id, m.revision
FROM skill_merge m JOIN workflow w ON w.id = m.workflow_id
WHERE w.project_id = $1
ORDER BY m.id;

-- name: read_entries
SELECT c.kind, c.person_id, c.workflow_id, c.subject_id, c.client_id, c.answer, c.flag, c.bucket, c.ordinal, c.if_yes,
       c.if_no, c.skill_revision, c.version_id, c.calibration, c.truth, c.received_at
FROM classification c JOIN workflow w ON w.id = c.workflow_id
WHERE w.project_id = $1 AND (c.ordinal > 0 OR c.truth IS NOT NULL)
ORDER BY c.workflow_id, c.subject_id, c.ordinal;

-- name: read_rescores
SELECT r.workflow_id, r.subject_id, r.ordinal, r.calibration, r.version_id, r.prior_before, r.machine_before, r.prior,
       r.machine, r.if_yes, r.if_no, r.unproven, r.log_odds, r.votes, r.flagged
FROM rescore r JOIN workflow w ON w.id = r.workflow_id
WHERE w.project_id = $1
ORDER BY r.workflow_id, r.subject_id, r.ordinal;

-- name: read_fits
SELECT f.person_id, f.workflow_id, f.calibration, f.revision, f.no_no, f.no_yes, f.no_unsure, f.yes_no, f.yes_yes,
       f.yes_unsure, f.b_no_no, f.b_no_yes, f.b_no_unsure, f.b_yes_no, f.b_yes_yes, f.b_yes_unsure
FROM skill_fit f JOIN workflow w ON w.id = f.workflow_id
WHERE w.project_id = $1;

-- name: read_first_labels
SELECT l.workflow_id, l.subject_id, l.answer, l.reason, l.log_odds, l.votes, l.version_id, l.routed_to,
       l.author IS NOT NULL AS by_hand,
       (SELECT max(revision) FROM label m WHERE m.workflow_id = l.workflow_id AND m.subject_id = l.subject_id) > 1
           AS revised,
       s.metadata::text AS metadata,
       coalesce((SELECT jsonb_object_agg(c.name, c.value) FROM score c WHERE c.subject_id = l.subject_id), '{}')::text
           AS scores,
       EXISTS (SELECT 1 FROM score c WHERE c.subject_id = l.subject_id AND c.set_at > l.retired_at) AS rescored
FROM label l JOIN subject s ON s.id = l.subject_id
WHERE l.project_id = $1 AND l.revision = 1
ORDER BY l.workflow_id, l.subject_id;
