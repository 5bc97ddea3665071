-- What moderators see of people, and what they write down.

-- name: people
-- Volunteers of a project after one ($2), of an id ($3; 0), whose name has a part ($4; ''), who hold a level as the
-- highest ($5; 0), banned, members or candidates ($6; all). Who is asked for by their whole id or name need not have
-- taken part.
SELECT v.id
FROM volunteer v
WHERE v.id > $2 AND v.deleted_at IS NULL AND ($3::bigint = 0 OR v.id = $3)
  AND ($4::text = '' OR position($4 IN v.name_key) > 0)
  AND ($3 > 0 OR ($4 <> '' AND v.name_key = $4)
       OR EXISTS (SELECT FROM activity_day a WHERE a.person_id = v.person_id AND a.project_id = $1)
       OR EXISTS (SELECT FROM level_grant g WHERE g.person_id = v.person_id AND g.project_id = $1)
       OR EXISTS (SELECT FROM member m WHERE m.person_id = v.person_id AND m.project_id = $1)
       OR EXISTS (SELECT FROM promotion e WHERE e.person_id = v.person_id AND e.project_id = $1)
       OR EXISTS (SELECT FROM ban b WHERE b.person_id = v.person_id AND b.project_id = $1))
  AND ($5::int = 0 OR $5 = coalesce((SELECT max(g.level) FROM level_grant g
                                     WHERE g.person_id = v.person_id AND g.project_id = $1
                                       AND (g.ends_at IS NULL OR g.ends_at > now())), 1))
  AND ($6::text <> 'banned' OR EXISTS (SELECT FROM ban b WHERE b.person_id = v.person_id AND b.project_id = $1
                                         AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > now())))
  AND ($6 <> 'members' OR EXISTS (SELECT FROM member m WHERE m.person_id = v.person_id AND m.project_id = $1))
  AND ($6 <> 'candidates' OR EXISTS (SELECT FROM candidate c WHERE c.person_id = v.person_id AND c.project_id = $1))
ORDER BY v.id
LIMIT $7;

-- name: briefs
-- What is known of some volunteers in a project.
SELECT v.id, v.person_id, v.name,
       coalesce((SELECT max(g.level) FROM level_grant g WHERE g.person_id = v.person_id AND g.project_id = $1
                   AND (g.ends_at IS NULL OR g.ends_at > now())), 1)::int AS level,
       ARRAY(SELECT m.role FROM member m WHERE m.person_id = v.person_id AND m.project_id = $1 ORDER BY m.role) AS roles,
       coalesce(a.votes, 0)::bigint, coalesce(a.days, 0)::bigint, a.last_day,
       EXISTS (SELECT FROM candidate c WHERE c.person_id = v.person_id AND c.project_id = $1) AS candidate,
       EXISTS (SELECT FROM ban b WHERE b.person_id = v.person_id AND b.project_id = $1
                 AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > now())) AS banned,
       (SELECT count(*) FROM report r WHERE r.project_id = $1 AND r.about_person_id = v.person_id
          AND r.closed_at IS NULL) AS reports_open
FROM volunteer v
LEFT JOIN LATERAL (
    SELECT greatest(sum(d.votes), 0) AS votes, count(*) FILTER (WHERE d.votes > 0) AS days,
           max(d.day) FILTER (WHERE d.votes > 0) AS last_day
    FROM activity_day d WHERE d.person_id = v.person_id AND d.project_id = $1
) a ON true
WHERE v.id = ANY($2::bigint[])
ORDER BY v.id;

-- name: others
-- Other volunteers that are the same person.
SELECT id, name FROM volunteer WHERE person_id = $1 AND id <> $2 AND deleted_at IS NULL ORDER BY id;

-- name: add_note
INSERT INTO note (project_id, person_id, by_volunteer_id, body) VALUES ($1, $2, $3, $4) RETURNING id;

-- name: notes
SELECT n.id, n.body, n.by_volunteer_id, v.name, n.created_at
FROM note n LEFT JOIN volunteer v ON v.id = n.by_volunteer_id
WHERE n.project_id = $1 AND n.person_id = $2
ORDER BY n.id DESC LIMIT $3;

-- name: bans
SELECT n.id, n.volunteer_id, n.why, n.by_volunteer_id, b.name, n.since, n.until,
       n.lifted_at IS NULL AND (n.until IS NULL OR n.until > now()) AS in_force,
       n.votes_excluded, n.lifted_at, n.lifted_by, l.name, n.lifted_why
FROM ban n
LEFT JOIN volunteer b ON b.id = n.by_volunteer_id
LEFT JOIN volunteer l ON l.id = n.lifted_by
WHERE n.project_id = $1 AND n.person_id = $2
ORDER BY n.id DESC LIMIT $3;

-- name: subject_in
SELECT EXISTS (SELECT FROM subject WHERE id = $1 AND project_id = $2);

-- name: hold_reporter
-- One report of a person after the other: they are counted.
SELECT FROM person p JOIN volunteer v ON v.person_id = p.id WHERE v.id = $1 FOR NO KEY UPDATE OF p;

-- name: reported_lately
-- How many reports a person has sent about a project in a day.
SELECT count(*)
FROM report r JOIN volunteer v ON v.id = r.by_volunteer_id
WHERE r.project_id = $1 AND v.person_id = $2 AND r.created_at > now() - interval '24 hours';

-- name: report
INSERT INTO report (project_id, by_volunteer_id, subject_id, about_person_id, about_volunteer_id, kind, body)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, created_at;

-- name: reports
-- Reports before one ($2; 0 for the newest): open (yes), closed (no) or all; about a person ($4; null for all).
SELECT r.id, p.slug, r.project_id, r.subject_id, r.about_person_id, r.about_volunteer_id, a.name, r.kind, r.body,
       r.by_volunteer_id, b.name, r.created_at, r.closed_at, r.closed_by, c.name, r.outcome
FROM report r
JOIN project p ON p.id = r.project_id
LEFT JOIN volunteer a ON a.id = r.about_volunteer_id
LEFT JOIN volunteer b ON b.id = r.by_volunteer_id
LEFT JOIN volunteer c ON c.id = r.closed_by
WHERE r.project_id = $1 AND ($2 = 0 OR r.id < $2) AND ($3::text = 'all' OR ($3 = 'yes') = (r.closed_at IS NULL))
  AND ($4::bigint IS NULL OR r.about_person_id = $4)
ORDER BY r.id DESC LIMIT $5;

-- name: find_report
SELECT r.id, p.slug, r.project_id, r.subject_id, r.about_person_id, r.about_volunteer_id, a.name, r.kind, r.body,
       r.by_volunteer_id, b.name, r.created_at, r.closed_at, r.closed_by, c.name, r.outcome
FROM report r
JOIN project p ON p.id = r.project_id
LEFT JOIN volunteer a ON a.id = r.about_volunteer_id
LEFT JOIN volunteer b ON b.id = r.by_volunteer_id
LEFT JOIN volunteer c ON c.id = r.closed_by
WHERE r.id = $1;

-- name: reports_open
SELECT count(*) FROM report WHERE project_id = $1 AND closed_at IS NULL;

-- name: close_report
UPDATE report SET closed_at = now(), closed_by = $2, outcome = $3 WHERE id = $1 AND closed_at IS NULL RETURNING id;
