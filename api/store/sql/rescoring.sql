-- What weighing a workflow's stages anew reads and writes. The number of statements does not depend on the batch.

-- name: find
-- A workflow's project, the calibration in force, and whether all stages were weighed by it.
SELECT w.project_id, w.calibration, c.rescored_at IS NOT NULL AS done
FROM workflow w JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
WHERE w.id = $1 AND w.closed_at IS NULL;

-- name: unfinished
-- The workflows that are asked and whose stages have not all been weighed by the calibration in force.
SELECT w.id
FROM workflow w JOIN calibration c ON c.workflow_id = w.id AND c.revision = w.calibration
WHERE c.rescored_at IS NULL AND w.closed_at IS NULL
ORDER BY w.id;

-- name: try_to_rescore
-- Held by the connection: one process weighs a workflow's stages anew at a time.
SELECT pg_try_advisory_lock(7234, $1);

-- name: stop_rescoring
SELECT pg_advisory_unlock(7234, $1);

-- name: mark_done
UPDATE calibration SET rescored_at = now() WHERE workflow_id = $1 AND revision = $2;

-- name: read_fits
-- What a calibration made of everybody: the newest row of each that it or an earlier one wrote.
SELECT DISTINCT ON (person_id) person_id, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, b_no_no, b_no_yes,
       b_no_unsure, b_yes_no, b_yes_yes, b_yes_unsure
FROM skill_fit
WHERE workflow_id = $1 AND calibration <= $2
ORDER BY person_id, calibration DESC;

-- name: undecided
-- The next stages that are undecided and were last weighed by an earlier calibration.
SELECT subject_id FROM stage
WHERE workflow_id = $1 AND subject_id > $2 AND calibration < $3 AND state < 2
ORDER BY subject_id
LIMIT $4;

-- name: retired
-- The next stages that evidence, or the end of it, has retired, and that have not been flagged: nothing is flagged
-- twice. The columns are those of cascade.decision.STANDING. No locks: few of them are to be touched.
SELECT s.subject_id, s.state, s.answer, s.reason, s.prior, s.machine, s.if_yes, s.if_no, s.n_yes, s.n_no, s.n_unsure,
       s.unproven, s.u_yes, s.u_no, s.u_unsure, s.flags, s.late, s.late_count, s.audit, s.audit_count, s.audit_open,
       s.ordinal, s.decided_ordinal, s.draw
FROM stage s
WHERE s.workflow_id = $1 AND s.subject_id > $2 AND s.state = 2 AND s.reason IN (1, 4)
  AND (SELECT 1 FROM rescore r
       WHERE r.workflow_id = $1 AND r.subject_id = s.subject_id AND r.flagged LIMIT 1) IS NULL
ORDER BY s.subject_id
LIMIT $3;

-- name: read_votes
-- The votes that count on some subjects.
SELECT person_id, subject_id, answer, bucket, if_yes, if_no, coalesce(ledger_person_id, person_id)
FROM card
WHERE workflow_id = $1 AND subject_id = ANY($2::bigint[]) AND bucket IN (1, 2);

-- name: lock_votes
-- The votes that count on some subjects, locked in the order in which votes lock cards, and like them before stages.
SELECT person_id, subject_id, answer, bucket, if_yes, if_no, coalesce(ledger_person_id, person_id)
FROM card
WHERE workflow_id = $1 AND subject_id = ANY($2::bigint[]) AND bucket IN (1, 2)
ORDER BY person_id, workflow_id, subject_id
FOR NO KEY UPDATE;

-- name: write
-- Write down what locked stages were weighed anew to, the weight that their votes have now, and what they begin with.
WITH rows AS (
    INSERT INTO rescore (workflow_id, subject_id, ordinal, calibration, version_id, prior_before, machine_before, prior,
        machine, if_yes, if_no, unproven, log_odds, votes, flagged)
    SELECT $1, subject_id, ordinal, $2, $3, prior_before, machine_before, prior, machine, if_yes, if_no, unproven,
        log_odds, votes, flagged
    FROM unnest($4::bigint[], $5::int[], $6::bigint[], $7::smallint[], $8::bigint[], $9::smallint[], $10::bigint[],
                $11::bigint[], $12::bigint[], $13::bigint[], $14::int[], $15::bool[])
        AS q (subject_id, ordinal, prior_before, machine_before, prior, machine, if_yes, if_no, unproven, log_odds,
              votes, flagged)
    WHERE ordinal > 0
), votes AS (
    UPDATE card c SET bucket = q.bucket, if_yes = q.if_yes, if_no = q.if_no
    FROM unnest($16::bigint[], $17::bigint[], $18::smallint[], $19::bigint[], $20::bigint[])
        AS q (person_id, subject_id, bucket, if_yes, if_no)
    WHERE c.person_id = q.person_id AND c.workflow_id = $1 AND c.subject_id = q.subject_id
)
UPDATE stage s SET prior = q.prior, machine = q.machine, calibration = $2
FROM unnest($4::bigint[], $8::bigint[], $9::smallint[], $15::bool[]) AS q (subject_id, prior, machine, flagged)
WHERE s.workflow_id = $1 AND s.subject_id = q.subject_id AND NOT q.flagged;

-- name: flagged
-- Retired subjects that a refit has flagged and no person has looked at since, the newest first.
SELECT r.subject_id, r.calibration, t.answer, r.log_odds, r.votes, r.rescored_at
FROM rescore r JOIN stage t ON t.workflow_id = r.workflow_id AND t.subject_id = r.subject_id
WHERE r.workflow_id = $1 AND r.flagged AND t.state = 2 AND t.reason <> 6
ORDER BY r.rescored_at DESC, r.subject_id
LIMIT $2;

-- name: disputed
-- Retired subjects whose audit is over and has reached the bound of the other answer; nothing has flipped them.
SELECT subject_id, answer, audit, audit_count, retired_at
FROM stage
WHERE workflow_id = $1 AND state = 2 AND reason <> 6 AND audit_open = 0 AND audit_count > 0
  AND (answer = 0 AND audit >= $2::bigint OR answer = 1 AND audit <= -($3::bigint))
ORDER BY abs(audit) DESC, subject_id
LIMIT $4;
