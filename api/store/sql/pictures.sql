-- What the worker does with prepared pictures.

-- name: claim
-- Keep other workers away until this connection closes; false if one of them has claimed it.
SELECT pg_try_advisory_lock(7223);

-- name: untried
-- A round of pictures without a try, by the index location_without_avif.
SELECT l.subject_id, l.ordinal, l.digest,
       ARRAY(SELECT (v ->> 0)::int FROM jsonb_array_elements(l.variants) v) AS widths
FROM location l WHERE NOT l.avif ORDER BY l.subject_id, l.ordinal LIMIT $1;

-- name: mark_tried
UPDATE location l SET avif = true
FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS t (subject_id, ordinal, digest)
WHERE l.subject_id = t.subject_id AND l.ordinal = t.ordinal AND l.digest = t.digest;
