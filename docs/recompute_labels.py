"""Recompute every label from exported votes: python recompute_labels.py votes.csv labels.csv (and labels.csv.json)."""

import csv
import json
import math
import sys
from collections import Counter, defaultdict


def verdict(rule, prior, z, n):
    """Return label and reason if these votes suffice, or None; evidence is in micro-nats, `n` counts votes."""
    policy, label, due = rule["policy"], "yes" if n["yes"] > n["no"] else "no" if n["no"] > n["yes"] else "", math.inf
    if "flag" in rule and n["flags"] >= rule["flag"]:
        return "", "flagged"
    if "blank" in rule and n["no"] == n["counted"] >= rule["blank"]:
        return "no", "nothing_here"
    if policy == "sequential":
        for side, sign, risk in (("yes", 1, rule["false_alarm"]), ("no", -1, rule["miss"])):
            least = 1 if isinstance(rule["prior"], dict) and sign * z > sign * prior > 0 else rule["votes"]["min"]
            if n["proven"] and n["counted"] >= least and sign * z >= round(math.log((1 - risk) / risk) * 1_000_000):
                return side, "consensus"
        waited = n["contested"] or rule["votes"]["contested"] == 0
        label, due = "", rule["votes"]["max"] + rule["votes"]["contested"] if waited else due
        n["contested"] |= n["counted"] >= rule["votes"]["max"]
    elif "count" in policy:
        due = policy["count"]
    elif abs(n["yes"] - n["no"]) >= policy["lead"]:
        return label, "consensus"
    else:
        label, due = "", rule["votes"]["max"]
    human = label and rule["level"] == "expert"
    return (label, "human" if human else "classification_count") if n["counted"] >= due else None


cascade = json.load(open(sys.argv[2] + ".json"))["cascade"]
rules = {(str(each["version"]), number): rule for each in cascade for number, rule in each["workflows"].items()}
rows = [row for row in csv.DictReader(open(sys.argv[2])) if row["revision"] == "1" and not row["author"]]
labels, seen, equal = {(row["workflow"], row["subject"]): row for row in rows}, defaultdict(Counter), 0
for vote in sorted(csv.DictReader(open(sys.argv[1])), key=lambda row: int(row["ordinal"])):
    stage, bucket, sign = (vote["workflow"], vote["subject"]), vote["bucket"], 1 if vote["kind"] == "vote" else -1
    if stage in labels and bucket in ("proven", "unproven"):
        prior, n, rule = int(labels[stage]["prior"]), seen[stage], rules[vote["version"], vote["workflow"]]
        n.update({vote["answer"]: sign, bucket: sign, "counted": sign, "flags": sign * (vote["flag"] == "true")})
        n[f"{bucket} evidence"] += int(vote["if_yes"]) - int(vote["if_no"])
        z = prior + n["proven evidence"] + max(-1_500_000, min(1_500_000, n["unproven evidence"]))
        if sign > 0 and (found := verdict(rule, prior, z, n)):
            told = map(labels.pop(stage).get, ("label", "reason", "log_odds", "counted"))
            equal += [*found, str(z), str(n["counted"])] == [*told]
print(f"{equal} of {len(rows)} labels recomputed, equal to the stored ones")
sys.exit(equal != len(rows))
