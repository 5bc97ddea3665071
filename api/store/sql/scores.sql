-- The statements that bring machine scores in, over batches of one project.

-- name: numbers_of
-- The places and numbers of subjects that are named by external id; a number never changes.
SELECT q.n, s.id
FROM unnest($2::text[]) WITH ORDINALITY AS q (external_id, n)
JOIN subject s ON s.project_id = $1 AND s.external_id = q.external_id;

-- name: write
-- A score is a new revision where value or model differ.
WITH given AS MATERIALIZED (
    SELECT s.id, q.n, q.value
    FROM unnest($4::bigint[], $5::bigint[], $6::float8[]) AS q (n, number, value)
    JOIN subject s ON s.project_id = $1 AND s.id = q.number
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
), written AS (
    INSERT INTO score (subject_id, name, value, model)
    SELECT id, $2::text, value, $3::text FROM given ORDER BY id
    ON CONFLICT (subject_id, name) DO UPDATE
        SET value = excluded.value, model = excluded.model, revision = score.revision + 1, set_at = now()
        WHERE (score.value, score.model) IS DISTINCT FROM (excluded.value, excluded.model)
    RETURNING subject_id, revision
)
SELECT g.n, g.id, w.revision FROM given g LEFT JOIN written w ON w.subject_id = g.id;

-- name: people_labels
-- The last decisions on subjects whose scrambled draw leaves them to people alone.
SELECT t.subject_id, t.answer
FROM stage t
WHERE t.workflow_id = $1 AND t.state = 2 AND t.answer IN (0, 1)
  AND (t.draw::bigint * $2::bigint + $3::bigint) % 2147483648 < $4::float8 * 2147483648
ORDER BY t.retired_at DESC, t.subject_id
LIMIT $5;

-- name: of_name
SELECT c.subject_id, c.value, c.model
FROM score c JOIN subject s ON s.id = c.subject_id
WHERE s.project_id = $1 AND c.name = $2
ORDER BY c.subject_id;

-- name: unstaged
-- Those that have been in no workflow and are no gold: with a score they may enter the cascade.
SELECT s.id, s.metadata::text AS metadata,
       (SELECT jsonb_object_agg(c.name, jsonb_build_array(c.value, c.model)) FROM score c
        WHERE c.subject_id = s.id)::text AS scores
FROM unnest($2::bigint[]) AS q (id)
JOIN subject s ON s.id = q.id
WHERE NOT EXISTS (SELECT 1 FROM workflow w JOIN stage t ON t.workflow_id = w.id AND t.subject_id = s.id
                  WHERE w.project_id = $1)
  AND NOT EXISTS (SELECT 1 FROM gold_standard g WHERE g.subject_id = s.id AND g.current)
ORDER BY s.id;
