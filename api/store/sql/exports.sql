-- Exports: what a project holds, for COPY, which takes no parameters: the values stand in the text (see exports.py).

-- name: project
-- A project with the key of its pseudonyms.
SELECT id, slug, title, pseudonym_key FROM project WHERE slug = $1 AND (visibility <> 'private' OR $2::int[] IS NULL OR id = ANY($2));

-- name: horizon
-- The moment before which every transaction that could write a vote has ended. A vote arrives when its transaction
-- begins, and a transaction is seen here a little after it began; exports and backups, which are long, write nothing.
SELECT clock_timestamp() AS now, least(min(xact_start), clock_timestamp()) - interval '100 ms' AS horizon
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name NOT IN ('chaffinch-export', 'chaffinch-backup', 'pg_dump');

-- name: versions
SELECT v.id, v.number, v.digest, v.declaration, v.workflow_ids::text AS workflow_ids, v.published_at
FROM cascade_version v WHERE v.project_id = $1 ORDER BY v.number;

-- name: workflows
SELECT id, name FROM workflow WHERE project_id = $1 ORDER BY id;

-- name: archived_months
-- Months of the ledger that have left the database and hold something of the time asked for.
SELECT month, path, rows, sha256 FROM archived_month
WHERE month >= date_trunc('month', $1 AT TIME ZONE 'UTC')::date AND month < $2 AT TIME ZONE 'UTC'
ORDER BY month;

-- name: votes
-- The ledger of some workflows from a moment to another and beyond a place, in the order of the cursor. Why a vote was
-- taken out since (0: it was not) is looked up in the few keys that were, not in all.
SELECT c.kind, c.client_id, c.person_id, c.volunteer_id, c.workflow_id, c.subject_id, s.external_id, c.answer, c.flag,
       c.truth, c.bucket, c.exclusion, coalesce(k.exclusion, 0)::smallint AS taken_out, c.ordinal, c.if_yes, c.if_no,
       c.skill_revision, c.version_id, c.calibration, c.attempt, c.received_at, c.answered_at, c.dwell_ms, c.source,
       c.session, c.language, c.utc_offset_minutes
FROM classification c
JOIN subject s ON s.id = c.subject_id
LEFT JOIN (SELECT coalesce(ledger_person_id, person_id) AS person_id, client_id, coalesce(exclusion, 6) AS exclusion
           FROM swipe_key WHERE retracted_at IS NOT NULL) k
    ON k.person_id = c.person_id AND k.client_id = c.client_id
WHERE c.workflow_id = ANY($1::int[]) AND c.received_at >= $2 AND c.received_at < $3
  AND (c.received_at, c.workflow_id, c.subject_id, c.ordinal, c.kind, c.client_id) > ($4, $5, $6, $7, $8, $9)
ORDER BY c.received_at, c.workflow_id, c.subject_id, c.ordinal, c.kind, c.client_id
LIMIT $10;

-- name: names_of
-- The external ids of some subjects.
SELECT id, external_id FROM subject WHERE id = ANY($1::bigint[]);

-- name: taken_out_of
-- The votes of some persons, as the ledger knows them, that were taken out, and why.
SELECT coalesce(k.ledger_person_id, k.person_id) AS person_id, k.client_id,
       coalesce(k.exclusion, 6)::smallint AS exclusion
FROM swipe_key k
WHERE k.retracted_at IS NOT NULL
  AND k.person_id IN (SELECT unnest($1::bigint[])
                      UNION ALL SELECT into_person_id FROM person_merge WHERE from_person_id = ANY($1::bigint[]));

-- name: newest_labels
-- The newest revision of every label of a project, by workflow and subject.
SELECT l.revision, l.subject_id, s.external_id, l.workflow_id, l.version_id, l.answer, l.reason, l.log_odds, l.votes,
       t.excluded, t.late_count, l.machine_score, l.calibration, t.first_vote_at, t.last_vote_at, t.retired_at,
       l.retired_at AS made_at, l.routed_to, l.author, l.why, t.prior, t.decided_ordinal, o.position, s.ra, s.dec
FROM label l
JOIN stage t ON t.workflow_id = l.workflow_id AND t.subject_id = l.subject_id AND t.revision = l.revision
JOIN subject s ON s.id = l.subject_id
LEFT JOIN outbox o ON o.project_id = $1 AND o.kind IN ('subject.retired', 'label.revised')
    AND o.workflow_id = l.workflow_id AND o.subject_id = l.subject_id AND o.revision = l.revision
WHERE l.workflow_id = ANY($2::int[])
ORDER BY l.workflow_id, l.subject_id;

-- name: announced_labels
-- Every revision of the labels of a project in the order of their announcement, after a position.
SELECT l.revision, l.subject_id, s.external_id, l.workflow_id, l.version_id, l.answer, l.reason, l.log_odds, l.votes,
       t.excluded, t.late_count, l.machine_score, l.calibration, t.first_vote_at, t.last_vote_at, t.retired_at,
       l.retired_at AS made_at, l.routed_to, l.author, l.why, t.prior, t.decided_ordinal, o.position, s.ra, s.dec
FROM outbox o
JOIN label l ON l.workflow_id = o.workflow_id AND l.subject_id = o.subject_id AND l.revision = o.revision
JOIN stage t ON t.workflow_id = l.workflow_id AND t.subject_id = l.subject_id
JOIN subject s ON s.id = l.subject_id
WHERE o.project_id = $1 AND o.kind IN ('subject.retired', 'label.revised') AND o.position > $2
ORDER BY o.position
LIMIT $3;

-- name: last_position
SELECT coalesce(max(position), 0) AS position FROM outbox WHERE project_id = $1 AND position IS NOT NULL;

-- name: subjects
-- Subjects of a project with all that hangs on them, by number, after one.
SELECT s.id, s.external_id, s.ra, s.dec, s.healpix, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_object_agg(g.workflow, CASE g.truth WHEN 1 THEN 'yes' ELSE 'no' END)
                 FROM gold_standard g WHERE g.subject_id = s.id AND g.current), '{}')::text AS gold,
       coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_object(
                            'value', c.value, 'model', c.model, 'revision', c.revision))
                 FROM score c WHERE c.subject_id = s.id), '{}')::text AS scores,
       coalesce((SELECT jsonb_agg(jsonb_build_object(
                            'workflow', t.workflow_id, 'state', t.state, 'answer', t.answer, 'reason', t.reason)
                        ORDER BY t.workflow_id)
                 FROM stage t WHERE t.workflow_id = ANY($2::int[]) AND t.subject_id = s.id), '[]')::text AS stages,
       coalesce((SELECT jsonb_agg(jsonb_build_object(
                            'sha256', l.digest, 'source', l.source, 'mime', l.mime, 'width', l.width,
                            'height', l.height) ORDER BY l.ordinal)
                 FROM location l WHERE l.subject_id = s.id), '[]')::text AS locations,
       s.created_at
FROM subject s
WHERE s.project_id = $1 AND s.id > $3
ORDER BY s.id
LIMIT $4;

-- name: questions
-- What the workflows of a project ask, all editions of them.
SELECT id, name, question FROM workflow WHERE project_id = $1 ORDER BY id;

-- name: metadata_of
-- What is known of some subjects.
SELECT id, external_id, metadata::text AS metadata FROM subject WHERE id = ANY($1::bigint[]);

-- name: retired_of
-- How some subjects retired from some workflows, with the votes that their stages know of.
SELECT workflow_id, subject_id, reason, entered_at, last_vote_at, retired_at,
       n_yes + n_no + n_unsure + u_yes + u_no + u_unsure + late_count + audit_count AS votes
FROM stage
WHERE workflow_id = ANY($1::int[]) AND subject_id = ANY($2::bigint[]) AND retired_at IS NOT NULL;
