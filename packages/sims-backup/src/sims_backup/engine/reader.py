"""Reads objects of a set: checked against the manifest, decrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sims_backup.contract.manifest import Manifest
from sims_backup.encryption import SUFFIX
from sims_backup.engine.context import Context
from sims_backup.errors import ObjectDamaged
from sims_backup.media import (
    INDEX,
    OBJECTS,
    IndexEntry,
    MediaObject,
    object_key,
    read_index,
    read_objects,
)
from sims_backup.streams import Checked, Source, Watched


@contextmanager
def open_object(context: Context, manifest: Manifest, key: str, stage: str) -> Iterator[Source]:
    """The content of an object; damage raises ``ObjectDamaged`` at its end at the latest."""
    stored = manifest.object(key)
    name = f"{context.storage.name}/{manifest.id}/{key}"

    def watch(amount: int) -> None:
        context.deadline.check()
        context.progress.advance(stage, amount)

    with context.storage.open(f"{manifest.id}/{key}") as body:
        checked = Checked(Watched(body, watch), sha256=stored.sha256, size=stored.size, name=name)
        encrypted = key.endswith(SUFFIX)
        yield context.decrypted(manifest, checked, name) if encrypted else checked


@contextmanager
def open_media(context: Context, manifest: Manifest, item: MediaObject) -> Iterator[Source]:
    """Content of a media object, checked as stored and after decryption."""
    namespace = manifest.media.namespace if manifest.media else "plain"
    key = object_key(namespace, item.sha256)
    name = f"{context.storage.name}/{key}"
    with context.storage.open(key) as body:
        stored = Checked(
            Watched(body, context.deadline.watch),
            sha256=item.stored_sha256,
            size=item.stored_size,
            name=name,
        )
        clear = context.decrypted(manifest, stored, name)
        yield Checked(clear, sha256=item.sha256, size=None, name=name)


def media_index(context: Context, manifest: Manifest) -> Iterator[IndexEntry]:
    key = _listed(manifest, INDEX)
    with open_object(context, manifest, key, "media") as source:
        yield from read_index(source, f"{manifest.id}/{key}")


def media_objects(context: Context, manifest: Manifest) -> Iterator[MediaObject]:
    with open_object(context, manifest, _listed(manifest, OBJECTS), "media") as source:
        yield from read_objects(source, f"{manifest.id}/{OBJECTS}")


def _listed(manifest: Manifest, name: str) -> str:
    for item in manifest.objects:
        if item.key in {name, name + SUFFIX}:
            return item.key
    raise ObjectDamaged(f"{manifest.id}: the manifest has no {name}")
