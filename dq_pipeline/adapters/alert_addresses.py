"""Addresses of people, as apprise reads them: which are taken, and which are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dq_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from apprise import NotifyBase

# Services that are reached over the network and nothing else. Apprise knows more: some run a program or talk to the
# desktop of this machine (macosx, windows, gnome, dbus, syslog), some read files that the address names (vapid, fcm).
# fmt: off
SCHEMES = frozenset({
    "apprise", "apprises", "betterstack", "dingtalk", "discord", "feishu", "form", "forms", "gchat", "goalert",
    "goalerts", "gotify", "gotifys", "hassio", "hassios", "ifttt", "ilert", "incidentio", "jira", "json",
    "jsons", "lark", "mailgun", "mailto", "mailtos", "matrix", "matrixs", "mmost", "mmosts", "nctalk",
    "nctalks", "ntfy", "ntfys", "opsgenie", "pagerduty", "pagertree", "pbul", "postmark", "pover", "prowl",
    "resend", "ringc", "rocket", "rockets", "sendgrid", "ses", "signal", "signals", "signl4", "slack",
    "smtp2go", "sns", "sparkpost", "spike", "splunk", "squadcast", "tgram", "threema", "twilio", "victorops",
    "webex", "wecombot", "workflow", "workflows", "wxteams", "xml", "xmls", "zoom", "zulip",
})
# fmt: on
"""Schemes of addresses that are taken."""
REFUSED_OPTIONS = frozenset(
    {
        "template",
        "pgp",
        "pgppub",
        "pgpprv",
        "pgpkey",
        "wkd",
        "keyfile",
        "subfile",
        "attach",
        "retry",
        "wait",
        "optional",
    }
)
"""Options of an address that name a file, fetch one, make a sender wait, or pass what failed as sent."""
_SCHEME = re.compile(r"^([a-z0-9][a-z0-9+.-]{0,30})://", re.IGNORECASE)
_OPTION = re.compile(r"[?&;]\s*([^=&;]+)=")


def opened(address: str, setting: str) -> NotifyBase:
    """What sends to this address.

    Parameters
    ----------
    setting
        Where the address was found, in words: errors name it, and nothing of the address but a scheme that is known.

    Raises
    ------
    ConfigurationError
        Its scheme is none of :data:`SCHEMES`, it has an option of :data:`REFUSED_OPTIONS`, or apprise cannot read it.
    """
    from urllib.parse import unquote

    address = address.strip()
    found = _SCHEME.match(address)
    scheme = found[1].lower() if found else ""
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"{setting}: expected an address in apprise's form, as mailtos://, slack://, tgram://, pagerduty:// or "
            "jsons:// begin it; found another, which is not shown. docs/alerts.md has all; programs, files and the "
            "desktop of a machine are none."
        )
    if any(unquote(name).strip().lstrip("+-:").lower() in REFUSED_OPTIONS for name in _OPTION.findall(address)):
        raise ConfigurationError(
            f"{setting}: expected an address without any of the options {', '.join(sorted(REFUSED_OPTIONS))}; "
            "found one. They read files, make a sender wait, or hide that nothing was sent."
        )
    made = _read(address)
    if made is None:
        raise ConfigurationError(
            f"{setting}: expected an address of the form that apprise describes for {scheme}://; found one that it "
            "cannot read, which is not shown."
        )
    return made


def _read(address: str) -> NotifyBase | None:
    from apprise import Apprise

    made: Any = Apprise.instantiate(address, asset=_asset(), suppress_exceptions=True)
    return made if made else None


def _asset() -> Any:
    """Apprise without anything of its own on this machine: no files, no plug-ins, no templates, no waiting."""
    from apprise import AppriseAsset

    return AppriseAsset(**_ASSET)


_ASSET: Mapping[str, Any] = MappingProxyType(
    {
        "app_id": "dq-pipeline",
        "app_desc": "Data quality",
        "app_url": "",
        "plugin_paths": [],
        "storage_mode": "memory",
        "allow_templates": False,
        "pgp_autogen": False,
        "pem_autogen": False,
        "http_redirects": False,  # what was given is what is sent to
        "async_mode": False,
        "secure_logging": True,
        "default_service_retry": 0,
        "service_timeout": 10,
    }
)
