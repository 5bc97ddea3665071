"""Recompute every label from exported votes: python recompute_labels.py votes.csv labels.csv (and labels.csv.json)."""

import csv
import json
import math
import sys
from collections import Counter, defaultdict

HARD = {"yes": math.log(0.46), "no": math.log(0.46), "unsure": math.log(0.08)}  # how anybody answers a hard subject


def either(first, second):
    """Return ln(exp(first) + exp(second))."""
    return max(first, second) + math.log1p(math.exp(-abs(first - second)))


def log_odds(rule, prior, n):
    """Return the log-odds of yes in micro-nats: of the prior, of proven votes if some subjects are hard, of others."""
    share, guessed = rule["hard"] / 1e6, sum(n["proven " + answer] * chance for answer, chance in HARD.items())
    yes, no = (math.log1p(-share) + n["proven " + name] / 1e6 for name in ("if_yes", "if_no"))
    hard, cap = math.log(share) + guessed if share else -math.inf, rule["unproven_cap"]
    others = n["unproven if_yes"] - n["unproven if_no"]
    others = others if rule["cold"] else max(-cap, min(cap, others))
    return prior + round((either(yes, hard) - either(no, hard)) * 1e6) + others


def verdict(asked, rule, prior, z, n):
    """Return label and reason if these votes suffice, or None; evidence is in micro-nats, `n` counts votes."""
    policy, label, due = asked["policy"], "yes" if n["yes"] > n["no"] else "no" if n["no"] > n["yes"] else "", math.inf
    if "flag" in asked and n["flags"] >= asked["flag"]:
        return "", "flagged"
    if "blank" in asked and n["no"] == n["counted"] >= asked["blank"]:
        return "no", "nothing_here"
    if policy == "sequential":
        heard, lead = n["counted"] if rule["cold"] else n["proven"], n["yes"] - n["no"]
        for side, sign, bound in (("yes", 1, rule["accept"]), ("no", -1, rule["reject"])):
            machine = isinstance(asked["prior"], dict) and sign * z > sign * prior >= 1_000_000
            agreed = not rule["cold"] or sign * lead >= rule["cold"]
            if agreed and sign * z >= bound and (machine or heard >= asked["votes"]["min"]):
                return side, "consensus"
        waited = n["contested"] or asked["votes"]["contested"] == 0
        label, due = "", asked["votes"]["max"] + asked["votes"]["contested"] if waited else due
        n["contested"] |= n["counted"] >= asked["votes"]["max"]
    elif "count" in policy:
        due = policy["count"]
    elif abs(n["yes"] - n["no"]) >= policy["lead"]:
        return label, "consensus"
    else:
        label, due = "", asked["votes"]["max"]
    human = label and asked["level"] == "expert"
    return (label, "human" if human else "classification_count") if n["counted"] >= due else None


cascade = json.load(open(sys.argv[2] + ".json"))["cascade"]
rules = {
    (str(each["version"]), number): (asked, each["rules"][number])
    for each in cascade
    for number, asked in each["workflows"].items()
}
rows = [row for row in csv.DictReader(open(sys.argv[2])) if row["revision"] == "1" and not row["author"]]
first = [row for row in rows if row["calibration"] == "0"]
labels, seen, equal = {(row["workflow"], row["subject"]): row for row in first}, defaultdict(Counter), 0
for vote in sorted(csv.DictReader(open(sys.argv[1])), key=lambda row: int(row["ordinal"])):
    stage, bucket, sign = (vote["workflow"], vote["subject"]), vote["bucket"], 1 if vote["kind"] == "vote" else -1
    if stage in labels and bucket in ("proven", "unproven"):
        prior, n, (asked, rule) = int(labels[stage]["prior"]), seen[stage], rules[vote["version"], vote["workflow"]]
        n.update({vote["answer"]: sign, bucket: sign, "counted": sign, "flags": sign * (vote["flag"] == "true")})
        n.update({f"{bucket} {vote['answer']}": sign})
        n.update({f"{bucket} {name}": int(vote[name]) for name in ("if_yes", "if_no")})
        z = log_odds(rule, prior, n)
        if sign > 0 and (found := verdict(asked, rule, prior, z, n)):
            told = map(labels.pop(stage).get, ("label", "reason", "log_odds", "counted"))
            equal += [*found, str(z), str(n["counted"])] == [*told]
print(f"{equal} of {len(first)} labels recomputed, equal to the stored ones")
if len(rows) > len(first):
    print(f"{len(rows) - len(first)} were made after a refit, by rules of its own: chaffinch verify replays those")
sys.exit(equal != len(first))
