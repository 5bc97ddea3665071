-- The statements that take votes back.

-- name: hold_person
-- Who a person turned out to be; nobody turns out to be another one until the transaction ends.
SELECT count(*) FROM (SELECT FROM person WHERE id = $1 FOR KEY SHARE) held;

-- name: successor
SELECT coalesce((SELECT into_person_id FROM person_merge WHERE from_person_id = $1), $1);

-- name: read_keys
-- What the client ids stand for.
SELECT q.n::int, k.workflow_id, k.subject_id, k.retracted_at IS NOT NULL AS retracted, coalesce(k.exclusion, 6)
FROM unnest($2::uuid[]) WITH ORDINALITY AS q (client_id, n)
JOIN swipe_key k ON k.person_id = $1 AND k.client_id = q.client_id;

-- name: lock_voted_cards
-- Lock the cards that carry the votes, in sorted order, with everything that the votes did.
SELECT q.n::int, c.attempt, c.client_id, c.answer, c.bucket, c.if_yes, c.if_no, c.flag, c.truth, c.volunteer_id,
       coalesce(c.ledger_person_id, c.person_id), c.received_at < now() - $4::interval AS settled,
       coalesce((SELECT project_id FROM workflow WHERE id = c.workflow_id) <> $5::int, false) AS elsewhere
FROM unnest($2::int[], $3::bigint[]) WITH ORDINALITY AS q (workflow_id, subject_id, n)
JOIN card c ON c.person_id = $1 AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
ORDER BY c.workflow_id, c.subject_id
FOR NO KEY UPDATE OF c;

-- name: write_retractions
-- Open the cards for another attempt, mark the client ids, and write the ledger: under the person of the vote.
WITH q AS MATERIALIZED (
    SELECT * FROM unnest($2::bigint[], $3::int[], $4::bigint[], $5::uuid[], $6::smallint[], $7::smallint[], $8::bool[],
                         $9::smallint[], $10::int[], $11::bigint[], $12::bigint[], $13::int[],
                         $14::int[], $15::bigint[])
        AS q (volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag, bucket, ordinal, if_yes, if_no,
              version_id, calibration, ledger_person_id)
), cards AS (
    UPDATE card c SET client_id = NULL, attempt = least(c.attempt + 1, 32767), answer = NULL, exclusion = NULL,
        bucket = NULL, ordinal = NULL, if_yes = NULL, if_no = NULL, flag = NULL, received_at = NULL,
        ledger_person_id = NULL
    FROM q
    WHERE c.person_id = $1 AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
), keys AS (
    UPDATE swipe_key k SET retracted_at = now()
    FROM q
    WHERE k.person_id = $1 AND k.client_id = q.client_id
)
INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag,
    bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, calibration, answered_at, dwell_ms,
    source)
SELECT 1, ledger_person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag, bucket, 6,
    ordinal, if_yes, if_no, 0, version_id, calibration, now(), 0, $16
FROM q;

-- name: leave_tombstones
-- Remember retractions of votes that have not arrived; returns those that have arrived meanwhile by leaving them out.
INSERT INTO swipe_key (person_id, client_id, retracted_at)
SELECT $1, client_id, now() FROM unnest($2::uuid[]) AS q (client_id) ORDER BY client_id
ON CONFLICT DO NOTHING
RETURNING client_id;
