-- Logins and passkeys: what is under way, who is known by what, and the tokens that change hands.

-- name: begin_login
-- $1 state_sha256, $2 provider, $3 challenge, $4 verifier, $5 nonce, $6 back_to, $7 lasts
INSERT INTO login (state_sha256, provider, challenge, verifier, nonce, back_to, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval);

-- name: forget_logins
-- A login that was given up is of no use to anybody. Few at a time: who begins one pays for some old ones.
DELETE FROM login
WHERE state_sha256 IN (SELECT state_sha256 FROM login WHERE expires_at < now() ORDER BY expires_at LIMIT 50
             FOR UPDATE SKIP LOCKED);

-- name: claim_login
-- The row is gone with this: of two callbacks with one state, one finds nothing.
DELETE FROM login WHERE state_sha256 = $1 AND code_sha256 IS NULL AND expires_at > now()
RETURNING provider, challenge, verifier, nonce, back_to;

-- name: keep_found
-- $1 state_sha256, $2 provider, $3 challenge, $4 back_to, $5 code_sha256, $6 found, $7 lasts
INSERT INTO login (state_sha256, provider, challenge, verifier, nonce, back_to, code_sha256, found, expires_at)
VALUES ($1, $2, $3, '', '', $4, $5, $6::jsonb, now() + $7::interval);

-- name: claim_code
DELETE FROM login WHERE code_sha256 = $1 AND expires_at > now()
RETURNING challenge, back_to, found;

-- name: one_at_a_time
-- Two logins of one identity wait for each other: what the first one finds missing, the second one finds.
SELECT pg_advisory_xact_lock(72214, hashtext($1));

-- name: find_identity
UPDATE identity SET used_at = now(), shown = $3 WHERE issuer = $1 AND subject = $2 RETURNING volunteer_id;

-- name: add_identity
INSERT INTO identity (issuer, subject, volunteer_id, shown) VALUES ($1, $2, $3, $4);

-- name: volunteer
SELECT id, person_id, name FROM volunteer WHERE id = $1;

-- name: hold_person
-- Who adds, removes or joins ways in of a person does so alone.
SELECT 1 FROM person WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE;

-- name: ways_in
SELECT (SELECT count(*) FROM identity i JOIN volunteer v ON v.id = i.volunteer_id WHERE v.person_id = $1)
     + (SELECT count(*) FROM passkey p JOIN volunteer v ON v.id = p.volunteer_id WHERE v.person_id = $1);

-- name: spend_token
-- A phone's token ends with the login that it was sent along with; of two logins with one token, one finds it.
UPDATE token SET revoked_at = now()
WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING volunteer_id;

-- name: add_session
INSERT INTO token (sha256, scope, volunteer_id, source, expires_at) VALUES ($1, 'session', $2, 'login', $3);

-- name: add_person
INSERT INTO person DEFAULT VALUES RETURNING id;

-- name: add_volunteer
INSERT INTO volunteer (person_id, name, name_key) VALUES ($1, $2, $3)
ON CONFLICT (name_key) DO NOTHING RETURNING id;

-- name: name_if_free
-- The name is a wish: somebody who has one keeps it, and one that is taken is not given.
UPDATE volunteer SET name = $2, name_key = $3
WHERE id = $1 AND name IS NULL AND NOT EXISTS (SELECT 1 FROM volunteer other WHERE other.name_key = $3)
RETURNING name;

-- name: choose_name
UPDATE volunteer SET name = $2, name_key = $3
WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM volunteer other WHERE other.name_key = $3 AND other.id <> $1)
RETURNING id;

-- name: gather_identities
-- After a merge, all ways in lead to one volunteer: the one whose account it is.
UPDATE identity SET volunteer_id = $2
WHERE volunteer_id IN (SELECT id FROM volunteer WHERE person_id = $1 AND id <> $2);

-- name: gather_passkeys
UPDATE passkey SET volunteer_id = $2
WHERE volunteer_id IN (SELECT id FROM volunteer WHERE person_id = $1 AND id <> $2);

-- name: identities
SELECT i.issuer, i.subject, i.shown, i.linked_at, i.used_at
FROM identity i JOIN volunteer v ON v.id = i.volunteer_id
WHERE v.person_id = $1 ORDER BY i.linked_at, i.issuer, i.subject;

-- name: remove_identity
DELETE FROM identity WHERE issuer = $1 AND subject = $2
AND volunteer_id IN (SELECT id FROM volunteer WHERE person_id = $3);

-- name: begin_passkey
INSERT INTO passkey_challenge (id, challenge, volunteer_id, expires_at) VALUES ($1, $2, $3, now() + $4::interval);

-- name: forget_challenges
DELETE FROM passkey_challenge
WHERE id IN (SELECT id FROM passkey_challenge WHERE expires_at < now() ORDER BY expires_at LIMIT 50
             FOR UPDATE SKIP LOCKED);

-- name: claim_challenge
DELETE FROM passkey_challenge
WHERE id = $1 AND volunteer_id IS NOT DISTINCT FROM $2::bigint AND expires_at > now()
RETURNING challenge;

-- name: passkeys
SELECT p.credential_id, p.label, p.transports, p.created_at, p.used_at
FROM passkey p JOIN volunteer v ON v.id = p.volunteer_id
WHERE v.person_id = $1 ORDER BY p.created_at, p.credential_id;

-- name: hold_passkey
SELECT volunteer_id, public_key, sign_count FROM passkey WHERE credential_id = $1 FOR UPDATE;

-- name: add_passkey
INSERT INTO passkey (credential_id, volunteer_id, public_key, sign_count, transports, label)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING created_at;

-- name: use_passkey
UPDATE passkey SET sign_count = $2, used_at = now() WHERE credential_id = $1;

-- name: remove_passkey
DELETE FROM passkey WHERE credential_id = $1
AND volunteer_id IN (SELECT id FROM volunteer WHERE person_id = $2);
