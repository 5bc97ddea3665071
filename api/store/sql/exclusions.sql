-- The statements that take votes out of the sums for a reason that is not the person's own.

-- name: write_exclusions
-- Let the cards say why their votes do not count, mark the client ids, and write the ledger.
WITH q AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::uuid[], $7::smallint[],
                         $8::smallint[], $9::bool[], $10::smallint[], $11::int[], $12::bigint[], $13::bigint[],
                         $14::smallint[], $15::timestamptz[], $16::int[], $17::int[], $18::int[])
        AS q (person_id, ledger_person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag,
              bucket, ordinal, if_yes, if_no, truth, voted_at, skill_revision, version_id, calibration)
), cards AS (
    UPDATE card c SET exclusion = $19::smallint, bucket = 0
    FROM q
    WHERE c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
), keys AS (
    UPDATE swipe_key k SET retracted_at = now(), exclusion = $19::smallint, voted_at = q.voted_at
    FROM q
    WHERE k.person_id = q.person_id AND k.client_id = q.client_id
)
INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag,
    bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, calibration, answered_at, dwell_ms, source,
    truth)
SELECT 1, ledger_person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag, bucket,
    $19::smallint, ordinal, if_yes, if_no, skill_revision, version_id, calibration, now(), 0, $20::text, truth
FROM q;
