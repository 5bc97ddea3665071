"""Audits a database: what must hold of cards, votes, sums and piles, whatever has happened."""

from collections.abc import Sequence

from api.services.published import PublishedCascades
from api.services.verifying import verify
from api.store.engine import Connection

RULES = {
    "somebody has two live votes on a subject": """
        SELECT person_id, workflow_id, subject_id
        FROM classification
        GROUP BY person_id, workflow_id, subject_id
        HAVING count(*) FILTER (WHERE kind = 0 AND exclusion <> 6) - count(*) FILTER (WHERE kind = 1) NOT IN (0, 1)
    """,
    "a vote is stored twice, or taken back twice": """
        SELECT kind, person_id, client_id FROM classification GROUP BY kind, person_id, client_id HAVING count(*) > 1
    """,
    "two votes on a card have the same attempt": """
        SELECT person_id, workflow_id, subject_id, attempt FROM classification WHERE kind = 0
        GROUP BY person_id, workflow_id, subject_id, attempt HAVING count(*) > 1
    """,
    "an answer was taken back though its gold was shown": """
        SELECT r.person_id, r.client_id FROM classification r
        JOIN classification v ON v.kind = 0 AND v.person_id = r.person_id AND v.client_id = r.client_id
        WHERE r.kind = 1 AND v.truth IS NOT NULL
    """,
    "a card does not carry the live vote of the ledger": """
        WITH live AS (
            SELECT v.person_id, v.workflow_id, v.subject_id, v.client_id, v.answer, v.bucket, v.ordinal, v.attempt
            FROM classification v
            WHERE v.kind = 0 AND v.exclusion <> 6 AND NOT EXISTS (
                SELECT 1 FROM classification r
                WHERE r.kind = 1 AND r.person_id = v.person_id AND r.client_id = v.client_id
            )
        )
        SELECT coalesce(c.person_id, l.person_id), coalesce(c.workflow_id, l.workflow_id),
               coalesce(c.subject_id, l.subject_id)
        FROM (SELECT * FROM card WHERE client_id IS NOT NULL) c
        FULL JOIN live l USING (person_id, workflow_id, subject_id)
        WHERE (c.client_id, c.answer, c.bucket, c.ordinal, c.attempt)
              IS DISTINCT FROM (l.client_id, l.answer, l.bucket, l.ordinal, l.attempt)
    """,
    "a vote has no card": """
        SELECT v.person_id, v.workflow_id, v.subject_id FROM classification v
        LEFT JOIN card c USING (person_id, workflow_id, subject_id)
        WHERE c.person_id IS NULL
    """,
    "a client id does not stand for its vote": """
        SELECT coalesce(k.person_id, v.person_id), coalesce(k.client_id, v.client_id)
        FROM (SELECT * FROM swipe_key WHERE subject_id IS NOT NULL) k
        FULL JOIN (SELECT * FROM classification WHERE kind = 0) v USING (person_id, client_id)
        WHERE (k.workflow_id, k.subject_id) IS DISTINCT FROM (v.workflow_id, v.subject_id)
           OR (k.retracted_at IS NOT NULL) <> (v.exclusion = 6 OR EXISTS (
                   SELECT 1 FROM classification r
                   WHERE r.kind = 1 AND r.person_id = v.person_id AND r.client_id = v.client_id))
    """,
    "a skill is not the sum of its gold answers": """
        SELECT s.person_id, s.workflow_id
        FROM skill s
        LEFT JOIN classification g
            ON g.person_id = s.person_id AND g.workflow_id = s.workflow_id AND g.truth IS NOT NULL AND g.kind = 0
        GROUP BY s.person_id, s.workflow_id
        HAVING s.revision <> count(g.truth) OR s.revision <> coalesce(max(g.skill_revision), 0)
            OR s.no_no <> count(*) FILTER (WHERE g.truth = 0 AND g.answer = 0)
            OR s.no_yes <> count(*) FILTER (WHERE g.truth = 0 AND g.answer = 1)
            OR s.no_unsure <> count(*) FILTER (WHERE g.truth = 0 AND g.answer = 2)
            OR s.yes_no <> count(*) FILTER (WHERE g.truth = 1 AND g.answer = 0)
            OR s.yes_yes <> count(*) FILTER (WHERE g.truth = 1 AND g.answer = 1)
            OR s.yes_unsure <> count(*) FILTER (WHERE g.truth = 1 AND g.answer = 2)
    """,
    "the votes that were left out are not counted": """
        SELECT s.workflow_id, s.subject_id
        FROM stage s
        LEFT JOIN classification v
            ON v.workflow_id = s.workflow_id AND v.subject_id = s.subject_id AND v.kind = 0 AND v.bucket = 0
        GROUP BY s.workflow_id, s.subject_id
        HAVING s.excluded <> count(v.kind)
    """,
    "a subject is on a wrong pile, or on none": """
        WITH wanted AS (
            SELECT s.workflow_id,
                   CASE WHEN s.state = 0 THEN CASE WHEN s.machine = 1 AND s.prior > 0 THEN 1 ELSE 0 END
                        WHEN s.state = 1 THEN 2
                        WHEN s.audit_open = 1 THEN 3 END AS tier, s.draw, s.subject_id
            FROM stage s JOIN workflow w ON w.id = s.workflow_id
            WHERE w.closed_at IS NULL AND s.state < 3
        )
        SELECT coalesce(w.workflow_id, d.workflow_id), coalesce(w.subject_id, d.subject_id)
        FROM (SELECT * FROM wanted WHERE tier IS NOT NULL) w
        FULL JOIN dealable d USING (workflow_id, tier, draw, subject_id)
        WHERE w.draw IS NULL OR d.draw IS NULL OR (w.subject_id IS NULL) <> (d.subject_id IS NULL)
    """,
    "a subject that wants votes asks for no cards": """
        SELECT workflow_id, subject_id FROM stage
        WHERE (state < 2 OR state = 2 AND audit_open = 1) AND (need < 1 OR in_flight < 0)
           OR in_flight > 0 AND reserved_until IS NULL
    """,
    "a retired subject has no label, or an open one has": """
        SELECT coalesce(s.workflow_id, l.workflow_id), coalesce(s.subject_id, l.subject_id)
        FROM (SELECT * FROM stage WHERE state = 2) s
        FULL JOIN label l USING (workflow_id, subject_id)
        WHERE (s.revision, s.answer, s.reason, s.version_id)
              IS DISTINCT FROM (l.revision, l.answer, l.reason, l.version_id)
    """,
    "a label is not announced once": """
        SELECT coalesce(l.workflow_id, o.workflow_id), coalesce(l.subject_id, o.subject_id)
        FROM label l
        FULL JOIN (SELECT * FROM outbox WHERE kind IN ('subject.retired', 'label.revised')) o
            USING (workflow_id, subject_id, revision)
        GROUP BY 1, 2, revision
        HAVING count(l.answer) <> 1 OR count(o.id) <> 1
    """,
}


async def audit(connection: Connection, slug: str) -> Sequence[str]:
    """Return what is wrong in the books of the one project of a database; nobody has revised its labels by hand."""
    wrong = list((await verify(connection, PublishedCascades(), slug)).discrepancies)
    for rule, query in RULES.items():
        wrong += [f"{rule}: {tuple(row)}" for row in await connection.fetch(query)]
    return wrong
