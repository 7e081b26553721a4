"""Settings of the customer service; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from taproot_base.settings import Settings


class CustomerSettings(Settings):
    default_region: str = "CN"
    """ISO 3166 region assumed for telephone numbers without a country code."""
    hidden_match_policy: Literal["request", "separate"] = "request"
    """What a create answers when the match is in a branch the caller does not see: refuse with a token to
    ask for access by, or make a separate record."""
    default_time_zone: str = "Asia/Shanghai"
    """IANA zone of the enterprise: of customers whose own and whose branch's is not known."""
    care_date_hour: Annotated[int, Field(ge=0, le=23)] = 9
    """Hour of the customer's day from which on its care dates are told of."""
    care_date_catch_up_days: Annotated[int, Field(ge=0)] = 7
    """How many days late a care date is still told of, as after an outage; older ones are logged and left out."""
    default_currency: str = "CNY"
    """ISO 4217 code of the home currency: figures without a currency in their name are in it."""
    parser_processes: int = 1
    """Processes that parse import files, started at the first import."""
