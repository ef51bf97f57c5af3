"""`make sbom`: a CycloneDX list of what runs in production, made without the network."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.deploy.test_licences import ROOT, pins


def test_the_bill_names_every_package_with_its_hashes(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "sbom", f"SBOM={made}", "STAMP=/dev/null"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    [command] = [line for line in shown.splitlines() if "cyclonedx_py" in line]
    subprocess.run(["sh", "-c", command], cwd=ROOT, check=True, capture_output=True)

    bill = json.loads(made.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "tellal"
    assert {part["name"] for part in bill["components"]} == set(pins())
    for part in bill["components"]:
        assert part["purl"].startswith(f"pkg:pypi/{part['name']}@")
        [source] = part["externalReferences"]
        assert all(one["alg"] == "SHA-256" for one in source["hashes"])
        assert source["hashes"]
