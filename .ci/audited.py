"""Says what pip-audit's report on standard input means: clean, vulnerable (and lists what is), or unasked."""

import json
import sys

text = sys.stdin.read()
try:
    packages = json.loads(text)["dependencies"]
except (ValueError, KeyError):
    print("unasked")
    sys.exit()
bad = [each for each in packages if each.get("vulns")]
for each in bad:
    for known in each["vulns"]:
        fixed = ", ".join(known["fix_versions"]) or "no version yet"
        print(f"audit: {each['name']} {each['version']}: {known['id']}, fixed in {fixed}", file=sys.stderr)
if bad:
    print("vulnerable")
else:
    print("unasked" if any("skip_reason" in each for each in packages) else "clean")
