"""Users, roles, permissions as data, and login sessions."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sims_core.models.base import Base, Id, Line, Timestamp, Versioned


class User(Versioned, Base):
    """A login. User name and e-mail are unique whatever their case."""

    __tablename__ = "user_account"
    __table_args__ = (
        # Else somebody could take another person's address as a user name and sit on the login.
        CheckConstraint(
            "position('@' in username) = 0 OR lower(username) = lower(email)", "username"
        ),
        Index("uq_user_account_username_lower", func.lower(text("username")), unique=True),
        Index("uq_user_account_email_lower", func.lower(text("email")), unique=True),
    )

    id: Mapped[Id]
    username: Mapped[str] = mapped_column(String(150))
    email: Mapped[str] = mapped_column(String(254))
    full_name: Mapped[Line] = mapped_column(server_default="")
    password_hash: Mapped[Line]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    is_superuser: Mapped[bool] = mapped_column(server_default=text("false"))
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    last_login_at: Mapped[Timestamp | None]

    roles: Mapped[list[Role]] = relationship(secondary="user_role", lazy="raise")


class Role(Versioned, Base):
    """A named set of permissions; system roles cannot be renamed or deleted."""

    __tablename__ = "role"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64), unique=True)
    description: Mapped[Line] = mapped_column(server_default="")
    is_system: Mapped[bool] = mapped_column(server_default=text("false"))


class Permission(Base):
    """A task such as ``students.students.view``; ``….view_own`` reaches own rows only."""

    __tablename__ = "permission"

    code: Mapped[str] = mapped_column(String(100), primary_key=True)
    description: Mapped[Line]


class RolePermission(Base):
    __tablename__ = "role_permission"

    role_id: Mapped[int] = mapped_column(
        ForeignKey("role.id", ondelete="CASCADE"), primary_key=True
    )
    permission_code: Mapped[str] = mapped_column(
        ForeignKey("permission.code", ondelete="CASCADE"), primary_key=True
    )


class UserRole(Base):
    __tablename__ = "user_role"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    role_id: Mapped[int] = mapped_column(
        ForeignKey("role.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class AuthSession(Base):
    """One sign-in: the family of its refresh tokens. Revoked, its access tokens die too."""

    __tablename__ = "auth_session"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    expires_at: Mapped[Timestamp] = mapped_column(index=True)
    revoked_at: Mapped[Timestamp | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(32))
    user_agent: Mapped[Line] = mapped_column(server_default="")
    ip: Mapped[str] = mapped_column(String(45), server_default="")


class PasswordCode(Base):
    """A one-time code, stored as its SHA-256, with which its user sets a password."""

    __tablename__ = "password_code"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[Timestamp]


class SignInThrottle(Base):
    """Attempts to sign in since ``since``; ``key`` is the SHA-256 of who or where."""

    __tablename__ = "sign_in_throttle"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    attempts: Mapped[int]
    since: Mapped[Timestamp] = mapped_column(index=True)


class RefreshToken(Base):
    """A refresh token, stored as its SHA-256; used once, but for a short grace."""

    __tablename__ = "refresh_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("auth_session.id", ondelete="CASCADE"), index=True
    )
    issued_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]
