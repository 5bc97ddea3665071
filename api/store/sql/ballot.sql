-- The statements of the transaction that counts votes, in the order in which it runs them.
-- Every one is set-based: their number does not depend on the size of the batch.

-- name: lock_cards
-- Lock the cards of a batch in sorted order; what was never dealt has no row here.
SELECT q.n::int, c.gold, c.attempt, c.accepted_until < now() AS expired, c.client_id, c.answer, c.exclusion, c.truth
FROM unnest($1::bigint[], $2::int[], $3::bigint[]) WITH ORDINALITY AS q (person_id, workflow_id, subject_id, n)
JOIN card c ON c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
ORDER BY c.person_id, c.workflow_id, c.subject_id
FOR NO KEY UPDATE OF c;

-- name: claim_keys_and_read_contexts
-- Claim the client ids, and read what each (person, workflow) may do and has shown, and the calibrations in force in
-- its project: also those of the workflows that its subjects may go on to.
WITH claimed AS (
    INSERT INTO swipe_key (person_id, client_id, workflow_id, subject_id)
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::int[], $4::bigint[]) AS k (person_id, client_id, w, s)
    ORDER BY k.person_id, k.client_id
    ON CONFLICT DO NOTHING
    RETURNING 1
), calibrated AS MATERIALIZED (
    SELECT w.project_id, array_agg(w.id ORDER BY w.id) AS ids, array_agg(w.calibration ORDER BY w.id) AS revisions
    FROM workflow w
    WHERE w.project_id IN (SELECT project_id FROM workflow WHERE id = ANY($6::int[])) AND w.calibration > 0
    GROUP BY w.project_id
)
SELECT (SELECT count(*) FROM claimed) AS claimed, w.project_id, w.closed_at IS NOT NULL AS closed, p.version_id,
       coalesce(l.level, 1) AS level, b.id IS NOT NULL AS banned, coalesce(s.revision, 0) AS revision,
       coalesce(s.no_no, 0) AS no_no, coalesce(s.no_yes, 0) AS no_yes, coalesce(s.no_unsure, 0) AS no_unsure,
       coalesce(s.yes_no, 0) AS yes_no, coalesce(s.yes_yes, 0) AS yes_yes, coalesce(s.yes_unsure, 0) AS yes_unsure,
       coalesce(s.b_no_no, 0) AS b_no_no, coalesce(s.b_no_yes, 0) AS b_no_yes, coalesce(s.b_no_unsure, 0) AS b_no_unsure,
       coalesce(s.b_yes_no, 0) AS b_yes_no, coalesce(s.b_yes_yes, 0) AS b_yes_yes,
       coalesce(s.b_yes_unsure, 0) AS b_yes_unsure, coalesce(s.drops, 0) AS drops, f.ids, f.revisions
FROM unnest($5::bigint[], $6::int[]) WITH ORDINALITY AS q (person_id, workflow_id, n)
JOIN workflow w ON w.id = q.workflow_id
JOIN project p ON p.id = w.project_id
LEFT JOIN calibrated f ON f.project_id = w.project_id
LEFT JOIN LATERAL (SELECT max(level) AS level FROM level_grant
                   WHERE person_id = q.person_id AND project_id = w.project_id
                     AND (ends_at IS NULL OR ends_at > now())) l ON true
LEFT JOIN ban b ON b.person_id = q.person_id AND b.project_id = w.project_id AND b.lifted_at IS NULL
               AND (b.until IS NULL OR b.until > now())
LEFT JOIN skill s ON s.person_id = q.person_id AND s.workflow_id = q.workflow_id
ORDER BY q.n;

-- name: read_keys
-- What stands behind client ids that could not be claimed.
SELECT q.n::int, k.workflow_id, k.subject_id, k.retracted_at IS NOT NULL AS retracted
FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS q (person_id, client_id, n)
JOIN swipe_key k ON k.person_id = q.person_id AND k.client_id = q.client_id;

-- name: bind_tombstones
-- A vote has arrived after its retraction: its client id now names its card.
UPDATE swipe_key k SET workflow_id = q.workflow_id, subject_id = q.subject_id
FROM unnest($1::bigint[], $2::uuid[], $3::int[], $4::bigint[]) AS q (person_id, client_id, workflow_id, subject_id)
WHERE k.person_id = q.person_id AND k.client_id = q.client_id;

-- name: lock_skills
-- Lock the skills of those who voted on gold, in sorted order.
SELECT q.n::int, s.revision, s.no_no, s.no_yes, s.no_unsure, s.yes_no, s.yes_yes, s.yes_unsure, s.cusum, s.drops
FROM unnest($1::bigint[], $2::int[]) WITH ORDINALITY AS q (person_id, workflow_id, n)
JOIN skill s ON s.person_id = q.person_id AND s.workflow_id = q.workflow_id
ORDER BY s.person_id, s.workflow_id
FOR NO KEY UPDATE OF s;

-- name: read_gold
-- The sealed answers of cards that are gold, with what to tell the volunteer afterwards.
SELECT q.n::int, g.truth, g.explanation
FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS q (workflow_id, subject_id, n)
JOIN workflow w ON w.id = q.workflow_id
JOIN gold_standard g ON g.subject_id = q.subject_id AND g.workflow = w.name AND g.current;

-- name: lock_stages
-- Lock the subjects that are voted on, in sorted order; the columns are those of cascade.decision.STANDING.
SELECT q.n::int, s.state, s.answer, s.reason, s.prior, s.machine, s.if_yes, s.if_no, s.n_yes, s.n_no, s.n_unsure,
       s.unproven, s.u_yes, s.u_no, s.u_unsure, s.flags, s.late, s.late_count, s.audit, s.audit_count, s.audit_open,
       s.ordinal, s.decided_ordinal, s.draw, s.revision
FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS q (workflow_id, subject_id, n)
JOIN stage s ON s.workflow_id = q.workflow_id AND s.subject_id = q.subject_id
ORDER BY s.workflow_id, s.subject_id
FOR NO KEY UPDATE OF s;

-- name: write_ballot
-- Write a batch: cards, ledger, skills, favourites, in one statement, and whose levels are to be judged by it.
WITH q AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::smallint[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::uuid[], $7::smallint[],
        $8::smallint[], $9::bool[], $10::smallint[], $11::smallint[], $12::int[], $13::bigint[], $14::bigint[],
        $15::int[], $16::int[], $17::int[], $18::timestamptz[], $19::int[], $20::text[], $21::smallint[],
        $22::text[], $23::text[], $24::smallint[], $25::bool[]
    ) AS q (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag, bucket,
            exclusion, ordinal, if_yes, if_no, skill_revision, version_id, calibration, answered_at, dwell_ms, session,
            utc_offset_minutes, language, source, truth, favourite)
), cards AS (
    -- A vote that counts for something fills its card; one that was taken back leaves it open for another attempt.
    UPDATE card c SET
        client_id = CASE WHEN q.exclusion = 6 THEN c.client_id ELSE q.client_id END,
        attempt = CASE WHEN q.exclusion = 6 THEN least(c.attempt + 1, 32767) ELSE c.attempt END,
        answer = q.answer, exclusion = q.exclusion, bucket = q.bucket, ordinal = q.ordinal, if_yes = q.if_yes,
        if_no = q.if_no, flag = q.flag, truth = q.truth, received_at = now()
    FROM q
    WHERE c.person_id = q.person_id AND c.workflow_id = q.workflow_id AND c.subject_id = q.subject_id
), ledger AS (
    INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer,
        flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, calibration, answered_at,
        dwell_ms, session, utc_offset_minutes, language, source, truth)
    SELECT kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer, flag, bucket,
        exclusion, ordinal, if_yes, if_no, skill_revision, version_id, calibration, answered_at, dwell_ms, session,
        utc_offset_minutes, language, source, truth
    FROM q
), favourites AS (
    INSERT INTO favourite (person_id, subject_id)
    SELECT DISTINCT person_id, subject_id FROM q WHERE favourite ORDER BY person_id, subject_id
    ON CONFLICT DO NOTHING
), skills AS (
    UPDATE skill s SET revision = k.revision, no_no = k.no_no, no_yes = k.no_yes, no_unsure = k.no_unsure,
        yes_no = k.yes_no, yes_yes = k.yes_yes, yes_unsure = k.yes_unsure, cusum = k.cusum, drops = k.drops,
        informedness = k.informedness
    FROM unnest($26::bigint[], $27::int[], $28::int[], $29::int[], $30::int[], $31::int[], $32::int[], $33::int[],
                $34::int[], $35::bigint[], $36::int[], $37::bigint[])
        AS k (person_id, workflow_id, revision, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure, cusum, drops,
              informedness)
    WHERE s.person_id = k.person_id AND s.workflow_id = k.workflow_id
), checks AS (
    INSERT INTO level_check (project_id, person_id)
    SELECT c.project_id, c.person_id FROM unnest($38::int[], $39::bigint[]) AS c (project_id, person_id)
    ORDER BY c.project_id, c.person_id
    ON CONFLICT (project_id, person_id) DO UPDATE SET since = now(), taken_until = NULL
)
SELECT 1;

-- name: write_stages
-- Write the sums, the states and the needs of the subjects that were locked.
UPDATE stage s SET
    state = q.state, answer = q.answer, reason = q.reason, if_yes = q.if_yes, if_no = q.if_no, n_yes = q.n_yes,
    n_no = q.n_no, n_unsure = q.n_unsure, unproven = q.unproven, u_yes = q.u_yes, u_no = q.u_no,
    u_unsure = q.u_unsure, flags = q.flags, late = q.late, late_count = q.late_count, audit = q.audit,
    audit_count = q.audit_count, audit_open = q.audit_open, ordinal = q.ordinal, decided_ordinal = q.decided_ordinal,
    need = q.need, in_flight = greatest(s.in_flight - q.landed, 0), excluded = s.excluded + q.excluded,
    revision = s.revision + q.retired,
    version_id = CASE WHEN q.retired = 1 THEN q.version_id ELSE s.version_id END,
    first_vote_at = CASE WHEN q.landed > 0 THEN coalesce(s.first_vote_at, now()) ELSE s.first_vote_at END,
    last_vote_at = CASE WHEN q.landed > 0 THEN now() ELSE s.last_vote_at END,
    retired_at = CASE WHEN q.retired = 1 THEN now() ELSE s.retired_at END
FROM unnest(
    $1::int[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::bigint[], $7::bigint[], $8::int[],
    $9::int[], $10::int[], $11::bigint[], $12::int[], $13::int[], $14::int[], $15::int[], $16::bigint[], $17::int[],
    $18::bigint[], $19::int[], $20::smallint[], $21::int[], $22::int[], $23::smallint[], $24::smallint[], $25::int[],
    $26::int[], $27::int[]
) AS q (workflow_id, subject_id, state, answer, reason, if_yes, if_no, n_yes, n_no, n_unsure, unproven, u_yes, u_no,
        u_unsure, flags, late, late_count, audit, audit_count, audit_open, ordinal, decided_ordinal, need, landed,
        excluded, retired, version_id)
WHERE s.workflow_id = q.workflow_id AND s.subject_id = q.subject_id;

-- name: read_attributes
-- What the conditions of a cascade look at.
SELECT q.subject_id, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
                 WHERE c.subject_id = q.subject_id), '{}')::text
           AS scores
FROM unnest($1::bigint[]) AS q (subject_id)
JOIN subject s ON s.id = q.subject_id;

-- name: follow_up
-- What follows from decisions: stages leave piles and come to others, labels are written and announced, and subjects
-- begin their next stages; one that exists already is left as it is. What has become gold is not audited. A subject
-- that comes from another workflow (left_id, by that revision of its label) has moved on, which is announced too.
WITH gone AS (
    DELETE FROM dealable d
    USING unnest($1::int[], $2::smallint[], $3::int[], $4::bigint[]) AS q (workflow_id, tier, draw, subject_id)
    WHERE d.workflow_id = q.workflow_id AND d.tier = q.tier AND d.draw = q.draw AND d.subject_id = q.subject_id
), come AS (
    INSERT INTO dealable (workflow_id, tier, draw, subject_id)
    SELECT * FROM unnest($5::int[], $6::smallint[], $7::int[], $8::bigint[]) AS q (workflow_id, tier, draw, subject_id)
    WHERE q.tier < 3 OR (SELECT 1 FROM gold_standard WHERE subject_id = q.subject_id AND current LIMIT 1) IS NULL
    ON CONFLICT DO NOTHING
), labels AS (
    INSERT INTO label (workflow_id, subject_id, revision, project_id, answer, reason, log_odds, votes, version_id,
        routed_to, machine_score, calibration)
    SELECT q.workflow_id, q.subject_id, q.revision, q.project_id, q.answer, q.reason, q.log_odds, q.votes,
        q.version_id, q.routed_to, q.machine_score, q.calibration
    FROM unnest($9::int[], $10::bigint[], $11::int[], $12::int[], $13::smallint[], $14::smallint[], $15::bigint[],
                $16::int[], $17::int[], $18::text[], $19::float8[], $20::int[])
        AS q (workflow_id, subject_id, revision, project_id, answer, reason, log_odds, votes, version_id, routed_to,
              machine_score, calibration)
    RETURNING project_id, workflow_id, subject_id, revision
), arriving AS MATERIALIZED (
    SELECT * FROM unnest($21::int[], $22::bigint[], $23::bigint[], $24::smallint[], $25::int[], $26::smallint[],
                         $27::int[], $28::int[], $29::int[], $30::int[], $31::int[])
        AS q (workflow_id, subject_id, prior, machine, draw, need, version_id, calibration, project_id, left_id,
              revision)
), entered AS (
    INSERT INTO stage (workflow_id, subject_id, prior, machine, draw, need, version_id, calibration)
    SELECT workflow_id, subject_id, prior, machine, draw, need, version_id, calibration FROM arriving
    ORDER BY workflow_id, subject_id
    ON CONFLICT DO NOTHING
    RETURNING workflow_id, subject_id, draw, machine, prior
), moving AS (
    SELECT DISTINCT ON (a.subject_id, a.workflow_id) a.project_id, a.left_id, a.subject_id, a.revision, w.name
    FROM (SELECT * FROM arriving WHERE left_id IS NOT NULL) a
    JOIN entered e ON e.workflow_id = a.workflow_id AND e.subject_id = a.subject_id
    JOIN workflow w ON w.id = a.workflow_id
    ORDER BY a.subject_id, a.workflow_id, a.left_id
), announced AS (
    INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision, detail)
    SELECT project_id, kind, workflow_id, subject_id, revision, detail
    FROM (
        SELECT 1 AS place, project_id, 'subject.retired' AS kind, workflow_id, subject_id, revision,
               NULL::jsonb AS detail
        FROM labels
        UNION ALL
        SELECT 2, project_id, 'subject.moved_on', left_id, subject_id, revision, jsonb_build_object('to', name)
        FROM moving
    ) happened
    ORDER BY place
)
INSERT INTO dealable (workflow_id, tier, draw, subject_id)
SELECT workflow_id, CASE WHEN machine = 1 AND prior > 0 THEN 1 ELSE 0 END, draw, subject_id FROM entered;
