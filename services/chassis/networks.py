"""From which network something came: enough to see that much comes from one, and no more."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from ipaddress import ip_network

PREFIXES = {4: 24, 6: 48}
"""What one connection, or one site, usually has of a public address."""


@lru_cache(maxsize=4096)
def network_of(key: bytes, ip: str) -> str:
    """A keyed hash of the network of an address, 32 hex digits; "" for what is no address."""
    try:
        address = ip_network(ip)
    except ValueError:
        return ""
    network = address.supernet(new_prefix=PREFIXES[address.version])
    return hmac.digest(key, f"network:{network}".encode(), hashlib.sha256)[:16].hex()
