"""``chaffinch backup`` and ``chaffinch restore``."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.backup.folder import About
from api.backup.restoring import restore_backup
from api.backup.taking import Taken, take_backup
from api.cli.speaking import console, say
from api.postgres.embedded import running_postgres
from api.settings import Settings
from api.store.schema import upgrade


def backup(
    folder: Annotated[
        Path, typer.Argument(help="Where the backup goes, such as backups/2026-11-21; it must not exist.")
    ],
) -> None:
    """Back up the database, the pictures and the archived months, while the service runs.

    The folder is there when it is whole, and not before. Objects that the newest backup beside it has are hard links.
    """
    taken = asyncio.run(_backup(folder))
    about = taken.about
    console.print(
        f"{taken.folder} is whole: {about.counts.get('classification', 0):,} votes,"
        f" {about.counts.get('subject', 0):,} subjects, {about.objects:,} objects ({taken.new_objects:,} of them new),"
        f" {about.size_bytes / 1e6:,.1f} MB.",
        markup=False,
    )
    if about.missing:
        console.print(f"{about.missing:,} pictures or months that the database names were not there to be copied.")


def restore(folder: Annotated[Path, typer.Argument(help="A folder that `chaffinch backup` made.")]) -> None:
    """Restore a backup into an empty database and an empty place for pictures.

    Every file is checked before anything is written, and the number of rows of every table afterwards.
    """
    about = asyncio.run(_restore(folder))
    console.print(
        f"Restored what was backed up on {about.made_at}: {about.counts.get('classification', 0):,} votes,"
        f" {about.counts.get('subject', 0):,} subjects, {about.objects:,} objects.",
        markup=False,
    )


async def _backup(folder: Path) -> Taken:
    settings = Settings()
    async with running_postgres(settings, say) as url:
        await upgrade(url)
        return await take_backup(settings, url, folder, say)


async def _restore(folder: Path) -> About:
    settings = Settings()
    async with running_postgres(settings, say) as url:
        return await restore_backup(settings, url, folder, say)
