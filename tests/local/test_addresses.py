import socket

from dq_pipeline.local.addresses import HOST, is_free, reserve


def listener() -> socket.socket:
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen()
    return server


def test_a_taken_port_moves_on_to_the_next() -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        with reserve({"kafka": port}, {}) as ports:
            assert ports["kafka"] > port
            assert is_free(ports["kafka"])


def test_a_port_taken_on_every_address_is_taken() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not is_free(server.getsockname()[1])


def test_two_reservations_at_once_never_share_a_port() -> None:
    with reserve({"a": 42000, "b": 42000}, {}) as mine, reserve({"a": 42000, "b": 42000}, {}) as other:
        assert len({*mine.values(), *other.values()}) == 4
    with reserve({"a": 42000}, {}) as later:
        assert later["a"] == min(mine.values())


def test_the_remembered_port_comes_first_if_it_is_free() -> None:
    with reserve({"a": 42100}, {"a": 42177}) as ports:
        assert ports == {"a": 42177}
    with listener() as taken:
        port = taken.getsockname()[1]
        with reserve({"a": 42100}, {"a": port}) as ports:
            assert ports["a"] != port
        with reserve({"a": 42100}, {"a": port}, held=["a"]) as ports:  # its own server listens there
            assert ports == {"a": port}
