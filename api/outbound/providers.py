"""The providers of logins that the settings name."""

from collections.abc import Iterable

from api.outbound.discord import DiscordProvider
from api.outbound.identities import Provider
from api.outbound.openid import OpenIDProvider
from api.settings import LoginProvider


def providers(settings: Iterable[LoginProvider]) -> dict[str, Provider]:
    """Return the providers by their names, in their order."""
    return {each.name: DiscordProvider(each) if each.kind == "discord" else OpenIDProvider(each) for each in settings}
