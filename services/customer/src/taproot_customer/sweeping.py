"""The jobs that delete files no record has, one for each folder of files that records have."""

from __future__ import annotations

from taproot_base.blobs import BlobStore
from taproot_chassis.jobs import Job
from taproot_customer.attachments import queries as attachments
from taproot_customer.attachments.files import FOLDER as ATTACHMENTS
from taproot_customer.exports import files as exports
from taproot_customer.imports import files as imports
from taproot_customer.orphans import Known, Sweeper

EVERY_SECONDS = 3600
_KNOWN: dict[str, Known] = {
    ATTACHMENTS: attachments.known_files,
    imports.FOLDER: imports.known_files,
    exports.FOLDER: exports.known_files,
}


def jobs(blobs: BlobStore) -> list[Job]:
    return [
        Job(f"{folder.removesuffix('s')}-orphans", EVERY_SECONDS, Sweeper(blobs, folder, known))
        for folder, known in _KNOWN.items()
    ]
