"""Jobs: long work that staff start, done in pieces by a worker, with progress that survives a kill.

One file a kind of work. Whoever adds one names its class in `KINDS`.
"""

from __future__ import annotations

from importlib import import_module

from service.jobs.kind import Kind

KINDS: dict[str, str] = {
    "import-check": "service.jobs.import_subscribers:CheckImport",
    "import-store": "service.jobs.import_subscribers:StoreImport",
    "import-undo": "service.jobs.undo_import:UndoImport",
    "source-replay": "service.ingest.managing.replay:SourceReplay",
    "what-if": "service.jobs.what_if:WhatIf",
    "cancel": "service.jobs.cancelling:Cancelling",
    "resend": "service.jobs.resend:ResendMissing",
    "resend-count": "service.jobs.resend:CountMissing",
    "would-be-told": "service.jobs.whom:CountReaders",
}


def kind_of(name: str) -> Kind:
    """The kind of a job by its name, imported at its first use.

    Raises:
        KeyError: there is no such kind.
    """
    module, _, cls = KINDS[name].partition(":")
    kind: Kind = getattr(import_module(module), cls)()
    return kind
