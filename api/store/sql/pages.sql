-- The pages of projects, and what a list of projects shows of each.

-- name: read
-- One row for a project without pages, with nothing in it; none for a project that is not there.
SELECT g.name, g.markdown, g.pictures::text
FROM project p LEFT JOIN project_page g ON g.project_id = p.id
WHERE p.slug = $1 AND (p.visibility <> 'private' OR $2::int[] IS NULL OR p.id = ANY($2))
ORDER BY g.name;

-- name: find
-- A project, and the workflows of the version in force by name.
SELECT p.id, ARRAY(SELECT name FROM cascade_version v, jsonb_object_keys(v.workflow_ids) AS name
                   WHERE v.id = p.version_id ORDER BY name)
FROM project p WHERE p.slug = $1;

-- name: write
-- Pages that are there as they are given stay untouched, and are not returned.
INSERT INTO project_page AS g (project_id, name, markdown, pictures, summary, picture)
SELECT $1, q.name, q.markdown, q.pictures::jsonb, q.summary, q.picture
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS q (name, markdown, pictures, summary, picture)
ORDER BY q.name
ON CONFLICT (project_id, name) DO UPDATE
    SET markdown = excluded.markdown, pictures = excluded.pictures, summary = excluded.summary,
        picture = excluded.picture, set_at = now()
    WHERE (g.markdown, g.pictures, g.summary, g.picture)
        IS DISTINCT FROM (excluded.markdown, excluded.pictures, excluded.summary, excluded.picture)
RETURNING g.name, xmax = 0 AS new;

-- name: remove
DELETE FROM project_page WHERE project_id = $1 AND name = $2 RETURNING name;

-- name: faces
-- All projects that are public or among $2, or one: title, version, and what its about page begins with. Without a picture there, the first one of
-- the lowest-numbered subject that is no gold, among the first 5,000: subjects come in their order from the index
-- subject_in_order and each is asked in turn: 0.2 ms for a project, 7 ms for one that begins with 5,000 of gold.
SELECT p.slug, p.title, a.summary, coalesce(a.pictures -> a.picture, s.picture)::text
FROM project p
LEFT JOIN project_page a ON a.project_id = p.id AND a.name = 'about'
LEFT JOIN LATERAL (
    SELECT f.id
    FROM (SELECT id FROM subject WHERE project_id = p.id ORDER BY project_id, id LIMIT 5000) f
    WHERE a.picture IS NULL
      AND (SELECT 1 FROM gold_standard g WHERE g.subject_id = f.id AND g.current LIMIT 1) IS NULL
      AND (SELECT 1 FROM location l WHERE l.subject_id = f.id LIMIT 1) IS NOT NULL
    LIMIT 1
) first ON true
LEFT JOIN LATERAL (
    SELECT jsonb_build_object('digest', l.digest, 'blurhash', l.blurhash, 'variants', l.variants) AS picture
    FROM location l WHERE l.subject_id = first.id ORDER BY l.ordinal LIMIT 1
) s ON true
WHERE CASE WHEN $1::int IS NULL THEN p.visibility = 'public' OR p.id = ANY($2::int[]) ELSE p.id = $1 END
ORDER BY p.slug;
