-- What comes from Panoptes, kept as it was given, and what goes out in its shape.

-- name: hold
-- Keep other imports into a project waiting outside; false if one is at it.
SELECT pg_try_advisory_lock(7231, $1);

-- name: begin_volunteers
-- Volunteers, each a person of its own, for the names of a source that have none yet.
WITH missing AS MATERIALIZED (
    SELECT q.name, row_number() OVER (ORDER BY q.name) AS n
    FROM unnest($3::text[]) AS q (name)
    WHERE NOT EXISTS (
        SELECT 1 FROM imported_volunteer i WHERE i.project_id = $1 AND i.source = $2 AND i.name = q.name
    )
), persons AS (
    INSERT INTO person (created_at) SELECT now() FROM missing RETURNING id
), numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM persons
), volunteers AS (
    INSERT INTO volunteer (person_id) SELECT id FROM numbered ORDER BY id RETURNING id, person_id
)
INSERT INTO imported_volunteer (project_id, source, name, volunteer_id)
SELECT $1, $2, m.name, v.id
FROM missing m JOIN numbered p ON p.n = m.n JOIN volunteers v ON v.person_id = p.id
ORDER BY m.name;

-- name: read_volunteers
SELECT i.name, i.volunteer_id, v.person_id
FROM imported_volunteer i JOIN volunteer v ON v.id = i.volunteer_id
WHERE i.project_id = $1 AND i.source = $2 AND i.name = ANY($3::text[]);

-- name: keep
-- Votes as they were given elsewhere: in the ledger, and in no sum. The client id decides whether one is there already.
WITH q AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::bigint[], $5::uuid[], $6::smallint[], $7::bool[],
                         $8::timestamptz[], $9::int[], $10::text[], $11::smallint[], $12::text[])
        AS q (person_id, volunteer_id, workflow_id, subject_id, client_id, answer, flag, answered_at, dwell_ms, session,
              utc_offset_minutes, language)
), claimed AS (
    INSERT INTO swipe_key (person_id, client_id, workflow_id, subject_id)
    SELECT person_id, client_id, workflow_id, subject_id FROM q ORDER BY person_id, client_id
    ON CONFLICT DO NOTHING
    RETURNING person_id, client_id
), kept AS (
    INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer,
        flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at, dwell_ms, session,
        utc_offset_minutes, language, source)
    SELECT 0, q.person_id, q.volunteer_id, q.workflow_id, q.subject_id, q.client_id, 0, q.answer, q.flag, 0, 9, 0, 0, 0,
        0, $13::int, q.answered_at, q.dwell_ms, q.session, q.utc_offset_minutes, q.language, $14::text
    FROM q JOIN claimed c ON c.person_id = q.person_id AND c.client_id = q.client_id
    RETURNING 1
)
SELECT count(*) FROM kept;

-- name: used
-- Which client ids are used, and whether their votes are carried by cards; the others are kept as imported.
SELECT q.n::int - 1 AS place, c.person_id IS NOT NULL AS counted
FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS q (person_id, client_id, n)
JOIN swipe_key k ON k.person_id = q.person_id AND k.client_id = q.client_id
LEFT JOIN card c ON c.person_id = k.person_id AND c.workflow_id = k.workflow_id AND c.subject_id = k.subject_id
    AND c.client_id = k.client_id;

-- name: read_project
SELECT id, version_id, pseudonym_key FROM project WHERE slug = $1;

-- name: export_subjects
-- The subjects of a project, once for each workflow in which they have a place, and once where they have none.
SELECT s.id, s.project_id, t.workflow_id, s.external_id, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_agg(jsonb_build_array(l.source, l.digest, l.variants -> -1 -> 0) ORDER BY l.ordinal)
                 FROM location l WHERE l.subject_id = s.id), '[]')::text AS pictures,
       coalesce(t.n_yes + t.n_no + t.n_unsure + t.u_yes + t.u_no + t.u_unsure + t.late_count + t.audit_count, 0)
           AS votes,
       t.retired_at, coalesce(t.reason, 0) AS reason, s.created_at
FROM subject s
LEFT JOIN stage t ON t.subject_id = s.id AND t.workflow_id = ANY($2::int[])
WHERE s.project_id = $1
ORDER BY s.id, t.workflow_id;

-- name: read_workflows
SELECT id FROM workflow WHERE project_id = $1 ORDER BY id;

-- name: read_versions
-- Every version of a project's cascade, and which is in force.
SELECT v.id, v.id = p.version_id AS in_force
FROM cascade_version v JOIN project p ON p.id = v.project_id
WHERE p.id = $1
ORDER BY v.number;

-- name: count_stages
-- What the workflows of a project have done so far: votes on their subjects, and the subjects that retired.
SELECT w.id, coalesce(sum(t.n_yes + t.n_no + t.n_unsure + t.u_yes + t.u_no + t.u_unsure + t.late_count
                          + t.audit_count), 0)::bigint AS votes,
       count(*) FILTER (WHERE t.state = 2) AS retired
FROM workflow w LEFT JOIN stage t ON t.workflow_id = w.id
WHERE w.project_id = $1
GROUP BY w.id;
