-- What is kept about one person, as they may have it: without secrets, and without what moderators noted of them.

-- name: names
SELECT 'V' || id AS volunteer, name, on_boards, created_at FROM volunteer WHERE person_id = $1 ORDER BY id;

-- name: tokens
SELECT left(encode(t.sha256, 'hex'), 12) AS id, t.scope, t.label, t.reach, p.slug AS project, t.source, t.created_at,
       t.last_used_at, t.expires_at, t.revoked_at
FROM token t JOIN volunteer v ON v.id = t.volunteer_id LEFT JOIN project p ON p.id = t.project_id
WHERE v.person_id = $1 ORDER BY t.created_at, t.sha256;

-- name: logins
SELECT i.issuer, i.subject, i.shown, i.linked_at, i.used_at
FROM identity i JOIN volunteer v ON v.id = i.volunteer_id WHERE v.person_id = $1 ORDER BY i.linked_at, i.issuer;

-- name: passkeys
SELECT k.label, k.transports, k.created_at, k.used_at
FROM passkey k JOIN volunteer v ON v.id = k.volunteer_id WHERE v.person_id = $1 ORDER BY k.created_at;

-- name: push_subscriptions
SELECT s.id::text AS id, s.endpoint, s.language, s.renewed_at
FROM push_subscription s JOIN volunteer v ON v.id = s.volunteer_id WHERE v.person_id = $1 ORDER BY s.renewed_at;

-- name: wishes
SELECT workflow_id AS workflow, since, expires_at FROM push_wish WHERE person_id = $1 ORDER BY workflow_id;

-- name: roles
SELECT p.slug AS project, m.role, m.since
FROM member m JOIN project p ON p.id = m.project_id WHERE m.person_id = $1 ORDER BY p.slug, m.role;

-- name: levels
SELECT p.slug AS project, g.level, g.granted_at, g.ends_at, g.probation_until
FROM level_grant g JOIN project p ON p.id = g.project_id WHERE g.person_id = $1 ORDER BY p.slug, g.level;

-- name: promotions
SELECT p.slug AS project, m.level, m.action, m.why, m.evidence::text AS evidence, m.ends_at, m.probation_until,
       m.created_at
FROM promotion m JOIN project p ON p.id = m.project_id WHERE m.person_id = $1 ORDER BY m.id;

-- name: bans
SELECT p.slug AS project, b.why, b.since, b.until, b.lifted_at, b.lifted_why
FROM ban b JOIN project p ON p.id = b.project_id WHERE b.person_id = $1 ORDER BY b.id;

-- name: reports
SELECT p.slug AS project, 'S' || r.subject_id AS subject, r.kind, r.body, r.created_at, r.closed_at
FROM report r JOIN project p ON p.id = r.project_id
WHERE r.by_volunteer_id IN (SELECT id FROM volunteer WHERE person_id = $1) ORDER BY r.id;

-- name: skills
SELECT workflow_id AS workflow, dealt, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure
FROM skill WHERE person_id = $1 ORDER BY workflow_id;

-- name: days
SELECT p.slug AS project, a.day, a.votes
FROM activity_day a JOIN project p ON p.id = a.project_id WHERE a.person_id = $1 ORDER BY p.slug, a.day;

-- name: favourites
SELECT 'S' || subject_id AS subject, since FROM favourite WHERE person_id = $1 ORDER BY subject_id;

-- name: merges
SELECT merged_at FROM person_merge WHERE into_person_id = $1 ORDER BY merged_at;

-- name: cards
-- A page of cards with the answers that they carry, after a workflow and a subject. Whether a card is of the training is
-- told with its truth, which is there once it was answered.
SELECT workflow_id, subject_id, volunteer_id, dealt_at, accepted_until, client_id::text AS client_id, answer, exclusion,
       flag, truth, received_at
FROM card
WHERE person_id = $1 AND (workflow_id, subject_id) > ($2::int, $3::bigint)
ORDER BY workflow_id, subject_id
LIMIT $4;
