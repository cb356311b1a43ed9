"""Uploaded files: what they really are, made harmless, kept under the hash of their content.

The directory is the one that the backup engine saves (``SIMS_BACKUP_MEDIA_DIR``). A name
comes from the content alone, so nobody chooses a path and an upload twice is stored once.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from sims_common.errors import FieldError, SimsError, TooLarge, Unavailable
from sims_common.logs import get_logger

log = get_logger(__name__)

MAX_PHOTO = 1 << 20  # bytes
MAX_DOCUMENT = 3 << 20  # bytes
MAX_PIXELS = 40_000_000
LONGEST_SIDE = {"photo": 1200, "document": 3000}  # pixels
_JPEG, _PNG, _PDF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-"


class UnsupportedContent(SimsError):
    status = 415
    code = "UNSUPPORTED_CONTENT"
    title = "This kind of file is not taken"


@dataclass(frozen=True)
class Media:
    """Content as it is stored: re-encoded, with the type that it really has."""

    content: bytes
    media_type: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


def accept(content: bytes, *, photo: bool) -> Media:
    """What is stored of an upload: by its first bytes, whatever name or type it came with.

    Images are decoded and encoded anew, which drops what else was in them (places, scripts).
    Raises ``TooLarge`` or ``UnsupportedContent`` with what is taken instead.
    """
    limit = MAX_PHOTO if photo else MAX_DOCUMENT
    if len(content) > limit:
        raise TooLarge(f"The file has {len(content):,} bytes; at most {limit:,} are taken.")
    if content.startswith((_JPEG, _PNG)):
        return _image(content, LONGEST_SIDE["photo" if photo else "document"])
    if not photo and content.startswith(_PDF) and b"%%EOF" in content[-1024:]:
        return Media(content, "application/pdf")
    raise _refused("Send a JPEG or PNG." if photo else "Send a PDF, JPEG or PNG.")


def _refused(text: str) -> UnsupportedContent:
    return UnsupportedContent(text, errors=[FieldError("/file", "UNSUPPORTED_CONTENT", text)])


def _image(content: bytes, longest: int) -> Media:
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _refused(f"The image has more than {MAX_PIXELS:,} pixels.")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _refused("The image is damaged.") from error
    upright.thumbnail((longest, longest))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=88, optimize=True)
    return Media(out.getvalue(), "image/jpeg")


def path_of(root: Path, sha256: bytes) -> Path:
    name = sha256.hex()
    return root / name[:2] / name


def store(root: Path | None, media: Media) -> None:
    """Writes the content once, whole or not at all. Raises ``Unavailable`` without a directory."""
    if root is None:
        raise Unavailable("Files cannot be stored: SIMS_MEDIA_DIR is not set.", code="NO_MEDIA_DIR")
    path = path_of(root, media.sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".upload-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(media.content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(root: Path | None, sha256: bytes) -> bytes:
    """The stored content. Raises ``Unavailable`` when it is not there: the disk is to blame."""
    path = path_of(root, sha256) if root is not None else None
    if path is None or not path.is_file():
        log.error("media missing", sha256=sha256.hex())
        raise Unavailable("The file's content is missing on this server.")
    return path.read_bytes()
