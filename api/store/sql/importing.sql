-- The statements that bring subjects in. Arrays hold one element a row of the batch, sorted by external id.

-- name: create_project
INSERT INTO project (slug, title)
SELECT $1::text, $2::text WHERE NOT EXISTS (SELECT 1 FROM project WHERE slug = $1)
ON CONFLICT DO NOTHING;

-- name: entitle_project
UPDATE project SET title = $2 WHERE slug = $1 AND title IS DISTINCT FROM $2;

-- name: find_project
SELECT p.id, p.version_id, p.version_id IS NULL OR v.settled_at IS NOT NULL AS settled
FROM project p LEFT JOIN cascade_version v ON v.id = p.version_id
WHERE p.slug = $1;

-- name: hold_project
-- Keep a cascade from being published until this transaction has ended; other imports go on, and so does settling.
SELECT p.id, p.version_id, p.version_id IS NULL OR v.settled_at IS NOT NULL AS settled
FROM project p LEFT JOIN cascade_version v ON v.id = p.version_id
WHERE p.slug = $1
FOR SHARE OF p;

-- name: hold_project_alone
-- The same, and other imports and settling wait.
SELECT p.id, p.version_id, p.version_id IS NULL OR v.settled_at IS NOT NULL AS settled
FROM project p LEFT JOIN cascade_version v ON v.id = p.version_id
WHERE p.slug = $1
FOR NO KEY UPDATE OF p;

-- name: begin_subjects
-- Those that are there already are left out first, so that they take no number; the unique key decides a race.
INSERT INTO subject (project_id, external_id, metadata, ra, dec, healpix)
SELECT $1, q.external_id, q.metadata::jsonb, q.ra, q.dec, q.healpix
FROM unnest($2::text[], $3::text[], $4::float8[], $5::float8[], $6::bigint[]) WITH ORDINALITY
    AS q (external_id, metadata, ra, dec, healpix, n)
WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.project_id = $1 AND s.external_id = q.external_id)
ORDER BY q.n
ON CONFLICT DO NOTHING
RETURNING external_id;

-- name: lock_subjects
SELECT s.id
FROM unnest($2::text[]) AS q (external_id)
JOIN subject s ON s.project_id = $1 AND s.external_id = q.external_id
ORDER BY s.id
FOR NO KEY UPDATE OF s;

-- name: read_subjects
-- All that an import may change, as it is stored; a score and a gold standard as they are now.
SELECT s.external_id, s.id, s.metadata::text AS metadata,
       coalesce((SELECT jsonb_agg(jsonb_build_array(l.digest, l.mime, l.width, l.height, l.blurhash, l.variants,
                                                    l.source, l.sky, l.video)
                                  ORDER BY l.ordinal)
                 FROM location l WHERE l.subject_id = s.id), '[]')::text AS locations,
       coalesce((SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
                 WHERE c.subject_id = s.id), '{}')::text
           AS scores,
       coalesce((SELECT jsonb_object_agg(g.workflow, jsonb_build_array(g.truth, g.explanation))
                 FROM gold_standard g WHERE g.subject_id = s.id AND g.current), '{}')::text AS gold,
       EXISTS (SELECT 1 FROM workflow w JOIN stage t ON t.workflow_id = w.id AND t.subject_id = s.id
               WHERE w.project_id = $1) AS staged,
       s.ra, s.dec
FROM unnest($2::text[]) AS q (external_id)
JOIN subject s ON s.project_id = $1 AND s.external_id = q.external_id;

-- name: known_sources
SELECT s.external_id, (SELECT array_agg(l.source ORDER BY l.ordinal) FROM location l WHERE l.subject_id = s.id)
FROM project p JOIN unnest($2::text[]) AS q (external_id) ON true
JOIN subject s ON s.project_id = p.id AND s.external_id = q.external_id
WHERE p.slug = $1 AND EXISTS (SELECT 1 FROM location l WHERE l.subject_id = s.id);

-- name: write_metadata
UPDATE subject s SET metadata = q.metadata::jsonb
FROM unnest($1::bigint[], $2::text[]) AS q (subject_id, metadata)
WHERE s.id = q.subject_id;

-- name: write_positions
UPDATE subject s SET ra = q.ra, dec = q.dec, healpix = q.healpix
FROM unnest($1::bigint[], $2::float8[], $3::float8[], $4::bigint[]) AS q (subject_id, ra, dec, healpix)
WHERE s.id = q.subject_id;

-- name: forget_locations
DELETE FROM location WHERE subject_id = ANY($1::bigint[]);

-- name: write_locations
INSERT INTO location (subject_id, ordinal, digest, mime, width, height, blurhash, variants, source, sky, video)
SELECT subject_id, ordinal, digest, mime, width, height, blurhash, variants::jsonb, source, sky::jsonb, video::jsonb
FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[])
    AS q (subject_id, ordinal, digest, mime, width, height, blurhash, variants, source, sky, video);

-- name: write_scores
-- Where the model is not given it is not known: another value is not the old model's.
INSERT INTO score (subject_id, name, value, model)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::float8[], $4::text[]) AS q (subject_id, name, value, model)
ON CONFLICT (subject_id, name) DO UPDATE
    SET value = excluded.value, model = excluded.model, revision = score.revision + 1, set_at = now();

-- name: retire_gold
UPDATE gold_standard g SET current = false
FROM unnest($1::bigint[], $2::text[]) AS q (subject_id, workflow)
WHERE g.subject_id = q.subject_id AND g.workflow = q.workflow AND g.current;

-- name: write_gold
INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, explanation, draw)
SELECT q.subject_id, q.workflow,
       1 + coalesce((SELECT max(g.revision) FROM gold_standard g
                     WHERE g.subject_id = q.subject_id AND g.workflow = q.workflow), 0),
       $1, q.truth, q.explanation, q.draw
FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::int[])
    AS q (subject_id, workflow, truth, explanation, draw);

-- name: lock_stages
-- Lock every stage of subjects that become training material, in the order in which votes lock them.
SELECT t.workflow_id, t.subject_id
FROM workflow w JOIN stage t ON t.workflow_id = w.id AND t.subject_id = ANY($2::bigint[])
WHERE w.project_id = $1
ORDER BY t.workflow_id, t.subject_id
FOR NO KEY UPDATE OF t;

-- name: withdraw_stages
-- Take locked stages out of the piles, audits too, and withdraw those that are not decided.
WITH q AS MATERIALIZED (
    SELECT t.workflow_id, t.subject_id, t.draw, t.state
    FROM unnest($1::int[], $2::bigint[]) AS k (workflow_id, subject_id)
    JOIN stage t ON t.workflow_id = k.workflow_id AND t.subject_id = k.subject_id
), gone AS (
    DELETE FROM dealable d USING q
    WHERE d.workflow_id = q.workflow_id AND d.tier = ANY('{0,1,2,3}'::smallint[]) AND d.draw = q.draw
      AND d.subject_id = q.subject_id
)
UPDATE stage t SET state = 3, need = 0 FROM q
WHERE t.workflow_id = q.workflow_id AND t.subject_id = q.subject_id AND q.state < 2
RETURNING t.subject_id;
