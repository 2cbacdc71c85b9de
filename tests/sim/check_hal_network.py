"""Wi-Fi, Ethernet and sockets: a link that comes and goes, addresses as on the chip."""

import asyncio
import errno
import select
import socket
from time import sleep_ms

import network
from hal_world import raised, set_link, took_ms

ENV = {"FG_MAC": "a0b765112233"}

station = network.WLAN(network.STA_IF)


def joined():
    """Return a station that has an address."""
    set_link(1)
    station.active(True)
    station.connect("garden", "secret")
    wait(station)
    return station


def wait(interface, limit_ms=1000):
    for _ in range(limit_ms // 10):
        if interface.isconnected():
            return
        sleep_ms(10)
    raise AssertionError("no address")


def test_wifi_takes_a_moment_to_join_and_says_how_far_it_is():
    set_link(1)
    station.active(False)
    assert station.status() == network.STAT_IDLE
    assert raised(OSError, station.connect, "garden").args[1] == "Wifi Not Started"
    station.active(True)
    assert not station.isconnected()
    station.connect("garden", "secret")
    assert station.status() == network.STAT_CONNECTING
    assert station.ifconfig()[0] == "0.0.0.0"
    assert 200 < took_ms(wait, station) < 2000
    assert station.status() == network.STAT_GOT_IP
    assert station.ifconfig()[3] == "192.168.4.1"
    assert station.ipconfig("addr4") == ("192.168.4.17", "255.255.255.0")


def test_a_lost_access_point_is_noticed_and_joined_again_by_itself():
    wlan = joined()
    set_link(0)
    assert not wlan.isconnected()
    assert wlan.status() == network.STAT_CONNECTING
    sleep_ms(400)
    assert not wlan.isconnected()
    set_link(1)
    assert not wlan.isconnected(), "joining takes its time again"
    wait(wlan)


def test_leaving_is_no_loss():
    wlan = joined()
    wlan.disconnect()
    assert wlan.status() == network.STAT_IDLE
    assert not wlan.isconnected()


def test_there_is_one_station_with_address_and_signal():
    assert network.WLAN(network.STA_IF) is station
    assert network.WLAN() is station
    assert station.config("mac") == b"\xa0\xb7\x65\x11\x22\x33"
    assert station.status("rssi") == -60
    station.config(pm=station.PM_NONE, reconnects=5)
    assert station.config("reconnects") == 5
    network.hostname("gw-shops")
    assert network.hostname() == "gw-shops"


def test_ethernet_follows_the_cable():
    set_link(1)
    lan = network.LAN(mdc=23, mdio=18, phy_type=network.PHY_LAN8720, phy_addr=1)
    assert lan.status() == network.ETH_INITIALIZED
    lan.active(True)
    assert lan.status() == network.ETH_CONNECTED
    wait(lan)
    assert lan.status() == network.ETH_GOT_IP
    set_link(0)
    assert lan.status() == network.ETH_DISCONNECTED
    set_link(1)


def test_what_is_not_simulated_is_named():
    for call, name in (
        (lambda: network.AbstractNIC, "network.AbstractNIC"),
        (lambda: network.WLAN(network.AP_IF), "network.WLAN(AP_IF)"),
        (lambda: station.scan, "WLAN.scan"),
        (lambda: station.config("channels"), "config(channels)"),
        (lambda: station.ipconfig("addr6"), "ipconfig('addr6')"),
        (lambda: network.PHY_OTHER, "network.PHY_OTHER"),
    ):
        assert name in str(raised(NotImplementedError, call)), name


def pair():
    """Return two connected stream sockets."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in range(42000, 42100):
        try:
            listener.bind(("127.0.0.1", port))
            break
        except OSError:
            pass  # somebody has this one
    listener.listen(1)
    client = socket.socket()
    client.connect(("127.0.0.1", port))
    server, address = listener.accept()
    listener.close()
    assert address[0] == "127.0.0.1"
    return client, server


def test_sockets_take_tuples_and_talk():
    client, server = pair()
    client.write(b"hello\n")
    assert server.readline() == b"hello\n"
    server.send(b"yes")
    assert client.recv(10) == b"yes"
    buffer = bytearray(2)
    client.sendall(b"ab")
    assert server.readinto(buffer) == 2
    assert buffer == b"ab"
    client.close()
    assert server.read() == b""
    server.close()


def test_a_poll_sees_what_a_socket_can_do():
    client, server = pair()
    poller = select.poll()
    poller.register(server, select.POLLIN)
    assert poller.poll(10) == []
    client.write(b"x")
    assert poller.poll(1000) == [(server, select.POLLIN)]
    client.close()
    server.close()


def test_asyncio_streams_run_on_these_sockets():
    client, server = pair()

    async def echo():
        stream = asyncio.StreamReader(server)
        stream.write(await stream.readline())
        await stream.drain()

    async def scene():
        client.setblocking(False)
        server.setblocking(False)
        task = asyncio.create_task(echo())
        stream = asyncio.StreamReader(client)
        stream.write(b"over and back\n")
        await stream.drain()
        answer = await asyncio.wait_for(stream.readline(), 5)
        await task
        return answer

    assert asyncio.run(scene()) == b"over and back\n"
    client.close()
    server.close()


def test_without_a_link_nobody_can_be_reached():
    set_link(0)
    lost = socket.socket()
    assert raised(OSError, lost.connect, ("127.0.0.1", 1883)).errno == errno.EHOSTUNREACH
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    error = raised(OSError, datagrams.sendto, b"x", ("127.0.0.1", 53))
    assert error.errno == errno.EHOSTUNREACH
    set_link(1)


def test_a_numeric_address_is_found_at_once():
    found = []
    assert took_ms(lambda: found.extend(socket.getaddrinfo("10.1.2.3", 1883))) < 2000
    assert found[0][-1] == ("10.1.2.3", 1883)
    assert found[0][:2] == (socket.AF_INET, socket.SOCK_STREAM)


def test_a_name_server_that_never_answers_swallows_questions():
    for connected in (False, True):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.setblocking(False)
        address = socket.getaddrinfo("192.168.4.1", 53, 0, socket.SOCK_DGRAM)[0][-1]
        if connected:
            asker.connect(address)
            assert asker.send(b"question") == 8
        else:
            assert asker.sendto(b"question", address) == 8
        poller = select.poll()
        poller.register(asker, select.POLLIN)
        assert poller.poll(100) == []
        assert raised(OSError, asker.recv, 100).errno == errno.EAGAIN
        asker.close()


def test_an_unknown_call_on_a_socket_is_named():
    assert "socket.detach" in str(raised(NotImplementedError, lambda: socket.socket().detach()))
    assert "socket.create_server" in str(raised(NotImplementedError, lambda: socket.create_server))
