-- Subjects as their researchers see them.

-- name: list_subjects
SELECT s.id, s.external_id, s.metadata::text, s.ra, s.dec, NULL::float8 AS separation
FROM subject s
WHERE s.project_id = $1 AND s.id > $2
ORDER BY s.id
LIMIT $3;

-- name: cone
-- What may lie in a cone comes from ranges of HEALPix cells, by the index; what does lie in it, from the exact distance
-- (haversine, degrees: exact for the smallest, and good to the last digits up to the widest cone). OFFSET 0 keeps the
-- planner from taking the distance for the better filter and reading every subject: 24 ms of 100,000, where this is 0.1.
SELECT q.id, q.external_id, q.metadata::text, q.ra, q.dec, q.separation
FROM (
    SELECT s.id, s.external_id, s.metadata, s.ra, s.dec,
           2 * degrees(asin(least(1, sqrt(
               power(sin(radians(s.dec - $5) / 2), 2)
               + cos(radians(s.dec)) * cos(radians($5)) * power(sin(radians(s.ra - $4) / 2), 2)
           )))) AS separation
    FROM unnest($2::bigint[], $3::bigint[]) AS r (first, last)
    CROSS JOIN LATERAL (
        SELECT * FROM subject
        WHERE project_id = $1 AND healpix BETWEEN r.first AND r.last
        ORDER BY project_id, healpix OFFSET 0
    ) s
) q
WHERE q.separation <= $6
ORDER BY q.separation, q.id
LIMIT $7;
