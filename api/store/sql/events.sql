-- Events: what is read of the outbox.

-- name: find_project
SELECT id, slug, pseudonym_key FROM project WHERE slug = $1 AND (visibility <> 'private' OR $2::int[] IS NULL OR id = ANY($2));

-- name: project_of
SELECT id, slug, pseudonym_key FROM project WHERE id = $1;

-- name: page
-- A project's events after a position, up to $3 of them and up to the position $6: of the kinds $4 (or all), and with
-- $5 only those of subjects with a place in the sky. Each row begins with the highest position of the project that this
-- statement sees, and there is a row of nothing else when there are no events.
WITH page AS MATERIALIZED (
    SELECT o.position, o.kind, o.created_at, o.workflow_id, o.subject_id, o.revision, o.volunteer_id, o.detail
    FROM outbox o
    WHERE o.project_id = $1 AND o.position > $2 AND ($6::bigint IS NULL OR o.position <= $6)
      AND ($4::text[] IS NULL OR o.kind = ANY($4))
      AND (NOT $5::bool OR EXISTS (SELECT 1 FROM subject s WHERE s.id = o.subject_id AND s.ra IS NOT NULL))
    ORDER BY o.position
    LIMIT $3
)
SELECT latest.position AS latest, p.position, p.kind, p.created_at, p.workflow_id, w.name AS workflow_name,
       w.question, p.subject_id, s.external_id, s.ra, s.dec, p.volunteer_id, p.detail,
       l.revision, l.subject_id, s.external_id, l.workflow_id, w.name, v.number, l.answer, l.reason,
       l.log_odds, l.votes, t.excluded, t.late_count, l.machine_score, t.first_vote_at, t.last_vote_at, t.retired_at,
       l.retired_at AS made_at, l.routed_to, l.author, l.why
FROM (SELECT coalesce(max(position), 0) AS position FROM outbox WHERE project_id = $1) latest
LEFT JOIN page p ON true
LEFT JOIN subject s ON s.id = p.subject_id
LEFT JOIN workflow w ON w.id = p.workflow_id
LEFT JOIN (label l
           JOIN stage t ON t.workflow_id = l.workflow_id AND t.subject_id = l.subject_id
           JOIN cascade_version v ON v.id = l.version_id)
    ON l.workflow_id = p.workflow_id AND l.subject_id = p.subject_id AND l.revision = p.revision
ORDER BY p.position;
