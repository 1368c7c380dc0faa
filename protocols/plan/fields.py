"""The building block of plans: strict, frozen models whose every field carries its help, unit and range."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Room = Literal["analysis", "session", "stimuli", "rehearsal"]
ROOMS: dict[Room, str] = {
    "analysis": "for the analysis of recordings",
    "session": "for the sessions",
    "stimuli": "for the clips",
    "rehearsal": "for the rehearsal",
}
"""What a field can be reserved for, in words."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]
"""A name used in formulas and file names: letters, digits and ``_``, a letter first."""

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=0.5)]


class Part(BaseModel):
    """A part of a plan: unknown keys, converted types and later changes are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        populate_by_name=False,
        ser_json_inf_nan="null",
    )


def declare(
    help: str,
    default: Any = PydanticUndefined,
    *,
    unit: str = "",
    reserved: Room | None = None,
    alias: str | None = None,
    **limits: Any,
) -> Any:
    """Declare one field of a plan.

    Parameters
    ----------
    help
        One line that says what the field is.
    default
        Its value where the plan is silent; without one the field must be there.
    unit
        The unit of its numbers.
    reserved
        The room that will use the field later. Until then `analyse` refuses a plan that relies on a field
        reserved for the analysis, so that nothing a plan says is silently ignored.
    alias
        Its name in the file, where Python does not allow that name.
    limits
        Pydantic's ``ge, gt, le, lt, min_length, max_length, pattern``.
    """
    extra: dict[str, Any] = {}
    if unit:
        extra["unit"] = unit
    if reserved:
        extra["reserved"] = reserved
    if default is not PydanticUndefined and isinstance(default, (dict, list)):
        raise TypeError("defaults are immutable: use a tuple or a model")
    return Field(default, description=help, alias=alias, json_schema_extra=extra or None, **limits)


def reserved_for(info: FieldInfo) -> Room | None:
    """The room a field is reserved for, or None when it is in use."""
    extra = info.json_schema_extra
    return extra.get("reserved") if isinstance(extra, dict) else None  # type: ignore[return-value]
