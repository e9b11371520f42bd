"""Which addresses belong to the public Internet."""

import pytest

from alerts.channels.public_addresses import is_public

pytestmark = pytest.mark.any_database

NOT_PUBLIC = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1
    64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1::1 2001:20::1 2001:db8::1
    2002:7f00:1::1 2002:a00:1::1 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00::1 fdff:ffff::1 fe80::1
    fe80::1%1 febf::1 fec0::1 ff02::1 ff0e::1
"""
PUBLIC = """
    1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.1
    172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255
    ::ffff:1.1.1.1 64:ff9b::1.1.1.1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 2003::1
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_it_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_it_is_public(address: str) -> None:
    assert is_public(address)
