"""Reads what /metrics says with Prometheus' own parsers, and prints every sample as JSON: [name, labels, value, kind].

The strict parser of OpenMetrics refuses whatever the format forbids; the one of the older text format has to find the same samples.
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
from prometheus_client.parser import text_string_to_metric_families as older

text = sys.stdin.read()
samples = []
for family in strict(text):
    for sample in family.samples:
        samples.append([sample.name, sample.labels, sample.value, family.type])
found = {(sample.name, tuple(sorted(sample.labels.items()))) for family in older(text) for sample in family.samples}
missing = [sample[0] for sample in samples if (sample[0], tuple(sorted(sample[1].items()))) not in found]
if missing:
    sys.exit(f"not found by the parser of the older format: {missing}")
json.dump(samples, sys.stdout)
