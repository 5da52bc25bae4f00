"""Drives every call of the package toxiproxy-python against a fault proxy: python.py HOST PORT"""

import socket
import sys
import threading
import time

from toxiproxy import Proxy, Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

# The attributes are those that the API answers, defaults included.
TOXICS = {
    "latency": {"latency": 20, "jitter": 5},
    "bandwidth": {"rate": 1000},
    "slow_close": {"delay": 10},
    "timeout": {"timeout": 1000},
    "reset_peer": {"timeout": 1000},
    "slicer": {"average_size": 64, "size_variation": 16, "delay": 10},
    "limit_data": {"bytes": 1000},
}


def echo_server():
    """A server that sends back what it gets; its address."""

    def echo(connection):
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept(listener):
        while True:
            threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def echoed(listen):
    """How long one byte takes there and back, in seconds."""

    host, port = listen.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        start = time.monotonic()
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        return time.monotonic() - start


def refused(listen):
    host, port = listen.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


def raises(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as raised:
        return str(raised)
    raise AssertionError("%s was not raised" % error.__name__)


def server_calls(server, upstream):
    assert server.running() is True
    assert server.version().startswith(b'{"version": "2.'), server.version()
    assert server.proxies() == {}
    assert server.get_proxy("absent") is None

    proxy = server.create(upstream=upstream, name="echo")
    assert (proxy.name, proxy.upstream, proxy.enabled) == ("echo", upstream, True)
    assert not proxy.listen.endswith(":0"), "the port is resolved"
    echoed(proxy.listen)
    raises(ProxyExists, server.create, upstream=upstream, name="echo")

    off = server.create(upstream=upstream, name="off", listen="127.0.0.1:0", enabled=False)
    assert off.enabled is False
    assert sorted(server.proxies()) == ["echo", "off"]
    assert server.get_proxy("echo").listen == proxy.listen

    assert server.destroy(off) is True
    assert server.destroy("off") is False, "what is no proxy is not destroyed"
    assert server.get_proxy("off") is None
    missing = raises(NotFound, server.destroy, off)
    assert '{"error":"proxy not found","status":404}' in missing, missing

    wanted = [
        {"name": "echo", "upstream": upstream, "listen": proxy.listen},
        {"name": "second", "upstream": upstream, "listen": "127.0.0.1:0"},
    ]
    assert [made.name for made in server.populate(wanted)] == ["second"], "the first is there"
    wanted[0]["upstream"] = "127.0.0.1:1"
    wanted[1]["listen"] = server.get_proxy("second").listen
    replaced = server.populate(wanted)
    assert [(made.name, made.upstream) for made in replaced] == [("echo", "127.0.0.1:1")]
    server.destroy_all()
    assert server.proxies() == {}


def proxy_calls(server, upstream):
    proxy = server.create(upstream=upstream, name="a proxy")
    assert proxy.toxics() == {} and proxy.get_toxic("absent") is None

    for kind, attributes in TOXICS.items():
        for stream in ("downstream", "upstream"):
            proxy.add_toxic(type=kind, stream=stream, attributes=attributes, toxicity=0.5)
            toxic = proxy.get_toxic("%s_%s" % (kind, stream))
            assert (toxic.type, toxic.stream, toxic.toxicity) == (kind, stream, 0.5)
            assert toxic.attributes == attributes, toxic.attributes
            assert proxy.destroy_toxic(toxic.name) is True
    assert proxy.toxics() == {}

    proxy.add_toxic(type="latency", name="slow", attributes={"latency": 200})
    assert sorted(proxy.toxics()) == ["slow"]
    assert proxy.get_toxic("slow").attributes == {"latency": 200, "jitter": 0}
    assert echoed(proxy.listen) >= 0.2
    exists = raises(ProxyExists, proxy.add_toxic, type="latency", name="slow")
    assert "toxic already exists" in exists, "409 is this exception, whatever exists"
    assert "invalid toxic type" in raises(InvalidToxic, proxy.add_toxic, type="slowness")
    assert "stream was invalid" in raises(InvalidToxic, proxy.add_toxic, type="latency", stream="side")
    assert "toxic not found" in raises(NotFound, proxy.destroy_toxic, "absent")

    proxy.disable()
    assert proxy.enabled is False and server.get_proxy("a proxy").enabled is False
    assert refused(proxy.listen)
    proxy.enable()
    assert proxy.enabled is True and not refused(proxy.listen)
    with proxy.down() as down:
        assert isinstance(down, Proxy) and refused(proxy.listen)
    assert not refused(proxy.listen)

    proxy.disable()
    assert server.reset() is True
    assert proxy.toxics() == {} and server.get_proxy("a proxy").enabled is True
    assert not refused(proxy.listen)
    assert proxy.destroy() is True
    assert "proxy not found" in raises(NotFound, proxy.destroy)


def main():
    server = Toxiproxy()
    server.update_api_consumer(sys.argv[1], int(sys.argv[2]))
    upstream = echo_server()
    server_calls(server, upstream)
    proxy_calls(server, upstream)
    print("every call did what it says")


main()
