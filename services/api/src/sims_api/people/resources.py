"""The plain entities about persons; a student sees what is about the own person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, select

from sims_api.auth.actor import Actor
from sims_api.fields import Day, Flag, Input, Line, Name, OneLine, Output, RowId
from sims_api.resource import Resource
from sims_core.models import Address, ContactInfo, IdentityDocument, Person
from sims_core.models.people import ADDRESS_TYPES, CONTACT_TYPES, IDENTITY_TYPES

EXPORT = "people.persons.export"

Gender = Literal["female", "male", "other"]
Rest = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128), *OneLine]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=32), *OneLine
]


class PersonIn(Input):
    student: RowId | None = None
    first_name: Name
    middle_name: Rest = ""
    last_name: Name
    date_of_birth: Day | None = None
    gender: Gender | None = None
    national_id: Number | None = None


class PersonOut(Output):
    id: int
    student: int | None
    first_name: str
    middle_name: str
    last_name: str
    date_of_birth: date | None
    gender: Gender | None
    national_id: str | None
    version: int


class ContactIn(Input):
    person: RowId
    type: Literal["phone", "email", "emergency_contact", "whatsapp"]
    value: Line
    label: Rest = ""
    is_primary: Flag = False


class ContactOut(Output):
    id: int
    person: int
    type: str
    value: str
    label: str
    is_primary: bool
    version: int


class AddressIn(Input):
    person: RowId
    type: Literal["mailing", "permanent", "temporary", "work"]
    line1: Line
    line2: Rest = ""
    city: Name
    state: Rest = ""
    postal_code: Annotated[Rest, Field(max_length=16)] = ""
    country: Name = "Pakistan"


class AddressOut(Output):
    id: int
    person: int
    type: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str
    version: int


class IdentityIn(Input):
    person: RowId
    type: Literal["cnic", "passport", "driving_license", "other"]
    number: Number
    issued_on: Day | None = None
    expires_on: Day | None = None
    is_verified: Flag = False


class IdentityOut(Output):
    id: int
    person: int
    type: str
    number: str
    issued_on: date | None
    expires_on: date | None
    is_verified: bool
    version: int


def _scope(column: Any, view: str) -> Callable[[Actor], ColumnElement[bool] | None]:
    """All with ``view``; else what is about the person that the actor's student is."""

    def scope(actor: Actor) -> ColumnElement[bool] | None:
        if actor.can(view):
            return None
        own = select(Person.id).where(Person.student_id == actor.student_id)
        found: ColumnElement[bool] = column.in_(own)
        return found

    return scope


PERSONS = Resource(
    name="person",
    path="people/persons",
    tag="people",
    model=Person,
    out=PersonOut,
    create=PersonIn,
    deletable=True,
    permission="people.persons",
    own_view="people.persons.view_own",
    export_permission=EXPORT,
    scope=_scope(Person.id, "people.persons.view"),
    orderings={"id": Person.id, "last_name": Person.last_name},
    default_ordering="last_name",
    filters={"student": Person.student_id, "national_id": Person.national_id},
)

CONTACTS = Resource(
    name="contact",
    path="people/contact-info",
    tag="people",
    model=ContactInfo,
    out=ContactOut,
    create=ContactIn,
    deletable=True,
    permission="people.contact_info",
    own_view="people.contact_info.view_own",
    export_permission=EXPORT,
    scope=_scope(ContactInfo.person_id, "people.contact_info.view"),
    orderings={"id": ContactInfo.id},
    default_ordering="id",
    filters={"person": ContactInfo.person_id, "type": ContactInfo.type},
    choices={"type": CONTACT_TYPES},
)

ADDRESSES = Resource(
    name="address",
    path="people/addresses",
    tag="people",
    model=Address,
    out=AddressOut,
    create=AddressIn,
    deletable=True,
    permission="people.addresses",
    own_view="people.addresses.view_own",
    export_permission=EXPORT,
    scope=_scope(Address.person_id, "people.addresses.view"),
    orderings={"id": Address.id},
    default_ordering="id",
    filters={"person": Address.person_id, "type": Address.type},
    choices={"type": ADDRESS_TYPES},
)

IDENTITY_DOCUMENTS = Resource(
    name="identity document",
    path="people/identity-documents",
    tag="people",
    model=IdentityDocument,
    out=IdentityOut,
    create=IdentityIn,
    deletable=True,
    permission="people.identity_documents",
    own_view="people.identity_documents.view_own",
    export_permission=EXPORT,
    scope=_scope(IdentityDocument.person_id, "people.identity_documents.view"),
    orderings={"id": IdentityDocument.id},
    default_ordering="id",
    filters={"person": IdentityDocument.person_id, "type": IdentityDocument.type},
    choices={"type": IDENTITY_TYPES},
)

PEOPLE = (PERSONS, CONTACTS, ADDRESSES, IDENTITY_DOCUMENTS)
